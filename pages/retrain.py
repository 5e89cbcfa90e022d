"""A model trained on the user's own patients: data, question, model, go; then its progress."""

import streamlit as st

from medgru.ui import frame, retrain_data, retrain_live, retrain_view

with frame.page("Retrain"):
    run = retrain_live.current()
    retrain_live.others(run)
    if run is not None:
        retrain_live.show(run)
    else:
        form = st.empty()
        with form.container():
            left, right = st.columns([3, 2], gap="large")
            with left:
                stays, config, begun = retrain_view.steps()
            with right:
                if begun:
                    check = retrain_view.cost(stays, config)
                else:
                    retrain_data.empty()
        if begun:
            retrain_view.go(stays, check, form)
