"""The mapping on the upload page: a saved one used again, guesses checked one by one, the rest in a table."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import pandas as pd
import streamlit as st

from medgru.data import Mapping, Match, saved_mappings
from medgru.data.names import CHOSEN, EXACT, GUESSED, ROLES, SYNONYM, TIME
from medgru.errors import DataError
from medgru.plots import mapping as plots
from medgru.tasks import Task
from medgru.ui import identifier_view, state, widgets, words

LEFT_OUT = "left out"
HIDDEN = "(hidden)"
"""What stands in the place of a value that may identify a person."""

ROLE_NAMES = {
    "record_id": "patient number",
    "time": "time",
    "admission": "time of admission",
    "variable": "name of the variable",
    "value": "value",
    "unit": "unit of the value",
}
NO_BARS: list[int] = []


def reuse(draft: state.Draft) -> state.Draft:
    """Use a saved mapping that fits the files exactly, or offer those that fit; gives the draft as it is then."""
    fits = saved_mappings.fitting(draft.inspection)
    if state.is_new("reuse", draft.files_key) and fits and fits[0].exact:
        _use(draft, fits[0].saved)
        draft = state.draft() or draft
    reused = state.reused()
    if reused and _is_reused(draft):
        with st.container(horizontal=True, vertical_alignment="center", border=True, key="upload_reused"):
            st.markdown(f"Read with your saved mapping **{words.escape(reused.name)}**.")
            st.button("Undo", key="upload_reuse_undo", on_click=state.undo_reuse)
        return draft
    fits = [f for f in fits if _helps(f.saved, draft)]
    if fits:
        with st.container(horizontal=True, vertical_alignment="center", border=True, key="upload_offer"):
            names = [fit.saved.name for fit in fits]
            st.markdown(_offered(names[0]))
            chosen = names[0]
            if len(names) > 1:
                chosen = str(
                    st.selectbox("Saved mapping", names, key="upload_offer_name", label_visibility="collapsed")
                )
            saved = fits[names.index(chosen)].saved
            st.button("Use that mapping", type="primary", key="upload_use_saved", on_click=_use, args=(draft, saved))
    return draft


def _helps(saved: saved_mappings.SavedMapping, draft: state.Draft) -> bool:
    """Whether a saved mapping would read the files in another way, or leave less to check."""
    now, then = draft.mapping, draft.inspection.mapping.apply(saved.config)
    return then.meaning != now.meaning or len(then.guessed) < len(now.guessed)


def _offered(name: str) -> str:
    if state.removal():
        return f"What is left after the removal fits your saved mapping *{words.escape(name)}*."
    return f"This looks like *{words.escape(name)}*, which you mapped before."


def _is_reused(draft: state.Draft) -> bool:
    """Whether the files are read with a saved mapping."""
    reused = state.reused()
    return reused is not None and reused.files_key == draft.files_key and not reused.undone


def _use(draft: state.Draft, saved: saved_mappings.SavedMapping) -> None:
    new = draft.inspection.mapping.apply(saved.config)
    if new != draft.mapping:
        state.reuse(state.Reuse(draft.files_key, saved.name, draft.mapping))
        state.change_mapping(new)


def review(draft: state.Draft) -> None:
    """The guesses, one after the other; nothing where there is none."""
    mapping = draft.mapping
    unsure = mapping.guessed
    total = max(len(draft.inspection.mapping.guessed), len(unsure))
    if not unsure:
        return
    match = _without_identifiers(unsure[:1], draft)[0]
    names = target_names(mapping.task)
    with st.container(border=True, key="upload_review"):
        left, right = st.columns([3, 2], gap="large")
        with left:
            st.markdown(
                f"**{total - len(unsure) + 1} of {total} to check: is *{words.escape(match.label)}* "
                f"{words.escape(_as_what(match, names))}?**"
            )
            if line := example(match):
                st.markdown(line)
            st.markdown(words.escape(match.reason, longest=400))
            with st.container(horizontal=True, vertical_alignment="bottom"):
                st.button(
                    "Right", type="primary", key="upload_right", on_click=_set, args=(mapping.confirm(*match.key),)
                )
                _choose(mapping, match, names, "upload_review")
                st.button(
                    "Leave out",
                    key="upload_review_leave_out",
                    on_click=_change,
                    args=(mapping, match, None),
                )
                if len(unsure) > 1:
                    st.button(
                        f"All {len(unsure)} are right",
                        key="upload_all_right",
                        on_click=_set,
                        args=(mapping.confirm_all(),),
                    )
        with right:
            _histogram(mapping.task, match, "upload_review_chart")


def _without_identifiers(matches: Sequence[Match], draft: state.Draft) -> list[Match]:
    """The matches, without an example where that may name a person."""
    hidden = {suspect.column for suspect in identifier_view.suspected(draft) if suspect.direct}
    return [replace(m, example_before=HIDDEN, example_after="") if m.source in hidden else m for m in matches]


def _set(mapping: Mapping) -> None:
    state.change_mapping(mapping)


def _change(mapping: Mapping, match: Match, target: str | None) -> None:
    state.change_mapping(mapping.change(match.source, place=match.place, target=target))


def _as_what(match: Match, names: dict[str | None, str]) -> str:
    """What a match was read as, within a sentence: "Temperature in °F", "time in hours"."""
    if match.target in ROLES:
        what = ROLE_NAMES[str(match.target)]
        return f"the {what} in {match.unit}" if match.unit else f"the {what}"
    label = names[match.target].removesuffix(f" ({match.converted_to})")
    return f"{label} in {match.unit}" if match.unit else label


def example(match: Match) -> str:
    """One value as it stands and as it is used, in Markdown: "98.6 °F = 37.0 °C"; "" where there is none."""
    if not match.example_before or match.target is None:
        return ""
    before = words.escape(match.example_before)
    if match.target == TIME:
        return f"{before} → {words.escape(match.example_after)}" if match.example_after else before
    if match.target in ROLES:
        return f"For example {before}"
    if match.unit == match.converted_to:
        return f"For example {words.escape(match.example_after) or before}"
    return f"{before} {words.escape(match.unit)} = **{words.escape(match.example_after)}**"


def _histogram(task: Task, match: Match, key: str) -> None:
    if match.target is None or match.target in ROLES or not match.sample:
        return
    feature = task.find(match.target)
    st.plotly_chart(
        plots.value_histogram(match, feature),
        key=key,
        config={"displayModeBar": False},
        alt=plots.in_words(match, feature),
    )
    usual = "" if feature.normal_low is None else " Shaded: usual in adults."
    raw = ""
    if match.unit != match.converted_to and (share := plots.share_unconverted(match, feature)) is not None:
        raw = f"; as {words.escape(match.converted_to)} it would be {share:.0%}".replace("%", " %")
    st.markdown(
        f":small[{100 * match.share_plausible:.0f} % of {words.plural(match.n_values, 'value')} plausible{raw}.{usual}]"
    )


def fold(draft: state.Draft) -> None:
    """All columns in a table, folded into one line, with the means to change one, and to keep the mapping."""
    matches = draft.mapping.matches
    used = sum(m.target is not None for m in matches)
    hints = sum(bool(m.could_be) for m in matches if m.target is None)
    title = f"{words.plural(used, 'column')} used, {len(matches) - used} left out"
    title += f" ({hints} of them may be useful)" if hints else ""
    checked = bool(draft.inspection.mapping.guessed) and not draft.mapping.guessed and not _is_reused(draft)
    if checked:
        with st.container(border=True, key="upload_checked"):
            _keep(draft, "All is checked. Keep it for the next file like this?")
    with st.expander(f"{title}. Look or change", key="upload_mapping_box"):
        names = target_names(draft.mapping.task)
        ordered = _without_identifiers(by_doubt(matches), draft)
        table_of_matches(ordered, names, "upload_mapping", height(len(ordered), 12), draft.mapping.task)
        _change_one(draft, ordered, names)
        if not checked:
            _keep(draft, "For the next file like this.")
        _bring(draft)
        _saved_ones(draft.mapping.task)


def by_doubt(matches: Sequence[Match]) -> list[Match]:
    """What has to be checked first; of what is left out, first what could be something."""
    order = (GUESSED, CHOSEN, SYNONYM, EXACT, LEFT_OUT)
    return sorted(matches, key=lambda m: (order.index(m.how), not m.could_be))


def table_of_matches(
    matches: Sequence[Match],
    names: dict[str | None, str],
    key: str,
    height: int | Literal["content"],
    task: Task,
) -> None:
    """What each column became, and why."""
    rows = pd.DataFrame(
        [
            {
                "Column": m.label,
                "Becomes": names[m.target],
                "Unit found": m.unit,
                "Converted to": m.converted_to,
                "Before": m.example_before,
                "After": m.example_after,
                "Values": m.n_values,
                "Where they lie": _bars(m, task),
                "Plausible": 100 * m.share_plausible if m.converted_to else None,
                "How": m.how,
                "Why": m.reason,
            }
            for m in matches
        ]
    )
    widgets.table(
        rows,
        key,
        "How each column was understood",
        height=height,
        column_config={
            "Where they lie": st.column_config.BarChartColumn(
                width="small", help="Values across the expected range; the first and the last bar: below and above it"
            ),
            "Plausible": st.column_config.ProgressColumn(
                format="%.0f %%",
                min_value=0,
                max_value=100,
                width="small",
                help="Share of values inside the plausible range",
            ),
            "Before": st.column_config.TextColumn(help="A value as it stands in the file"),
            "After": st.column_config.TextColumn(help="The same value as the model gets it"),
        },
    )


def _bars(match: Match, task: Task) -> list[int]:
    if match.target is None or match.target in ROLES:
        return NO_BARS
    return plots.bins(match, task.find(match.target))


def _change_one(draft: state.Draft, matches: list[Match], names: dict[str | None, str]) -> None:
    labels = [m.label for m in matches]
    with st.container(horizontal=True, vertical_alignment="bottom", key="upload_change"):
        label = st.selectbox("Change column", labels, key="upload_change_column", width=240)
        at = labels.index(label)
        _choose(draft.mapping, matches[at], names, "upload", f"_{at}")
    _histogram(draft.mapping.task, matches[at], "upload_change_chart")


def _choose(mapping: Mapping, match: Match, names: dict[str | None, str], key: str, end: str = "") -> None:
    """What one column becomes, and in which unit; what its values look like is offered first."""
    target_key, unit_key = f"{key}_becomes{end}", f"{key}_unit{end}"
    state.show_in_widget(target_key, match.target)
    st.selectbox(
        "It becomes",
        list(dict.fromkeys([*match.could_be, *names])),
        format_func=lambda name: names[name],
        key=target_key,
        width=280,
        on_change=lambda: _change(mapping, match, state.widget_value(target_key)),
    )
    if len(match.unit_choices) > 1:
        state.show_in_widget(unit_key, match.unit if match.unit in match.unit_choices else None)
        st.selectbox(
            "Its unit",
            list(match.unit_choices),
            key=unit_key,
            width=150,
            placeholder="choose",
            on_change=lambda: state.change_mapping(
                mapping.change(match.source, place=match.place, unit=str(state.widget_value(unit_key)))
            ),
        )


def _keep(draft: state.Draft, title: str) -> None:
    """Keep the mapping by name, or take it along."""
    st.markdown(f"**{title}** A mapping names columns and units; it holds no value of a patient.")
    with st.container(horizontal=True, vertical_alignment="bottom", key="upload_keep"):
        name = st.text_input(
            "Save this mapping as", key="upload_save_name", placeholder="ward 7 export", max_chars=60, width=240
        )
        if st.button("Save", key="upload_save", disabled=not name.strip()):
            try:
                saved = saved_mappings.save_mapping(name, draft.mapping)
                st.toast(f"Saved as {words.escape(saved.name)}. The next file of the same shape will be read with it.")
            except DataError as error:
                st.error(words.escape(error, longest=600))
        st.download_button(
            "Download mapping (JSON)",
            lambda: saved_mappings.SavedMapping(name.strip(), draft.mapping.to_config()).to_json(),
            file_name="medgru-mapping.json",
            mime="application/json",
            on_click="ignore",
            key="upload_mapping_json",
            help="For another computer, or for --mapping on the command line",
        )


def _bring(draft: state.Draft) -> None:
    with st.popover("Use a mapping from a file", key="upload_bring"):
        file = st.file_uploader("A mapping that MedGRU saved (JSON)", type=["json"], key="upload_mapping_file")
    if file is None or not state.is_new("brought_mapping", (file.file_id, draft.files_key)):
        return
    try:
        saved = saved_mappings.read_mapping(file.getvalue(), draft.mapping.task)
        missing = saved_mappings.fit(saved, draft.inspection).missing
        if missing:
            raise DataError(f"It does not fit these files: they lack the columns {', '.join(missing[:10])}.")
    except DataError as error:
        st.error(words.escape(error, longest=600))
        return
    _use(draft, saved_mappings.SavedMapping(saved.name or "from a file", saved.config, saved.saved_at))
    st.rerun()


def _saved_ones(task: Task) -> None:
    """The saved mappings, to call one something else or to forget it."""
    known, notes = saved_mappings.saved_mappings(task)
    for note in notes[:3]:
        st.warning(words.escape(note, longest=600))
    if not known:
        return
    names = [saved.name for saved in known]
    state.keep_choice("upload_saved_one", names, names[0])
    with st.container(horizontal=True, vertical_alignment="bottom", key="upload_saved"):
        chosen = str(st.selectbox("Saved mappings", names, key="upload_saved_one", width=240))
        new = st.text_input("New name", key="upload_saved_rename_to", max_chars=60, width=180)
        if st.button("Rename", key="upload_saved_rename", disabled=not new.strip()):
            try:
                saved_mappings.rename_mapping(chosen, new, task)
                st.rerun()
            except DataError as error:
                st.error(words.escape(error, longest=600))
        with st.popover("Delete", key="upload_saved_delete"):
            st.markdown(f"Forget the mapping **{words.escape(chosen)}**? Files and patients stay as they are.")
            if st.button("Yes, delete it", key="upload_saved_delete_yes"):
                saved_mappings.delete_mapping(chosen, task)
                st.rerun()


def height(rows: int, most: int) -> int:
    """Height of a table that shows up to so many rows, in pixels."""
    return 33 * (min(rows, most) + 1) + 4


def target_names(task: Task) -> dict[str | None, str]:
    """What a column can become, by target: its words on the screen."""
    names: dict[str | None, str] = {None: LEFT_OUT}
    names.update(ROLE_NAMES)
    names.update((f.name, f"{f.label} ({f.unit})" if f.unit else f.label) for f in (*task.features, *task.statics))
    return names
