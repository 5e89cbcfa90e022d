"""Mappings kept under a name, offered again for the next file of the same shape.

A mapping names the columns and variables that are used, or that somebody left out, and units. Each is a JSON file of
its own in `settings().home / "mappings"`, the same that `--mapping` takes on the command line.
"""

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from medgru import plain_json
from medgru.data.inspection import Inspection
from medgru.data.mapping import Mapping
from medgru.errors import DataError
from medgru.settings import private_folder, settings
from medgru.tasks import Task
from medgru.whole_files import write_whole

MAX_BYTES = 2 << 20
"""Largest file that can be a mapping."""
MAX_NAME = 60
MAX_SAVED = 500
"""Most mappings that are looked through."""

_ENDING = ".json"
_NOT_PLAIN = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class SavedMapping:
    """A mapping as it was kept.

    Attributes:
        name: As its user called it.
        config: As `Mapping.to_config` made it.
        saved_at: When, in UTC, ISO 8601; "" where nobody said.
    """

    name: str
    config: dict[str, Any]
    saved_at: str = ""

    @property
    def columns(self) -> frozenset[str]:
        """Columns that it uses; a file without one of them has another shape."""
        return frozenset(row["source"] for row in self._rows if row["target"] is not None and not row.get("in_rows"))

    @property
    def known(self) -> frozenset[str]:
        """Every column and variable that it says something about, be it that somebody left it out."""
        return frozenset(row["source"] for row in self._rows)

    @property
    def _rows(self) -> list[dict[str, Any]]:
        return self.config["matches"]

    def to_json(self) -> bytes:
        """The file, to keep or to take along."""
        kept = {"name": self.name, "saved_at": self.saved_at, **self.config}
        return (json.dumps(kept, ensure_ascii=False, indent=1) + "\n").encode()


@dataclass(frozen=True)
class Fit:
    """How a saved mapping fits files at hand.

    Attributes:
        saved: The mapping.
        missing: Columns that it uses and the files lack; it fits where there is none.
        explained: Share of the files' columns and variables that it knows, 0 to 1; those that neither it nor the
            proposal uses do not count.
    """

    saved: SavedMapping
    missing: tuple[str, ...]
    explained: float

    @property
    def exact(self) -> bool:
        """Whether nothing is missing and nothing that would be used is new."""
        return not self.missing and self.explained == 1.0


def read_mapping(data: bytes, task: Task, called: str = "The mapping") -> SavedMapping:
    """A mapping from the content of a file, checked against its task.

    Args:
        data: JSON as `SavedMapping.to_json` writes it.
        task: What it has to be for.
        called: What to call it in messages.

    Raises:
        DataError: It is no mapping, is damaged, or was made for another task.
    """
    if len(data) > MAX_BYTES:
        raise DataError(f"{called} is larger than {MAX_BYTES >> 20} MiB, so it is no mapping that MedGRU saved.")
    try:
        found = plain_json.parse(data)
    except ValueError as error:
        raise DataError(f"{called} holds {error}. Bring a mapping that MedGRU saved.") from None
    if not isinstance(found, dict) or not isinstance(found.get("matches"), list):
        raise DataError(f"{called} is no mapping: bring the JSON file that MedGRU saved.")
    made_for = found.get("task")
    if made_for != task.name:
        shown = f"for {made_for!r}" if isinstance(made_for, str) and made_for else "for no task"
        raise DataError(f"{called} was made {shown}, not for {task.name!r} ({task.title}). Choose another one.")
    try:
        config = Mapping.from_config(found, task).to_config()
    except DataError:
        raise DataError(f"{called} is damaged, or names variables that {task.title} does not have.") from None
    name, moment = found.get("name"), found.get("saved_at")
    return SavedMapping(
        _clean(name) if isinstance(name, str) else "", config, moment[:40] if isinstance(moment, str) else ""
    )


def fit(saved: SavedMapping, inspection: Inspection) -> Fit:
    """How that mapping fits the files at hand."""
    here = {m.source for m in inspection.mapping.matches}
    missing = tuple(sorted(saved.columns - here))
    known = saved.known & here
    to_decide = known | {m.source for m in inspection.mapping.matches if m.target is not None}
    return Fit(saved, missing, len(known) / max(len(to_decide), 1))


def fitting(inspection: Inspection) -> list[Fit]:
    """The saved mappings whose shape the files have, those that explain most first, then the newest."""
    fits = [fit(saved, inspection) for saved in saved_mappings(inspection.task)[0]]
    good = [f for f in fits if not f.missing and f.saved.columns]
    return sorted(good, key=lambda f: (f.explained, f.saved.saved_at), reverse=True)


def saved_mappings(task: Task) -> tuple[list[SavedMapping], list[str]]:
    """The mappings kept for a task, by name, and notes on files that are damaged."""
    found, notes = [], []
    for path in _files():
        try:
            saved = read_mapping(_content(path), task, path.name)
        except DataError as error:
            if not _is_for_another(path, task):
                notes.append(f"{error} It was passed over; delete {path} if nobody needs it.")
            continue
        found.append(saved if saved.name else SavedMapping(path.stem, saved.config, saved.saved_at))
    return sorted(found, key=lambda saved: saved.name.casefold()), notes


def find_mapping(name: str, task: Task) -> SavedMapping:
    """The mapping of that name.

    Raises:
        DataError: There is none for this task; the message names those that are.
    """
    known, _ = saved_mappings(task)
    wanted = _clean(name).casefold()
    for saved in known:
        if saved.name.casefold() == wanted:
            return saved
    names = ", ".join(saved.name for saved in known[:10]) or "none yet"
    raise DataError(f"There is no saved mapping called {name!r} for {task.title}. Saved ones: {names}.")


def save_mapping(name: str, mapping: Mapping) -> SavedMapping:
    """Keep a mapping under a name, in the place of one that has the name already.

    Raises:
        DataError: The name is empty, or the folder cannot be written.
    """
    saved = SavedMapping(_checked(name), mapping.to_config(), datetime.now(UTC).isoformat(timespec="seconds"))
    _write(saved, mapping.task.name)
    return saved


def rename_mapping(old: str, new: str, task: Task) -> SavedMapping:
    """Call a saved mapping something else.

    Raises:
        DataError: There is none of the old name, one of the new name, or the folder cannot be written.
    """
    saved, name = find_mapping(old, task), _checked(new)
    before, after = _path(saved.name, task.name), _path(name, task.name)
    if before != after and after.exists():
        raise DataError(f"There is a mapping called {name!r} already. Delete it first, or choose another name.")
    renamed = SavedMapping(name, saved.config, saved.saved_at)
    _write(renamed, task.name)
    if before != after:
        delete_mapping(old, task)
    return renamed


def delete_mapping(name: str, task: Task) -> None:
    """Forget a saved mapping; one that is gone already is fine.

    Raises:
        DataError: The folder cannot be written.
    """
    with _writing():
        _path(_clean(name), task.name).unlink(missing_ok=True)


def _folder() -> Path:
    return settings().home / "mappings"


def _files() -> list[Path]:
    try:
        return sorted(p for p in _folder().iterdir() if p.suffix == _ENDING and not p.name.startswith("."))[:MAX_SAVED]
    except OSError:
        return []


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path.name} cannot be read ({error.strerror}).") from None


def _is_for_another(path: Path, task: Task) -> bool:
    """Whether it is whole, but of another task."""
    try:
        found = plain_json.parse(_content(path))
    except (DataError, ValueError):
        return False
    return isinstance(found, dict) and isinstance(found.get("task"), str) and found["task"] != task.name


def _clean(name: str) -> str:
    """The name on one line, without what cannot be seen."""
    seen = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in unicodedata.normalize("NFC", name))
    return " ".join(seen.split())[:MAX_NAME].strip()


def _checked(name: str) -> str:
    clean = _clean(name)
    if not clean:
        raise DataError("The mapping needs a name. Name the place or the system that such files come from.")
    return clean


def _path(name: str, task: str) -> Path:
    """Where a mapping of that name is: readable where it is ASCII, told apart by a digest, never a path of its own."""
    readable = _NOT_PLAIN.sub("-", name.casefold()).strip("-")[:40]
    digest = hashlib.sha256(f"{task}\n{name.casefold()}".encode()).hexdigest()[:12]
    return _folder() / f"{readable or 'mapping'}-{digest}{_ENDING}"


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = "" if error.errno is None else f" ({os.strerror(error.errno)})"
        raise DataError(
            f"The mappings in {_folder()} cannot be changed{reason}. Free some space there, check its rights, "
            "or set MEDGRU_HOME to another folder."
        ) from None


def _write(saved: SavedMapping, task: str) -> None:
    """Write the file whole or not at all, whoever else writes it."""
    path = _path(saved.name, task)
    with _writing():
        private_folder(path.parent)
        write_whole(path, saved.to_json())
