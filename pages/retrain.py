"""Train a model on your own labelled patients."""

import streamlit as st

from medgru.ui import frame

with frame.page("Retrain"):
    st.markdown("Here a model is trained on patients whose outcome you know.")
