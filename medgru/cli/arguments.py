"""What several commands share: kinds of arguments, paths checked before the work, a bar."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from medgru.errors import DataError, TaskError
from medgru.settings import settings
from medgru.tasks import Task

INPUTS = "CSV, TSV, Excel, Parquet, PhysioNet text files, folders, .zip, .tar.gz, .tar.xz"


def whole(lowest: int) -> Callable[[str], int]:
    """An argparse type: a whole number from `lowest` on."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < lowest:
            raise argparse.ArgumentTypeError(f"must be a whole number from {lowest} on")
        return int(text)

    return number


def names(text: str) -> tuple[str, ...]:
    """An argparse type: names with commas between them."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """The option that names the folder of public data."""
    parser.add_argument(
        "--data", type=Path, default=None, metavar="DIR", help="folder with the public data (default: MEDGRU_DATA_DIR)"
    )


def data_dir(given: Path | None) -> Path:
    """The folder of public data.

    Raises:
        DataError: None was named, or it does not exist.
    """
    folder = given or settings().data_dir
    if folder is None:
        raise DataError("No data folder was given. Name it with --data DIR or set MEDGRU_DATA_DIR.")
    if not folder.is_dir():
        raise DataError(f"The data folder {folder} does not exist. Check the path given with --data.")
    return folder


def writable(path: Path, option: str) -> Path:
    """The path, once it is clear that a file can be written there: before the work, not after it."""
    if not path.resolve().parent.is_dir():
        raise DataError(f"The folder {path.parent} for {option} does not exist. Create it first.")
    if path.is_dir():
        raise DataError(f"{path} for {option} is a folder. Name a file in it.")
    return path


def task_of(name: str) -> Task:
    """The task of that name: MedGRU's, or one that a model of the user's brings.

    Raises:
        TaskError: There is none.
    """
    from medgru import library

    known = {task.name: task for task in reversed(library.tasks())}
    if name not in known:
        raise TaskError(f"There is no task called {name!r}. Known tasks: {', '.join(sorted(known))}.")
    return known[name]


def say(text: str) -> None:
    """A line for the person at the terminal, apart from what the command puts out."""
    print(text, file=sys.stderr)


class Bar:
    """A tqdm bar on standard error that is called with (done, total)."""

    def __init__(self, title: str, unit: str, quiet: bool) -> None:
        from tqdm import tqdm

        self._bar = tqdm(desc=title, unit=unit, disable=quiet or None, leave=False, file=sys.stderr)

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.close()

    def __call__(self, done: int, total: int) -> None:
        """Show that so many are done."""
        self._bar.total = total
        self._bar.update(done - self._bar.n)
