"""Columns that may identify patients: the warning on Upload, the list on Quality, and the click that removes them."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from medgru.data import build
from medgru.errors import MedGRUError
from medgru.quality import Suspect, removed, suspects, to_remove
from medgru.quality.identifiers import REMOVE
from medgru.tables import safe_csv
from medgru.ui import state, widgets, words

NAMED = 4


def suspected(draft: state.Draft) -> tuple[Suspect, ...]:
    """What may identify patients in the files of the draft; looked for once."""
    key = (draft.files_key, state.upload_key())

    def look() -> tuple[Suspect, ...]:
        with st.spinner("Looking for what may identify patients …"):
            return suspects(draft.inspection, draft.mapping)

    found = state.remember_last("suspects", key, look)
    # Pseudonyms, moved dates and capped ages look like the real ones, and are not.
    return tuple(s for s in found if s.action == REMOVE) if state.removal() else found


def warn(draft: state.Draft) -> None:
    """A calm word right after files were read, where something in them points at persons; else nothing."""
    if state.removal():
        was_removed("upload")
        return
    sentence = named(draft)
    if not sentence or state.keeps_identifiers(draft.files_key):
        return
    with st.container(border=True, key="upload_identifiers"):
        st.markdown(f"**{sentence}** MedGRU needs none of them.")
        with st.container(horizontal=True, vertical_alignment="center"):
            _remove_button(draft, "upload", "primary")
            if st.button(
                "Keep them", key="upload_identifiers_keep", help="You will not be asked again for these files."
            ):
                state.keep_identifiers(draft.files_key)
                st.rerun()
        with st.expander("Which, and why", key="upload_identifiers_box"):
            table([s for s in suspected(draft) if s.direct], "upload_suspects")


def named(draft: state.Draft) -> str:
    """Which columns point at persons, a sentence; "" where none does."""
    direct = [s for s in suspected(draft) if s.direct]
    return _sentence(direct) if direct else ""


def listed(draft: state.Draft) -> None:
    """All that may identify patients, with what removal would do, for Quality."""
    was_removed("quality")
    found = suspected(draft)
    if not found:
        st.markdown("Nothing in these files looks as if it identified a patient.")
        return
    direct = [s for s in found if s.direct]
    st.markdown(
        f"**{_sentence(direct)}**"
        if direct
        else "Nothing points at a person by itself. What could, beside other files:"
    )
    table(found, "quality_suspects")
    if not state.removal() and any(s.action for s in found):
        _remove_button(draft, "quality", "primary" if direct else "secondary")
        st.markdown(
            "Columns go, numbers of patients become P0001, P0002, …, all dates of a stay move by one random number of "
            "days, dates within text are blanked, ages over 89 become 90, files get new names. Hours and values stay "
            "as they are."
        )


def was_removed(page: str) -> None:
    """What was removed, and the way back, once."""
    removal = state.removal()
    if removal is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key=f"{page}_removed"):
        st.markdown(f"**Identifiers were removed.** {words.escape(' '.join(removal.done))}")
        if removal.key is not None:
            st.download_button(
                "Download the key, once",
                removal.take_key,
                file_name="medgru-key.csv",
                mime="text/csv",
                key=f"{page}_key",
                help="Which pseudonym stands for whom, and by how many days dates were moved. Keep it apart from the "
                "data. It is forgotten here as soon as you have it.",
            )


def table(found: Sequence[Suspect], key: str) -> None:
    """Each suspicion with its kind, reason and share; values are hidden."""
    rows = pd.DataFrame(
        [
            {
                "Column": s.column,
                "Looks like": s.kind.name,
                "Why": s.reason,
                "Cells": round(100 * s.share),
                "Such as": s.example,
                "Removal would": s.action,
                "File": ", ".join(s.files),
            }
            for s in found
        ]
    )
    share = st.column_config.NumberColumn(format="%d %%", width="small", help="Share of its filled cells")
    widgets.table(rows, key, "What may identify patients", column_config={"Cells": share})


def _sentence(direct: Sequence[Suspect]) -> str:
    names = list(dict.fromkeys(s.column for s in direct))
    shown = ", ".join(words.escape(n, 40) for n in names[:NAMED])
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    verb = "looks as if it identified" if len(names) == 1 else "look as if they identified"
    return f"{words.plural(len(names), 'column')} {verb} patients: {shown}{more}."


def _remove_button(draft: state.Draft, page: str, kind: str) -> None:
    if st.button("Remove them and shift dates", type=kind, key=f"{page}_identifiers_remove"):  # type: ignore[arg-type]
        with st.spinner("Removing what identifies patients …"):
            _remove(draft)
        st.rerun()


def _remove(draft: state.Draft) -> None:
    """Put files without identifiers in the place of the draft's, and of what was accepted from it."""
    result = removed(draft.inspection, to_remove(suspected(draft)), mapping=draft.mapping)
    whence = state.whence()
    new = state.Draft(draft.files_key, (), result.inspection, result.mapping)
    state.forget_originals(new, state.Removal(draft.files_key[1:], result.done, safe_csv(result.key)))
    if isinstance(whence, state.Draft) and whence.files_key[1:] == draft.files_key[1:]:
        try:
            state.accept(state.Loaded.of(build(result.inspection, result.mapping)))
        except MedGRUError:  # they were read before; without what was removed they cannot be, and stay forgotten
            return
