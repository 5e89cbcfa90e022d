"""MedGRU in the browser: `streamlit run app.py` (or `make run`)."""

from pathlib import Path

import streamlit as st

from medgru.ui import server

# The script lives elsewhere on purpose: beside a `pages/` folder Streamlit would bypass it on a deep link.
app = st.App(
    Path(__file__).parent / "medgru" / "ui" / "shell.py",
    lifespan=server.lifespan,
    middleware=server.MIDDLEWARE,
    on_script_error=server.log_script_error,
)
