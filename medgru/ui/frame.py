"""What every page has around it: the way to the other pages, a title, and calm errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from medgru import NOTICE
from medgru.errors import MedGRUError
from medgru.ui import server, state, words

PAGES = Path(__file__).resolve().parents[2] / "pages"
ASSETS = Path(__file__).parent / "assets"

START, UPLOAD, QUALITY, COHORT, PATIENT, RETRAIN, RUNS, LAB, MODELS = (
    PAGES / f"{name}.py"
    for name in ("start", "upload", "quality", "cohort", "patient", "retrain", "runs", "lab", "models")
)


@contextmanager
def page(title: str) -> Iterator[None]:
    """Draw the title, and keep errors of the block `calm`."""
    if not state.shell_ran():
        st.error(f"{NOTICE}\n\nThis page was opened without its frame. Please open MedGRU at its start page.")
        st.stop()
    st.title(title, anchor=False)
    with calm():
        yield


@contextmanager
def calm() -> Iterator[None]:
    """Turn errors of the block into messages; a fragment needs its own, as it runs without the page around it.

    A `MedGRUError` says itself what to do. Anything else is a bug of ours: it is logged by type and
    place, without any value, and the screen stays calm.
    """
    try:
        yield
    except MedGRUError as error:
        show_error(error)
    except Exception as error:  # the one place for the unforeseen; Streamlit's own signals are BaseExceptions
        server.log_script_error(error)
        st.error(
            "Something went wrong on this page; this is a fault in MedGRU, not in what you did. "
            "What you loaded is still there as long as you do not reload this page: go on from Start, in the bar above."
        )


def show_error(error: MedGRUError) -> None:
    """The error's own sentence, as literal text."""
    st.error(words.escape(error, longest=1000))
