"""`predict`, `models`, `export`, `import`, `rollback`: what is done with models that are there."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from medgru import NOTICE
from medgru.cli.arguments import INPUTS, Bar, add_mapping_option, mapping_of, say, task_of, writable
from medgru.errors import DataError, TaskError
from medgru.settings import settings

if TYPE_CHECKING:
    import pandas as pd


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the commands of this file."""
    predict = commands.add_parser(
        "predict",
        help="score the stays in files",
        description="Score every stay in the given files, folders and archives; writes one row a stay: probabilities, "
        "whether the model abstains and why, the change over 6 hours, and the bedside scores NEWS2 (SpO2 scale 1), "
        "qSOFA and SIRS, each with the total that is sure, the total that missing parts would allow (_at_most), what "
        "is missing, and the age of its oldest value; hours recorded, last value, descriptors.",
        epilog="Example: python -m medgru predict icu-mortality set-b.tar.xz --out risks.csv",
    )
    predict.add_argument("model", metavar="MODEL", help="id of a bundle (see `models`) or the path of its folder")
    predict.add_argument("inputs", metavar="INPUT", nargs="+", type=Path, help=INPUTS)
    predict.add_argument(
        "--out",
        required=True,
        metavar="OUT.csv",
        help="file to write, as CSV, Excel or Parquet by its ending (.csv, .xlsx, .parquet), or - for CSV on standard "
        "output",
    )
    predict.add_argument(
        "--spo2-scale-2",
        action="store_true",
        help="NEWS2 by SpO2 scale 2 for all: only where all have hypercapnic respiratory failure",
    )
    predict.add_argument(
        "--set-aside",
        type=Path,
        metavar="ISSUES.csv",
        help="also write what was set aside while reading, and why; holds patients' values",
    )
    add_mapping_option(predict)
    predict.add_argument("--quiet", action="store_true", help="no progress bar and no notes")
    predict.set_defaults(command=_predict)

    models = commands.add_parser("models", help="list the model bundles, shipped and own, and which are in use")
    models.set_defaults(command=_models)

    export = commands.add_parser("export", help="write a model as a zip of exactly its files")
    export.add_argument("model", metavar="MODEL", help="id of a bundle (see `models`)")
    export.add_argument("--out", required=True, type=Path, metavar="OUT.zip", help="file to write")
    export.set_defaults(command=_export)

    bring = commands.add_parser("import", help="take in a model from a zip that MedGRU exported")
    bring.add_argument("zip", type=Path, metavar="MODEL.zip", help="the zip; every file in it is checked")
    bring.set_defaults(command=_import)

    rollback = commands.add_parser("rollback", help="put the model that was in use before into use again")
    rollback.add_argument("task", metavar="TASK", help="for example icu-mortality")
    rollback.set_defaults(command=_rollback)


def _predict(arguments: argparse.Namespace) -> None:
    import torch

    from medgru.bundle import load_bundle
    from medgru.cohort import Cohort
    from medgru.data import build_unseen, inspect, sources
    from medgru.predict import score
    from medgru.scores import bedside
    from medgru.tables import safe_csv

    out = None if arguments.out == "-" else writable(Path(arguments.out), "--out")
    write = _writer(out)
    set_aside_file = arguments.set_aside and writable(arguments.set_aside, "--set-aside")
    torch.set_num_threads(1)  # `score` shares the cores out by batch
    bundle = load_bundle(arguments.model)
    inspection = inspect(sources(arguments.inputs), bundle.task)
    recordings = build_unseen(inspection, mapping_of(arguments, inspection))
    with Bar("Scoring", "stay", arguments.quiet) as bar:
        scores = score(bundle, recordings, bar)
    table = Cohort(recordings, scores, bedside(recordings, scale_2=arguments.spo2_scale_2)).table()
    written = write(table)
    if out:
        out.write_bytes(written)
    else:
        sys.stdout.write(written.decode())
    report = recordings.report
    if set_aside_file:
        set_aside_file.write_bytes(safe_csv(report.issues))
    if not arguments.quiet:
        for note in report.notes:
            say(note)
        say(
            f"{len(table):,} stays scored, {int(table['abstained'].sum()):,} of them too thin to judge; "
            f"{report.rows_used:,} of {report.rows_read:,} measurements used, {report.set_aside:,} set aside. {NOTICE}"
        )


def _writer(out: Path | None) -> "Callable[[pd.DataFrame], bytes]":
    """What makes the file of that ending, CSV for standard output.

    Raises:
        DataError: The ending is that of no file MedGRU writes.
    """
    from medgru.tables import parquet, safe_csv, safe_excel

    def csv(table: "pd.DataFrame") -> bytes:
        return safe_csv(table, float_format="%.6g")

    def excel(table: "pd.DataFrame") -> bytes:
        return safe_excel(table, {"Notice": NOTICE}, "Predictions")

    ending = out.suffix.lower() if out else ".csv"
    writers = {".csv": csv, ".xlsx": excel, ".parquet": parquet}
    if ending not in writers:
        raise DataError(f"{out} for --out ends in {ending or 'nothing'}; expected is {', '.join(writers)}.")
    return writers[ending]


def _models(arguments: argparse.Namespace) -> None:
    from medgru import library

    usable, broken = library.bundles()
    for info in usable:
        used = library.in_use(info.task)
        marks = [
            mark for mark, holds in (("own", library.is_own(info)), ("in use", used and used.id == info.id)) if holds
        ]
        print(f"{info.id}\t{info.task.title}: {info.task.question}\t{info.path}\t{', '.join(marks)}")
    for name, problem in broken.items():
        say(f"medgru: {name} cannot be used: {problem}")
    if not usable:
        raise TaskError(f"There is no usable model bundle in {settings().models_dir}.")


def _export(arguments: argparse.Namespace) -> None:
    from medgru import library

    out = writable(arguments.out, "--out")
    out.write_bytes(library.export_zip(library.find(arguments.model)))
    say(f"{arguments.model} written to {out}.")


def _import(arguments: argparse.Namespace) -> None:
    from medgru import library
    from medgru.bundle_zip import MAX_ZIP_BYTES

    if not arguments.zip.is_file():
        raise DataError(f"There is no file {arguments.zip}. Name a zip that MedGRU exported.")
    if arguments.zip.stat().st_size > MAX_ZIP_BYTES:
        raise DataError(f"{arguments.zip} is larger than {MAX_ZIP_BYTES // 2**20} MiB, the most a model may have.")
    before = {info.id for info in library.bundles()[0]}
    info = library.import_zip(arguments.zip.read_bytes())
    print(info.id)
    if info.id in before:
        say(f"This very model is here already, as {info.id}: nothing was added.")
        return
    say(f"{info.id} was taken in, for {info.task.title}. It is not in use: read its card, {info.path / 'README.md'}.")


def _rollback(arguments: argparse.Namespace) -> None:
    from medgru import library

    task = task_of(arguments.task)
    info = library.roll_back(task)
    print(info.id)
    say(f"{info.id} is in use for {task.title} again.")
