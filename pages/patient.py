"""One patient: how likely the outcome is, how that changed, and what moved it."""

import streamlit as st

from medgru.ui import cache, frame, patient_view, results, widgets

with frame.page("Patient"):
    loaded = widgets.choose_source(cache.default_task())
    with widgets.bar("patient_bar"):
        record_id = widgets.choose_stay(loaded)
        model = widgets.choose_model(loaded.recordings.task)
        answer = results.answer(loaded, record_id, model)
        patient_view.header(answer, model)

    left, right = st.columns([3, 9], gap="medium")
    with left:
        patient_view.verdict(answer, model, loaded)
    with right:
        patient_view.in_words(answer)
        patient_view.timeline(answer)
    patient_view.tables(answer)
