"""Every training run, like a lab book."""

import streamlit as st

from medgru.ui import frame

with frame.page("Runs"):
    st.markdown("Here every training run is listed.")
