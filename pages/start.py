"""What this is, and the shortest ways in."""

import streamlit as st

from medgru.ui import cache, frame, start_view

with frame.page("From the first two days in intensive care to a probability, with its reasons"):
    task = cache.default_task()
    st.markdown(start_view.sentence(task))
    start_view.doors()
    start_view.simulated_patients(task)
    start_view.models()
