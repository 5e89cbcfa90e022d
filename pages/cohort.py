"""Everyone loaded, by risk: who should be seen first?"""

import streamlit as st

from medgru.ui import cache, cohort_list, cohort_outcomes, cohort_scoring, cohort_view, frame, widgets

with frame.page("Cohort"):
    with widgets.bar("cohort_bar"):
        loaded = widgets.choose_source(cache.default_task(), cohort_scoring.ABOUT)
        cohort_scoring.whose(loaded)
        model = widgets.choose_model(loaded.recordings.task)
        cohort_scoring.scale_2(loaded)
        labels = cohort_outcomes.choose(loaded)
    asked = cohort_scoring.ask(loaded, model, labels)
    if asked is not None:
        picture, meaning = st.columns([4, 8], gap="medium")
        with meaning:
            threshold = cohort_view.operating_point(asked)
        with picture:
            cohort_view.distribution(asked, threshold)
        left, right = st.columns([2, 10], gap="medium")
        with left:
            by = cohort_list.order(asked)
            chosen = cohort_list.filters(asked)
        with right:
            shown = cohort_list.ranked(asked, chosen, threshold, by)
        cohort_view.exports(asked, shown, threshold)
