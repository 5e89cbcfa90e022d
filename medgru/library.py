"""All bundles at hand, shipped and own, and which of them is in use for each task.

Shipped bundles lie in `settings().models_dir` and are never written to. Own ones lie in
`settings().user_models_dir`, under ids that no shipped one has. What is in use is the last word of a
history that only grows: one JSON object a line in `in_use.jsonl`, the file replaced as a whole, so that
it is never half-written; a line that was damaged all the same is passed over. Changes are made under a
lock, for there may be several processes.
"""

import json
import os
import re
import shutil
import tempfile
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from medgru.bundle import MAX_ID_LENGTH, BundleInfo, describe_bundle, is_id, list_bundles, load_bundle
from medgru.bundle_zip import pack, unpack
from medgru.errors import BundleError
from medgru.plain_json import parse
from medgru.settings import private_folder, settings
from medgru.tasks import TASKS, Task
from medgru.whole_files import write_whole

HISTORY = "in_use.jsonl"
ACTIONS = ("promoted", "chosen", "rolled back")
MAX_REASON_LENGTH = 1000
_LATEST = 250_000_000_000.0  # in the year 9892: no calendar here goes beyond 9999
_LOCK_TIMEOUT_S = 30.0
_STAGING, _ABANDONED_S = ".new-", 24 * 3600.0


@dataclass(frozen=True)
class Use:
    """One change of the model in use.

    Attributes:
        task: Name of the task.
        bundle_id: The model in use from then on.
        sha256: Of an own bundle, so that another of the same id is not taken for it; empty for a shipped one,
            which may be replaced by its newer version.
        when: Seconds since 1970.
        action: One of `ACTIONS`.
        reason: The user's words; empty where none were given.
        override: Whether it was put into use although the gate said no.
        run_id: The run it came from, None where it came from none.
    """

    task: str
    bundle_id: str
    sha256: str
    when: float
    action: str
    reason: str = ""
    override: bool = False
    run_id: str | None = None


def bundles() -> tuple[list[BundleInfo], dict[str, str]]:
    """The usable bundles, shipped ones first, and by folder name why others are not usable."""
    shipped, broken = list_bundles(settings().models_dir)
    own, own_broken = list_bundles(settings().user_models_dir)
    taken = {info.id for info in shipped} | set(broken)
    usable = list(shipped)
    for info in own:
        if problem := _id_problem(info.id, taken):
            own_broken[info.id] = problem
        else:
            usable.append(info)
    return usable, {**own_broken, **broken}


def find(bundle_id: str) -> BundleInfo:
    """The bundle of that id, a shipped one before an own one.

    Raises:
        BundleError: There is none, or it cannot be used.
    """
    plain = Path(bundle_id).name == bundle_id and not bundle_id.startswith(".")  # no path that leads elsewhere
    for folder, sound in ((settings().models_dir, plain), (settings().user_models_dir, is_id(bundle_id))):
        if sound and (folder / bundle_id).is_dir():
            return describe_bundle(folder / bundle_id)
    known = ", ".join(info.id for info in bundles()[0]) or "none"
    raise BundleError(f"There is no model of that id. Models there: {known}.")


def is_own(info: BundleInfo) -> bool:
    """Whether the bundle is the user's and not a shipped one."""
    return info.path.parent.resolve() == settings().user_models_dir.resolve()


def tasks() -> list[Task]:
    """The tasks MedGRU knows, and those that own bundles bring."""
    found = list(TASKS.values())
    for info in bundles()[0]:
        if info.task not in found:
            found.append(info.task)
    return found


def history(task: Task) -> tuple[Use, ...]:
    """Every change of the model in use for that task, the oldest first."""
    return tuple(use for use in _read_history() if use.task == task.name)


def run_of(info: BundleInfo) -> str | None:
    """The run that an own bundle was promoted from; None where it came from none."""
    noted = [c.run_id for c in history(info.task) if (c.bundle_id, c.sha256) == (info.id, info.sha256) and c.run_id]
    return noted[-1] if noted else None


def is_imported(info: BundleInfo) -> bool:
    """Whether a bundle in the user's folder came from elsewhere, as no run here is known that it was promoted from."""
    return is_own(info) and run_of(info) is None


def in_use(task: Task) -> BundleInfo | None:
    """The model in use: the one chosen last, else the shipped one; None where the task has neither.

    A model that was put into use and is no longer there, or damaged, is passed over for the one before it.
    """
    return next(_usable(task), None)


def use(task: Task, bundle_id: str, reason: str, override: bool = False, run_id: str | None = None) -> BundleInfo:
    """Put a bundle into use for its task, and note it.

    Raises:
        BundleError: There is no such bundle, it cannot be used or is for another task, or an override has no reason.
    """
    info = find(bundle_id)
    if info.task != task:
        raise BundleError(f"The model {bundle_id} is for {info.task.title}, not for {task.title}.")
    if override and not reason.strip():
        raise BundleError(
            "A model that did not pass the gate, or was not measured here on your patients, needs a reason in words to "
            "be put into use."
        )
    action = "promoted" if run_id else "chosen"
    with _locked():
        _append(_use(info, action, reason, override, run_id))
    return info


def before_use(task: Task) -> BundleInfo | None:
    """The model that was in use before the present one, to which `roll_back` goes; None where there was none."""
    found = _usable(task)
    current = next(found, None)
    return next((info for info in found if current and info.id != current.id), None)


def roll_back(task: Task) -> BundleInfo:
    """Put the model that was in use before the present one into use again, and note it.

    Raises:
        BundleError: There was none before it.
    """
    with _locked():
        if (before := before_use(task)) is None:
            raise BundleError(f"No other model was in use for {task.title} before: there is nothing to go back to.")
        _append(_use(before, "rolled back"))
    return before


def add(source: Path, wanted_id: str) -> BundleInfo:
    """Copy a bundle into the user's folder under a free id; one that is there already is not copied again.

    Raises:
        BundleError: The source is no usable bundle.
    """
    with _locked():
        info = describe_bundle(source)
        for own in list_bundles(settings().user_models_dir)[0]:
            if own.sha256 == info.sha256 and own.task == info.task and is_id(own.id):
                return own
        with _staging() as folder:
            shutil.copytree(source, folder / "new")
            return _take(folder / "new", wanted_id)


def export_zip(info: BundleInfo) -> bytes:
    """The bundle as a zip of exactly its files.

    Raises:
        BundleError: It was damaged or changed since it was described.
    """
    return pack(info)


def import_zip(content: bytes) -> BundleInfo:
    """Take a zipped bundle into the user's folder, once its files were checked and the model was loaded.

    One that is there already, to the last byte, is not taken a second time: then that one is given.

    Raises:
        BundleError: It is not a zip of exactly the files of a usable bundle; the message names what is wrong.
    """
    with _staging() as folder:
        imported = folder / "imported"
        imported.mkdir()
        name = unpack(content, imported)
        sha256 = load_bundle(imported).sha256
        with _locked():
            same = next((info for info in bundles()[0] if info.sha256 == sha256), None)
            return same or _take(imported, name)


def remove(info: BundleInfo) -> None:
    """Delete an own bundle that is not in use.

    Raises:
        BundleError: It is a shipped one, or in use.
    """
    if not is_own(info):
        raise BundleError(f"{info.id} came with MedGRU and cannot be removed here.")
    with _locked():
        if (current := in_use(info.task)) and current.path == info.path:
            raise BundleError(f"{info.id} is in use. Put another model into use first, or roll back.")
        with _staging() as folder:  # out of sight in one step, so that it is never seen half there
            os.replace(info.path, folder / "old")


@contextmanager
def _staging() -> Iterator[Path]:
    """A folder beside the user's bundles in which one can be made ready unseen."""
    with _writing():
        parent = private_folder(settings().user_models_dir)
        for left in parent.glob(f"{_STAGING}*"):  # by a process that was killed
            with suppress(FileNotFoundError):
                if time.time() - left.stat().st_mtime > _ABANDONED_S:
                    shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=parent, prefix=_STAGING) as name:
            yield Path(name)


def _use(info: BundleInfo, action: str, reason: str = "", override: bool = False, run_id: str | None = None) -> Use:
    words = " ".join(reason.split())[:MAX_REASON_LENGTH]
    sha256 = info.sha256 if is_own(info) else ""
    return Use(info.task.name, info.id, sha256, time.time(), action, words, override, run_id)


def _shipped(task: Task) -> BundleInfo | None:
    """The shipped bundle of that task, the one of its name first."""
    found = [info for info in list_bundles(settings().models_dir)[0] if info.task == task]
    return min(found, key=lambda info: info.id != task.name, default=None)


def _stack(task: Task) -> list[Use]:
    """What was in use and was not rolled back, the present one last."""
    shipped = _shipped(task)
    stack = [Use(task.name, shipped.id, "", 0.0, "chosen")] if shipped else []
    lowest = len(stack)
    for change in history(task):
        if change.action == "rolled back":
            while len(stack) > lowest and not _same(stack[-1], change):
                stack.pop()
        if not stack or not _same(stack[-1], change):
            stack.append(change)
    return stack


def _same(one: Use, other: Use) -> bool:
    return (one.bundle_id, one.sha256) == (other.bundle_id, other.sha256)


def _usable(task: Task) -> Iterator[BundleInfo]:
    """The models of `_stack` that can still be used, the present one first."""
    for one in reversed(_stack(task)):
        try:
            info = find(one.bundle_id)
        except BundleError:
            continue
        if info.task == task and one.sha256 == (info.sha256 if is_own(info) else ""):
            yield info


def _take(folder: Path, wanted_id: str) -> BundleInfo:
    own = settings().user_models_dir
    path = own / _free_id(wanted_id)
    os.replace(folder, path)
    return describe_bundle(path)


def _free_id(wanted: str) -> str:
    """An id close to the wanted one that no bundle has, with -2, -3 ... behind it where needed."""
    plain = unicodedata.normalize("NFKD", wanted.casefold()).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^a-z0-9]+", "-", plain)[: MAX_ID_LENGTH - 5].strip("-") or "model"
    number, free = 1, plain
    while any((folder / free).exists() for folder in (settings().models_dir, settings().user_models_dir)):
        number += 1
        free = f"{plain}-{number}"
    return free


def _id_problem(own_id: str, taken: set[str]) -> str:
    if own_id in taken:
        return f"A shipped model is called {own_id} too, and is never hidden by another. Rename the folder."
    if not is_id(own_id):
        return "The folder's name is no id: small letters, digits, single dashes, dots or underscores between them."
    return ""


@contextmanager
def _locked() -> Iterator[None]:
    """Alone among all threads and processes of this user."""
    from filelock import FileLock, Timeout

    with _writing():
        lock = FileLock(private_folder(settings().home) / "library.lock", timeout=_LOCK_TIMEOUT_S)
        try:
            with lock:
                yield
        except Timeout:
            raise BundleError("Another window is changing the models just now. Try again in a minute.") from None


@contextmanager
def _writing() -> Iterator[None]:
    """Say it in words where the user's folder cannot be written; copying trees has an error without a reason."""
    try:
        yield
    except OSError as error:
        reason = "" if error.errno is None else f" ({os.strerror(error.errno)})"
        raise BundleError(
            f"The models in {settings().home} cannot be changed{reason}. Free some space there, "
            "check its rights, or set MEDGRU_HOME to another folder."
        ) from None


def _append(change: Use) -> None:
    path = settings().home / HISTORY
    old = path.read_bytes() if path.exists() else b""
    if old and not old.endswith(b"\n"):
        old += b"\n"
    write_whole(path, old + json.dumps(asdict(change), ensure_ascii=False).encode() + b"\n")


def _read_history() -> list[Use]:
    path = settings().home / HISTORY
    if not path.exists():
        return []
    changes = []
    for line in path.read_bytes().splitlines():
        try:
            changes.append(_parse(parse(line)))
        except (ValueError, TypeError):
            continue  # a line cut off by a crash: what was in use before it still holds
    return changes


def _parse(entry: dict[str, Any]) -> Use:
    """A line of the history, checked by type: ValueError or TypeError where it is none."""
    change = Use(**{f.name: entry[f.name] for f in fields(Use) if f.name in entry})
    texts = (change.task, change.bundle_id, change.sha256, change.reason, change.run_id or "")
    if (
        change.action not in ACTIONS
        or not all(isinstance(text, str) for text in texts)
        or not isinstance(change.when, int | float)
        or not 0 <= change.when <= _LATEST
        or not isinstance(change.override, bool)
    ):
        raise ValueError("not a change of the model in use")
    return change
