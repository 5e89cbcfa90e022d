"""The command-line twin of the pages: `python -m medgru --help`.

Bad input ends with exit code 2 and one line on standard error; what the commands report goes to standard error too,
so that standard output stays clean for `--out -`.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from medgru import NOTICE, __version__
from medgru.errors import DataError, MedGRUError, TaskError
from medgru.settings import settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 2 the input was at fault, 130 interrupted."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.command(arguments)
    except MedGRUError as error:
        print(f"medgru: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0
    except OSError as error:  # a full disk, a folder one may not write to
        print(f"medgru: {error.filename or 'A file'}: {error.strerror}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("medgru: stopped.", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m medgru",
        description="Recurrent diagnosis models for medical sequences, on the command line.",
        epilog=NOTICE,
    )
    parser.add_argument("--version", action="version", version=f"MedGRU {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    predict = commands.add_parser(
        "predict",
        help="score the stays in files",
        description="Score every stay in the given files, folders and archives; writes one row a stay.",
        epilog="Example: python -m medgru predict icu-mortality set-b.tar.xz --out risks.csv",
    )
    predict.add_argument("model", metavar="MODEL", help="id of a bundle (see `models`) or the path of its folder")
    predict.add_argument(
        "inputs",
        metavar="INPUT",
        nargs="+",
        type=Path,
        help="CSV, TSV, Excel, Parquet, PhysioNet text files, folders, .zip, .tar.gz, .tar.xz",
    )
    predict.add_argument("--out", required=True, metavar="OUT.csv", help="file to write, or - for standard output")
    predict.add_argument(
        "--set-aside",
        type=Path,
        metavar="ISSUES.csv",
        help="also write what was set aside while reading, and why; holds patients' values",
    )
    predict.add_argument("--quiet", action="store_true", help="no progress bar and no notes")
    predict.set_defaults(command=_predict)

    models = commands.add_parser("models", help="list the model bundles")
    models.set_defaults(command=_models)

    train = commands.add_parser(
        "train",
        help="train a model and save it as a bundle",
        description="Train a task's network from its public data and save it as a bundle.",
        epilog="Example: python -m medgru train icu-mortality --data ../shared/data --out models/icu-mortality",
    )
    train.add_argument("task", metavar="TASK", help="for example icu-mortality")
    _add_data_option(train)
    train.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the bundle to write")
    train.add_argument("--seed", type=_whole(0), default=0, help="seed of everything random (default 0)")
    train.add_argument("--quiet", action="store_true", help="no progress bar")
    train.set_defaults(command=_train)

    benchmark = commands.add_parser(
        "benchmark",
        help="train on set A, measure on set B, beside the baselines",
        description="Train every model on set A alone, measure once on set B, print the table (about half an hour).",
    )
    benchmark.add_argument("name", choices=["physionet2012"], metavar="physionet2012")
    _add_data_option(benchmark)
    benchmark.add_argument("--seeds", type=_whole(1), default=3, help="seeds for each network (default 3)")
    benchmark.add_argument("--quiet", action="store_true", help="no progress bar")
    benchmark.set_defaults(command=_benchmark)
    return parser


def _whole(lowest: int) -> Callable[[str], int]:
    """An argparse type: a whole number from `lowest` on."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < lowest:
            raise argparse.ArgumentTypeError(f"must be a whole number from {lowest} on")
        return int(text)

    return number


def _add_data_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, default=None, metavar="DIR", help="folder with the public data (default: MEDGRU_DATA_DIR)"
    )


def _data_dir(given: Path | None) -> Path:
    folder = given or settings().data_dir
    if folder is None:
        raise DataError("No data folder was given. Name it with --data DIR or set MEDGRU_DATA_DIR.")
    if not folder.is_dir():
        raise DataError(f"The data folder {folder} does not exist. Check the path given with --data.")
    return folder


def _predict(arguments: argparse.Namespace) -> None:
    import torch

    from medgru.bundle import load_bundle
    from medgru.data import read
    from medgru.predict import score
    from medgru.tables import safe_csv

    out = None if arguments.out == "-" else _writable(Path(arguments.out), "--out")
    set_aside_file = arguments.set_aside and _writable(arguments.set_aside, "--set-aside")
    torch.set_num_threads(1)  # `score` shares the cores out by batch
    bundle = load_bundle(arguments.model)
    recordings = read(arguments.inputs, bundle.task)
    with _Bar("Scoring", "stay", arguments.quiet) as bar:
        table = score(bundle, recordings, bar).table()
    csv = safe_csv(table, float_format="%.6f")
    if out:
        out.write_bytes(csv)
    else:
        sys.stdout.write(csv.decode())
    report = recordings.report
    if set_aside_file:
        set_aside_file.write_bytes(safe_csv(report.issues))
    if not arguments.quiet:
        for note in report.notes:
            print(note, file=sys.stderr)
        set_aside = int(report.issues["count"].sum()) if len(report.issues) else 0
        print(
            f"{len(table):,} stays scored, {int(table['abstained'].sum()):,} of them too thin to judge; "
            f"{report.rows_used:,} of {report.rows_read:,} measurements used, {set_aside:,} set aside. {NOTICE}",
            file=sys.stderr,
        )


def _writable(path: Path, option: str) -> Path:
    """The path, once it is clear that a file can be written there: before the work, not after it."""
    if not path.resolve().parent.is_dir():
        raise DataError(f"The folder {path.parent} for {option} does not exist. Create it first.")
    if path.is_dir():
        raise DataError(f"{path} for {option} is a folder. Name a file in it.")
    return path


def _models(arguments: argparse.Namespace) -> None:
    from medgru.bundle import list_bundles

    usable, broken = list_bundles()
    for bundle in usable:
        print(f"{bundle.id}\t{bundle.task.title}: {bundle.task.question}\t{bundle.path}")
    for name, problem in broken.items():
        print(f"medgru: {name} cannot be used: {problem}", file=sys.stderr)
    if not usable:
        raise TaskError(f"There is no usable model bundle in {settings().models_dir}.")


def _train(arguments: argparse.Namespace) -> None:
    from medgru.bundle import check_target
    from medgru.tasks import get_task
    from medgru.training.run import train

    task, data_dir = get_task(arguments.task), _data_dir(arguments.data)
    check_target(arguments.out)
    train(task, data_dir, arguments.out, seed=arguments.seed, quiet=arguments.quiet)


def _benchmark(arguments: argparse.Namespace) -> None:
    from medgru.training.benchmark import render, run_benchmark

    print(render(run_benchmark(_data_dir(arguments.data), seeds=arguments.seeds, quiet=arguments.quiet)))


class _Bar:
    """A tqdm bar on standard error that is called with (done, total)."""

    def __init__(self, title: str, unit: str, quiet: bool) -> None:
        from tqdm import tqdm

        self._bar = tqdm(desc=title, unit=unit, disable=quiet or None, leave=False, file=sys.stderr)

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.close()

    def __call__(self, done: int, total: int) -> None:
        self._bar.total = total
        self._bar.update(done - self._bar.n)
