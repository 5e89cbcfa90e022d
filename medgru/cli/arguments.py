"""What several commands share: kinds of arguments, paths checked before the work, a bar."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from medgru.errors import DataError, TaskError
from medgru.settings import settings
from medgru.tasks import Task

if TYPE_CHECKING:
    from medgru.data import Inspection, Mapping

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


def add_mapping_option(parser: argparse._ActionsContainer) -> None:
    """The option that says what the columns of the files mean."""
    parser.add_argument(
        "--mapping",
        metavar="FILE.json|NAME",
        help="what the columns mean: a mapping downloaded from the Upload page, or the name of one saved there "
        "(default: as proposed from names and values)",
    )


def mapping_of(arguments: argparse.Namespace, inspection: "Inspection") -> "Mapping":
    """The mapping that `--mapping` names, put onto the files at hand; without the option, the one proposed.

    Raises:
        DataError: There is no such mapping, it is damaged or of another task, or the files lack columns it uses.
    """
    from medgru.data import saved_mappings

    if arguments.mapping is None:
        return inspection.mapping
    path = Path(arguments.mapping)
    if path.is_file():
        called = f"The mapping {path.name}"
        try:
            with path.open("rb") as file:
                data = file.read(saved_mappings.MAX_BYTES + 1)
        except OSError as error:
            raise DataError(f"{called} cannot be read ({error.strerror}). Check its rights.") from None
        saved = saved_mappings.read_mapping(data, inspection.task, called)
    elif path.suffix == ".json" or len(path.parts) > 1:
        raise DataError(f"There is no file {path}. Name a mapping's JSON file, or a mapping saved on the Upload page.")
    else:
        called = f"The mapping {arguments.mapping!r}"
        saved = saved_mappings.find_mapping(arguments.mapping, inspection.task)
    missing = saved_mappings.fit(saved, inspection).missing
    if missing:
        named = ", ".join(missing[:10]) + (f" and {len(missing) - 10} more" if len(missing) > 10 else "")
        raise DataError(
            f"{called} does not fit these files: they lack the columns {named}. Map the new files on the Upload page "
            "and save that mapping, or leave out --mapping."
        )
    return inspection.mapping.apply(saved.config)


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
