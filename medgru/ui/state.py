"""What one user's session remembers. The only place that knows session keys.

Everything here belongs to one browser session and to nobody else: patients' data and results never go
into a cache shared by the server's users.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from medgru.data.recording import Recordings

if TYPE_CHECKING:
    from medgru.data import Inspection, Mapping, Source
    from medgru.data.labelled import LabelledStays

# Results kept a session (answers, figures, tables): more than anyone looks back, little enough to forget.
MAX_REMEMBERED = 200

OWN, SIMULATED = "own", "simulated"

_SHELL = "medgru.shell"
_SOURCE = "medgru.source"
_STAY = "medgru.stay"
_WALK = "medgru.walk"
_MODEL = "medgru.model"
_ASKED = "medgru.asked_model"
_TASK = "medgru.task"
_MATERIAL = "medgru.material"
_WATCHED = "medgru.watched_run"
_LISTED = "medgru.listed_runs"
_CHOSEN = "medgru.chosen_runs"
_OWN = "medgru.own"
_WHENCE = "medgru.whence"
_SCALE_2 = "medgru.scale_2"
_PAUSED = "medgru.paused"
_DRAFT = "medgru.draft"
_REUSED = "medgru.reused_mapping"
_KEPT = "medgru.kept_identifiers"
_REMOVAL = "medgru.removal"
_UPLOADS = "medgru.uploads"
_MEMORY = "medgru.memory"

T = TypeVar("T")


@dataclass(frozen=True)
class Loaded:
    """Recordings that can be looked at, with a digest of their content for keys.

    Attributes:
        recordings: The stays.
        digest: SHA-256 over identifiers, times, values and descriptors.
    """

    recordings: Recordings
    digest: str

    @classmethod
    def of(cls, recordings: Recordings) -> "Loaded":
        """Recordings with their digest."""
        digest = hashlib.sha256(repr((recordings.task.name, recordings.record_ids)).encode())
        for array in (recordings.stay, recordings.hours, recordings.feature, recordings.value, recordings.statics):
            digest.update(array.tobytes())
        return cls(recordings, digest.hexdigest())


@dataclass(frozen=True)
class Draft:
    """Files that were read and not yet accepted.

    Attributes:
        files_key: Which upload this is, and for which task it was read.
        sources: The files, to read them for another task.
        inspection: What was found in the files.
        mapping: The mapping as the user has it now.
    """

    files_key: tuple[str, ...]
    sources: "tuple[Source, ...]"
    inspection: "Inspection"
    mapping: "Mapping"


# The shell


def shell_began() -> None:
    """Note that the shell runs, in this very run of the script."""
    st.session_state[_SHELL] = True


def shell_ran() -> bool:
    """Whether the shell ran before this page, in the same run."""
    return bool(st.session_state.pop(_SHELL, False))


# Whom we look at


def own() -> Loaded | None:
    """The user's own recordings, once accepted."""
    return st.session_state.get(_OWN)


def accept(loaded: Loaded, labels: "LabelledStays | None" = None) -> None:
    """Take new recordings in the place of the earlier ones, and look at them; `labels` where outcomes came along."""
    before = own()
    if before is None or before.digest != loaded.digest:
        _forget_cohort()
    st.session_state[_OWN] = loaded
    st.session_state[_WHENCE] = draft() if labels is None else labels
    choose_source(OWN)
    st.session_state.get(_STAY, {}).pop(OWN, None)


def forget_own() -> None:
    """Forget the user's own recordings."""
    for name in (_OWN, _WHENCE, _SOURCE):
        st.session_state.pop(name, None)
    _forget_cohort()


def _forget_cohort() -> None:
    """Forget what the page of the cohort made of the user's own recordings, and what was chosen for them there."""
    for name in [n for n in st.session_state if str(n).startswith(("medgru.last.cohort", "medgru.last.scoring_own"))]:
        del st.session_state[name]
    for name in (_SCALE_2, _PAUSED, _WALK):
        st.session_state.pop(name, None)
    st.session_state[_MATERIAL] = {
        part: brought for part, brought in st.session_state.get(_MATERIAL, {}).items() if part != "cohort_outcomes"
    }


def whence() -> "Draft | LabelledStays | None":
    """What the user's own recordings were made from: files as they were read, or stays with their outcomes."""
    return st.session_state.get(_WHENCE)


def source() -> str | None:
    """Which patients are looked at: `OWN`, `SIMULATED` or None yet."""
    return st.session_state.get(_SOURCE)


def choose_source(name: str) -> None:
    """Look at the user's own or at the simulated patients."""
    st.session_state[_SOURCE] = name


def stay(loaded: Loaded) -> str:
    """The chosen stay of these recordings, the first one by default."""
    chosen = st.session_state.get(_STAY, {}).get(source())
    return chosen if chosen in loaded.recordings.record_ids else loaded.recordings.record_ids[0]


def choose_stay(record_id: str, name: str | None = None) -> None:
    """Look at this stay; `name` also changes whose patients are looked at."""
    if name:
        choose_source(name)
    st.session_state[_STAY] = {**st.session_state.get(_STAY, {}), source(): record_id}


@dataclass(frozen=True)
class WardOrder:
    """The order in which stays were listed where one of them was opened.

    Attributes:
        digest: Of the recordings.
        record_ids: The stays that were listed, in that order.
        said: What order it is, in words.
    """

    digest: str
    record_ids: tuple[str, ...]
    said: str


def walk(order: WardOrder | None) -> None:
    """Go from patient to patient in this order from now on; None for that of the files."""
    st.session_state[_WALK] = order


def walked(loaded: Loaded, record_id: str) -> WardOrder | None:
    """The order of the list from which a patient of these was opened, where that stay was in it."""
    order: WardOrder | None = st.session_state.get(_WALK)
    return order if order and order.digest == loaded.digest and record_id in order.record_ids else None


def asked_model(in_use: str) -> str:
    """Id of the model to ask: the one in use, or the one chosen instead of it.

    A choice ends when another model is put into use: what was put into use is also what is asked.
    """
    chosen, instead_of = st.session_state.get(_ASKED, (in_use, in_use))
    return str(chosen) if instead_of == in_use else in_use


def ask_model(bundle_id: str, in_use: str) -> None:
    """Ask this model from now on, instead of the one in use."""
    st.session_state[_ASKED] = (bundle_id, in_use)


def model() -> str | None:
    """Id of the model whose card is read; None for the first."""
    return st.session_state.get(_MODEL)


def choose_model(bundle_id: str) -> None:
    """Read this model's card from now on."""
    st.session_state[_MODEL] = bundle_id


def scale_2(loaded: Loaded) -> tuple[bool, frozenset[str]]:
    """For whom SpO2 scale 2 of NEWS2 was chosen: whether for all of them, and for which stays."""
    chosen: dict[str, tuple[bool, frozenset[str]]] = st.session_state.get(_SCALE_2, {})
    return chosen.get(loaded.digest, (False, frozenset()))


def choose_scale_2(loaded: Loaded, on: bool, record_id: str | None = None) -> None:
    """Choose scale 2 for that stay, or for all of them; or take it back."""
    for_all, stays = scale_2(loaded)
    if record_id is None:
        for_all = on
    else:
        stays = stays | {record_id} if on else stays - {record_id}
    st.session_state[_SCALE_2] = {**st.session_state.get(_SCALE_2, {}), loaded.digest: (for_all, stays)}


def paused(key: Hashable) -> bool:
    """Whether the user stopped that work."""
    return key in st.session_state.get(_PAUSED, ())


def pause(key: Hashable, stopped: bool = True) -> None:
    """Stop that work, or let it go on."""
    others = {one for one in st.session_state.get(_PAUSED, ()) if one != key}
    st.session_state[_PAUSED] = others | {key} if stopped else others


# What is being read


def task_name() -> str | None:
    """Name of the task that files are read for; None until one was chosen."""
    return st.session_state.get(_TASK)


def choose_task(name: str) -> None:
    """Read files for this task from now on."""
    st.session_state[_TASK] = name


def draft() -> Draft | None:
    """The files that were read last and could be used."""
    return st.session_state.get(_DRAFT)


def begin_draft(new: Draft) -> None:
    """Take newly read files as the draft; what was accepted before stays as it is."""
    st.session_state[_DRAFT] = new


def change_mapping(mapping: "Mapping") -> None:
    """Replace the mapping of the draft."""
    st.session_state[_DRAFT] = replace(st.session_state[_DRAFT], mapping=mapping)


@dataclass(frozen=True)
class Reuse:
    """A saved mapping that is used for the draft.

    Attributes:
        files_key: For which files.
        name: What it is called.
        before: The mapping that it replaced.
        undone: Whether the user took it back.
    """

    files_key: tuple[str, ...]
    name: str
    before: "Mapping"
    undone: bool = False


def reuse(new: Reuse) -> None:
    """Note that a saved mapping is used."""
    st.session_state[_REUSED] = new


def reused() -> Reuse | None:
    """The saved mapping that was used last."""
    return st.session_state.get(_REUSED)


def undo_reuse() -> None:
    """Map as before the saved mapping was used."""
    now = st.session_state.get(_REUSED)
    if now is not None:
        st.session_state[_REUSED] = replace(now, undone=True)
        change_mapping(now.before)


@dataclass
class Removal:
    """What was said and is left of a removal of identifiers.

    Attributes:
        files_key: From which files, without the task.
        done: What was done, a sentence each.
        key: The way back, until it was downloaded: identifiers, pseudonyms and shifts as CSV.
    """

    files_key: tuple[str, ...]
    done: tuple[str, ...]
    key: bytes | None

    def take_key(self) -> bytes:
        """The way back, once; it is forgotten here."""
        key, self.key = self.key or b"", None
        return key


def upload_key() -> str:
    """Key of the drop zone: another one after identifiers were removed, so that Streamlit forgets the files too."""
    n = st.session_state.get(_UPLOADS, 0)
    return f"upload_files_{n}" if n else "upload_files"


def forget_originals(new: Draft, removal: Removal) -> None:
    """Take files without identifiers in the place of those that had them, and forget all that was made from these.

    That is also the mapping which a saved one replaced, and what was accepted or brought from the same content.
    """
    old, accepted = draft(), whence()
    contents = {source.content for source in old.sources} if old else set()
    if isinstance(accepted, Draft) and (
        accepted.files_key[1:] == new.files_key[1:] or any(s.content in contents for s in accepted.sources)
    ):
        forget_own()
        st.session_state.get(_STAY, {}).pop(OWN, None)
    st.session_state[_MATERIAL] = {
        part: None if brought and any(s.content in contents for s in brought.sources) else brought
        for part, brought in st.session_state.get(_MATERIAL, {}).items()
    }
    st.session_state[_DRAFT], st.session_state[_REMOVAL] = new, removal
    st.session_state[_UPLOADS] = st.session_state.get(_UPLOADS, 0) + 1
    made = [name for name in st.session_state if str(name).startswith("medgru.last.")]
    for name in (_MEMORY, _REUSED, *made):
        st.session_state.pop(name, None)


def removal() -> Removal | None:
    """What was removed from the files of the draft."""
    now, done = draft(), st.session_state.get(_REMOVAL)
    return done if now and done and done.files_key == now.files_key[1:] else None


def keep_identifiers(files_key: tuple[str, ...]) -> None:
    """Warn no more of identifiers in these files."""
    st.session_state[_KEPT] = {*st.session_state.get(_KEPT, ()), files_key[1:]}


def keeps_identifiers(files_key: tuple[str, ...]) -> bool:
    """Whether the user said that they stay in these files."""
    return files_key[1:] in st.session_state.get(_KEPT, ())


# What a model is trained on


@dataclass(frozen=True)
class Material:
    """Files as the user brought them.

    Attributes:
        key: Which files these are; never their content.
        name: What they are called on the screen.
        sources: The files.
    """

    key: tuple[str, ...]
    name: str
    sources: "tuple[Source, ...]"


def material(part: str) -> Material | None:
    """The files brought last as that part of the training data ("patients", "outcomes")."""
    return st.session_state.get(_MATERIAL, {}).get(part)


def bring(part: str, new: Material | None) -> None:
    """Take these files as that part of the training data."""
    st.session_state[_MATERIAL] = {**st.session_state.get(_MATERIAL, {}), part: new}


def stays_to_learn_from() -> "LabelledStays | None":
    """The stays with outcomes that were read last on Retrain in this session."""
    kept = st.session_state.get("medgru.last.retrain_stays")
    return kept[1] if kept else None


def watched_run() -> str | None:
    """Id of the run whose progress is shown; empty where the user wants none, None where nothing was said yet."""
    return st.session_state.get(_WATCHED)


def watch_run(run_id: str) -> None:
    """Show the progress of this run; of none where the id is empty."""
    st.session_state[_WATCHED] = run_id


def chosen_runs() -> tuple[str, ...] | None:
    """Ids of the runs that are looked at; None where nothing was chosen yet."""
    return st.session_state.get(_CHOSEN)


def choose_runs(run_ids: Sequence[str] | None) -> None:
    """Look at these runs; None for whatever comes first."""
    st.session_state[_CHOSEN] = None if run_ids is None else tuple(run_ids)


def chosen_in_list(key: str, ids: Sequence[str]) -> tuple[str, ...]:
    """What is chosen in the table of runs of that key, by id, as rows move when a run comes or goes.

    The first row is chosen where nobody chose yet.
    """
    listed, drawn = st.session_state.get(_LISTED, ()), st.session_state.get(key)
    chosen = st.session_state.get(_CHOSEN)
    if drawn is not None and chosen is not None:
        chosen = [listed[row] for row in drawn["selection"]["rows"] if row < len(listed)]
    return tuple(one for one in (ids[:1] if chosen is None else chosen) if one in ids)


def choose_in_list(key: str, ids: Sequence[str]) -> tuple[str, ...]:
    """The same, before a table with these rows is drawn: those that are chosen stay chosen."""
    chosen, drawn = chosen_in_list(key, ids), st.session_state.get(key)
    rows = [ids.index(one) for one in chosen]
    if drawn is None or list(drawn["selection"]["rows"]) != rows:
        st.session_state[key] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    st.session_state[_LISTED], st.session_state[_CHOSEN] = tuple(ids), chosen
    return chosen


# Widgets that mirror a value kept here: the value outlives the widget, which is gone after a page switch


def show_in_widget(key: str, value: object) -> None:
    """Let the widget of that key show this value; to be called before the widget is drawn."""
    st.session_state[key] = value


def widget_value(key: str) -> Any:
    """What the widget of that key shows; None where it was not drawn yet."""
    return st.session_state.get(key)


def keep_choice(key: str, options: Sequence[Any], default: Any) -> None:
    """Before a widget with these options is drawn: a choice that is no longer among them gives way to the default.

    It is written each time: an option whose words have changed since is shown in its new ones, and stays chosen.
    """
    kept = key in st.session_state and st.session_state[key] in options
    st.session_state[key] = st.session_state[key] if kept else default


def keep_wanted(key: str, options: Sequence[Any], proposed: Sequence[Any]) -> list[Any]:
    """As `keep_choice` where several can be chosen; one that is not offered for a while comes back when it is.

    What is proposed is shown until the user changes it; after that it is the user's. Gives what will be shown.
    """
    slot = f"medgru.wanted.{key}"
    kept = st.session_state.get(slot) if key in st.session_state else None
    wanted, shown, edited = kept or (list(proposed), [], False)
    if kept and list(st.session_state[key]) != shown:
        edited = True
        wanted = [*st.session_state[key], *(name for name in wanted if name not in shown)]
    elif not edited:
        wanted = list(proposed)
    shown = [name for name in wanted if name in options]
    st.session_state[slot] = (wanted, shown, edited)
    st.session_state[key] = shown
    return shown


def keep_wanted_choice(key: str, options: Sequence[Any], default: Any) -> None:
    """As `keep_wanted` for one of several: the default until the user chooses, and again while that is not offered."""
    slot = f"medgru.wanted.{key}"
    kept = st.session_state.get(slot) if key in st.session_state else None
    wanted, shown = kept or (None, None)
    if kept and st.session_state[key] != shown:
        wanted = st.session_state[key]
    shown = wanted if wanted in options else default
    st.session_state[slot] = (wanted, shown)
    st.session_state[key] = shown


def is_new(slot: str, key: Hashable) -> bool:
    """Whether this key is another one than the last time that was asked about the slot."""
    before = st.session_state.get(f"medgru.about.{slot}")
    st.session_state[f"medgru.about.{slot}"] = key
    return before != key


def begin_anew(slot: str, key: Hashable, prefixes: tuple[str, ...]) -> None:
    """Forget what widgets whose keys begin so show, where they are about something else than the last time."""
    if is_new(slot, key):
        for name in [k for k in st.session_state if str(k).startswith(prefixes)]:
            del st.session_state[name]


# Results


def remember(key: Hashable, compute: Callable[[], T]) -> T:
    """The result under this key, computed on the first call of the session only.

    An error is not remembered. The least recently used results are forgotten first.
    """
    memory: OrderedDict[Hashable, T] = st.session_state.setdefault(_MEMORY, OrderedDict())
    if key not in memory:
        memory[key] = compute()
        while len(memory) > MAX_REMEMBERED:
            memory.popitem(last=False)
    memory.move_to_end(key)
    return memory[key]


def remember_last(slot: str, key: Hashable, compute: Callable[[], T]) -> T:
    """As `remember`, but the slot holds one result only: for what is large, such as a file's content."""
    kept = st.session_state.get(f"medgru.last.{slot}")
    if kept is None or kept[0] != key:
        st.session_state[f"medgru.last.{slot}"] = kept = (key, compute())
    return kept[1]
