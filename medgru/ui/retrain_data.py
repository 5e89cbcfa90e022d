"""First step of the retrain page: which patients to learn from, and where their outcomes stand."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from medgru.data import ENDINGS, Source, sources
from medgru.settings import settings
from medgru.training.splits import MIN_PER_CLASS
from medgru.ui import state, widgets, words
from medgru.ui.state import Material

PATIENTS, OUTCOMES = "patients", "outcomes"
UPLOADED, FILES, SERVER = "uploaded", "files", "server"
LABELS = {FILES: "New files", SERVER: "A folder on this server"}
ABOUT_FILES = "Files of patients whose outcome you know. Nothing leaves the computer that runs MedGRU."
NOWHERE = "in the same files"
MOST_PLACES, DEEPEST = 500, 3
MOST_LISTED = 50  # files of a folder; one that holds more is offered as a whole
_ABOUT_OUTCOMES = re.compile(r"outcome|label|target|ergebnis|结局", re.IGNORECASE)


def choose() -> tuple[Material | None, Material | None]:
    """The patients' files, and those of their outcomes where these stand in files of their own."""
    draft = state.draft()
    ways = [*([UPLOADED] if draft else []), FILES, *([SERVER] if settings().data_dir else [])]
    state.keep_choice("retrain_source", ways, ways[0])
    with widgets.step(1, "Data"):
        way = _way(ways, draft) if len(ways) > 1 else ways[0]
    if way == SERVER:
        return _on_the_server()
    if way == UPLOADED and draft:
        name = _called([s.name for s in draft.sources])
        patients: Material | None = Material(draft.files_key[1:], name, draft.sources)
    else:
        shown = _receive(PATIENTS, ABOUT_FILES)
        patients = state.material(PATIENTS)
        if patients is not None and not shown:
            st.markdown(f"Loaded: **{words.escape(patients.name)}**")
    if patients is None:
        return None, None
    outcomes = state.material(OUTCOMES)
    said = f"Outcomes are in {outcomes.name[:60]}" if outcomes else "The outcomes are in a file of their own"
    with st.popover(words.escape(said), key="retrain_outcomes_box"):
        _receive(OUTCOMES, "One row a patient: the same patient numbers as above, and a column with the outcome.")
        if state.material(OUTCOMES) is not None:
            st.button("Do without this file", key="retrain_no_outcomes", on_click=state.bring, args=(OUTCOMES, None))
    now = state.material(OUTCOMES)
    if (now and now.key) != (outcomes and outcomes.key):
        st.rerun()  # the button above says what it holds
    return patients, now


def _way(ways: list[str], draft: state.Draft | None) -> str:
    names = {**LABELS, UPLOADED: f"What is on Upload ({_called([s.name for s in draft.sources])})" if draft else ""}
    return st.radio(
        "Patients",
        ways,
        format_func=lambda name: names[name],
        key="retrain_source",
        horizontal=True,
        label_visibility="collapsed",
        persist_state="session",
    )


def _receive(part: str, about: str) -> bool:
    """A drop zone; what it got is kept, as the zone itself forgets it when the page is left. Whether it shows files."""
    files = st.file_uploader(about, accept_multiple_files=True, key=f"retrain_{part}")
    key = tuple(file.file_id for file in files)
    # Told apart from what it got last: a file that was put aside must not come back by itself.
    if files and state.is_new(f"retrain_{part}", key):
        found = tuple(Source(f.name, f.getvalue()) for f in files)
        state.bring(part, Material(key, _called([s.name for s in found]), found))
    return bool(files)


def _on_the_server() -> tuple[Material | None, Material | None]:
    """Files below the folder that whoever runs MedGRU has set aside for it, and no others."""
    root = settings().data_dir
    assert root is not None
    places = _places(root)
    if not places:
        st.info("The folder of data on this server is empty. Whoever runs MedGRU can put files there.")
        return None, None
    left, right = st.columns(2)
    with left:
        state.keep_choice("retrain_folder", list(places), None)  # nothing is read before it is asked for
        chosen = st.selectbox(
            "Patients are in",
            list(places),
            index=None,
            key="retrain_folder",
            placeholder="Choose",
            persist_state="session",
        )
    if chosen is None:
        return None, None
    files = [name for name, path in places.items() if path.is_file() and name != chosen]
    with right:
        state.begin_anew("retrain_folder", chosen, ("retrain_folder_outcomes",))
        options = [NOWHERE, *files]
        state.keep_choice("retrain_folder_outcomes", options, _likely_outcomes(chosen, files))
        where = st.selectbox("Their outcomes are", options, key="retrain_folder_outcomes", persist_state="session")
    patients = _from_server(places[chosen], chosen)
    return patients, None if where == NOWHERE else _from_server(places[where], where)


def _from_server(path: Path, name: str) -> Material:
    found = tuple(sources([path]))
    marks = [(s.content.stat().st_mtime_ns, s.content.stat().st_size) for s in found if isinstance(s.content, Path)]
    return Material((name, str(hash(tuple(marks)))), name, found)


def _places(root: Path) -> dict[str, Path]:
    """Folders and files below the root, by their names; without links out of it and what it may not read."""
    base = root.resolve()
    found: dict[str, Path] = {}
    folders = [base]
    while folders and len(found) < MOST_PLACES:
        folder = folders.pop(0)
        try:
            inside = sorted(p for p in folder.iterdir() if p.name[0] != "." and p.resolve().is_relative_to(base))
            tables = [p for p in inside if p.is_file() and p.name.lower().endswith(ENDINGS)]
            deeper = [p for p in inside if p.is_dir()]
        except OSError:
            continue
        if len(folder.relative_to(base).parts) < DEEPEST:
            folders += deeper
        if tables and folder != base:
            found[f"{folder.relative_to(base).as_posix()}/ ({words.plural(len(tables), 'file')})"] = folder
        if len(tables) <= MOST_LISTED:
            found.update((p.relative_to(base).as_posix(), p) for p in tables)
    return dict(sorted(found.items())[:MOST_PLACES])


def _likely_outcomes(chosen: str, files: Sequence[str]) -> str:
    """The file beside the patients that is called after outcomes, and most like them."""
    folder = chosen.rpartition("/")[0]
    named = [f for f in files if f.rpartition("/")[0] == folder and _ABOUT_OUTCOMES.search(f.rpartition("/")[2])]
    ends = {f: f.split(".")[0][-2:] for f in named}
    same_end = [f for f in named if ends[f] == chosen.split(".")[0][-2:]]
    return next(iter(same_end or difflib.get_close_matches(chosen, named, 1, 0.0)), NOWHERE)


def _called(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1:,} more"


def empty() -> None:
    """What belongs here, and a table to fill in."""
    with st.container(border=True, key="retrain_empty"):
        st.markdown(
            "**A model learns from patients whose outcome is known.** Bring one table (or several) with\n"
            "- a column that says which patient a row is of, and, where there is one, a column with the time\n"
            "- what was measured, one column a variable\n"
            "- a column with the outcome, such as *died* or *discharged*; the same in every row of a patient, or in a "
            "file of its own\n\n"
            "The outcome may be any with 2 to 20 classes. A few hundred patients are a beginning; at least "
            f"{MIN_PER_CLASS} patients of each outcome are needed."
        )
        st.download_button(
            "Template",
            _template,
            file_name="medgru-training-template.csv",
            mime="text/csv",
            on_click="ignore",
            key="retrain_template",
        )


def _template() -> bytes:
    rows: list[tuple[Any, ...]] = [("patient", "hour", "heart rate (/min)", "temperature (°C)", "outcome")]
    rows += [("EXAMPLE-1", h, 88 + 3 * h, 36.9, "survived") for h in (1, 2, 3)]
    rows += [("EXAMPLE-2", h, 104 + 2 * h, 38.4, "died") for h in (1, 2, 3)]
    text = "".join(",".join(map(str, row)) + "\n" for row in rows)
    return text.encode("utf-8-sig")  # the mark tells Excel that this is UTF-8
