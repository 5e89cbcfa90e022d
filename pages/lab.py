"""The same data through the whole family of networks."""

import streamlit as st

from medgru.ui import frame

with frame.page("Lab"):
    st.markdown("Here the family of networks is compared on the same data.")
