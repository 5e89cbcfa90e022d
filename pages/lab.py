"""The same data through the whole family of networks, and the gates of one of them."""

import streamlit as st

from medgru.ui import frame, lab_gates, lab_view

with frame.page("Lab"):
    st.markdown("The same patients through the whole family of networks: which of the classic claims hold on them?")
    labs = lab_view.runs()
    if labs:
        lab_view.show(lab_view.choose(labs))
    else:
        st.markdown("No comparison was made yet: start one below. What needs no training stands here first.")
        lab_gates.show()
    lab_view.new(labs)
    if labs:
        lab_gates.show()
