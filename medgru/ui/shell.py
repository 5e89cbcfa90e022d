"""The script behind every page: page settings, the notice, the navigation. Run by `app.py`."""

import streamlit as st

from medgru import NOTICE
from medgru.ui import frame, state

st.set_page_config(page_title="MedGRU", page_icon=str(frame.ASSETS / "icon.svg"), layout="wide")
st.logo(str(frame.ASSETS / "logo.svg"), size="medium")
st.html(frame.ASSETS / "style.css")

current = st.navigation(
    [
        st.Page(frame.START, title="Start", default=True),
        st.Page(frame.UPLOAD, title="Upload"),
        st.Page(frame.QUALITY, title="Quality"),
        st.Page(frame.COHORT, title="Cohort"),
        st.Page(frame.PATIENT, title="Patient"),
        st.Page(frame.RETRAIN, title="Retrain"),
        st.Page(frame.RUNS, title="Runs"),
        st.Page(frame.LAB, title="Lab"),
        st.Page(frame.MODELS, title="Models"),
    ],
    position="top",
)
with st.container(key="notice"):
    first, rest = NOTICE.split(". ", 1)
    st.markdown(f"**{first}.** {rest}")
state.shell_began()
current.run()
