"""`train`, `search`, `lab`, `benchmark`: from files to a model, as runs that survive the terminal."""

import argparse
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medgru.cli import labelled
from medgru.cli.arguments import INPUTS, add_data_option, data_dir, names, say, whole
from medgru.cli.following import follow
from medgru.errors import DataError

if TYPE_CHECKING:
    from medgru.data.labelled import LabelledStays
    from medgru.training.config import RunConfig

PHYSIONET = "physionet2012"


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the commands of this file."""
    train = commands.add_parser(
        "train",
        help="train a model: from your files with their outcomes, or a shipped task from its public data",
        description="With --label: train a model from your files, as a run that goes on should this terminal close; "
        "Ctrl-C stops it so that `runs resume` continues it. Without: train a task's network from its public data and "
        "save it as a bundle.",
        epilog="Examples: python -m medgru train ward7.csv --label died --model gru-d; "
        "python -m medgru train icu-mortality --data ../shared/data --out models/icu-mortality",
    )
    train.add_argument("inputs", metavar="FILE|TASK", nargs="+", help=f"{INPUTS}; or a task, such as icu-mortality")
    add_data_option(train)
    train.add_argument("--out", type=Path, metavar="DIR", help="with TASK: folder of the bundle to write")
    _add_run_options(train)
    train.set_defaults(command=_train, search_minutes=0.0)

    search = commands.add_parser(
        "search",
        help="try out settings for some minutes, then train with the best",
        description="Try out settings on the training part of your files, then train with the best as `train` does.",
        epilog="Example: python -m medgru search ward7.csv --label died --minutes 20",
    )
    search.add_argument("inputs", metavar="FILE", nargs="+", help=INPUTS)
    search.add_argument(
        "--minutes", type=whole(1), default=10, dest="search_minutes", help="time for the search (default 10)"
    )
    _add_run_options(search)
    search.set_defaults(command=_search)

    lab = commands.add_parser(
        "lab",
        help="the whole family of networks on the same data, and which of the classic claims hold there",
        description="Train every model of the family several times on the same stays, measure all on the same patients "
        "apart, print the table and the verdicts.",
        epilog="Examples: python -m medgru lab physionet2012 --data ../shared/data; "
        "python -m medgru lab ward7.csv --label died",
    )
    lab.add_argument(
        "inputs", metavar="FILE", nargs="+", help=f"{INPUTS}; or physionet2012 (train set A, measure set B)"
    )
    add_data_option(lab)
    lab.add_argument("--seeds", type=whole(1), default=3, help="networks a model (default 3; from files 3 to 20)")
    lab.add_argument("--models", type=names, metavar="A,B,...", help="only these models of the lab (default all)")
    labelled.add_options(lab)
    _add_following_options(lab)
    lab.set_defaults(command=_lab)

    benchmark = commands.add_parser(
        "benchmark",
        help="train on set A, measure on set B, beside the baselines; or GRU-D on set A, as published",
        description="physionet2012: train every model on set A alone, measure once on set B, print the table (about "
        "half an hour). grud: GRU-D on set A in five folds, as Che et al. 2018 measured it.",
    )
    benchmark.add_argument("name", choices=[PHYSIONET, "grud"], metavar="physionet2012|grud")
    add_data_option(benchmark)
    benchmark.add_argument(
        "--seeds", type=whole(1), default=3, help="physionet2012: seeds for each network (default 3)"
    )
    benchmark.add_argument("--seed", type=whole(0), default=0, help="grud: seed of the folds and networks (default 0)")
    benchmark.add_argument("--quiet", action="store_true", help="no progress bar")
    benchmark.set_defaults(command=_benchmark)


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    labelled.add_options(parser)
    model = parser.add_argument_group("the model")
    model.add_argument("--model", default=None, metavar="MODEL", help="rnn, lstm, gru, gru-d or retain (default gru)")
    model.add_argument("--hidden-size", type=whole(1), metavar="N", help="units of its recurrent core")
    model.add_argument("--layers", type=whole(1), dest="num_layers", metavar="N", help="recurrent layers, 1 to 4")
    model.add_argument("--attention", choices=("none", "additive", "dot"), help="over the hours so far")
    model.add_argument("--members", type=whole(1), metavar="N", help="networks that are averaged")
    model.add_argument("--epochs", type=whole(1), metavar="N", help="most epochs of each network")
    model.add_argument("--from", dest="start_from", metavar="BUNDLE", help="go on from a model of the same task")
    parser.add_argument("--seed", type=whole(0), default=0, help="seed of everything random (default 0)")
    _add_following_options(parser)


def _add_following_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--name", default="", help="name of the run (default: question, kind of network, number of stays)"
    )
    parser.add_argument("--no-wait", action="store_true", help="start or queue the run, print its id, and come back")
    parser.add_argument("--quiet", action="store_true", help="no progress bar and no notes")


def _train(arguments: argparse.Namespace) -> None:
    if arguments.label:
        if arguments.data or arguments.out:
            raise DataError("--data and --out go with a TASK, --label with your own files. Give one or the other.")
        _run(arguments)
        return
    if len(arguments.inputs) > 1 or arguments.out is None:
        raise DataError(
            "To train from your own files, name the column of the outcome with --label COLUMN. To train a shipped task "
            "from its public data, name the task and the bundle to write: train icu-mortality --data DIR --out DIR."
        )
    from medgru.bundle import check_target
    from medgru.tasks import get_task
    from medgru.training.run import train

    task, folder = get_task(arguments.inputs[0]), data_dir(arguments.data)
    check_target(arguments.out)
    train(task, folder, arguments.out, seed=arguments.seed, quiet=arguments.quiet)


def _search(arguments: argparse.Namespace) -> None:
    if not arguments.label:
        raise DataError("Name the column that holds the outcome with --label COLUMN.")
    _run(arguments)


def _run(arguments: argparse.Namespace) -> None:
    from medgru import jobs, library
    from medgru.training.checks import check_run, free_memory_mb, require

    start = library.find(arguments.start_from).task if arguments.start_from else None
    stays = labelled.read_labelled_files(arguments, start)
    config = _config(arguments, stays)
    check = check_run(stays, config, free_memory_mb())
    require(check)
    _announce(arguments, check)
    name = arguments.name or jobs.usual_name(stays, config)
    follow(jobs.submit(stays, check.config, name), arguments.no_wait, arguments.quiet)


def _config(arguments: argparse.Namespace, stays: "LabelledStays") -> "RunConfig":
    from medgru.training.checks import suggested_recipe
    from medgru.training.config import RunConfig

    config = RunConfig(seed=arguments.seed, search_minutes=float(arguments.search_minutes))
    said: dict[str, Any] = {
        name: value
        for name in ("model", "hidden_size", "num_layers", "attention", "members", "start_from")
        if (value := getattr(arguments, name)) is not None
    }
    recipe = suggested_recipe(round(len(stays) * (1 - config.test_share)))
    if arguments.epochs:
        recipe = replace(recipe, epochs=arguments.epochs)
    return replace(config, **said, recipe=recipe)


def _announce(arguments: argparse.Namespace, check: Any) -> None:
    if arguments.quiet:
        return
    for warning in check.warnings:
        say(warning)
    low, high = (math.ceil(minutes) for minutes in check.minutes)
    span = f"{low} to {high} minutes" if high > low else f"up to {high} minute{'s' if high > 1 else ''}"
    say(f"Estimated time: {span}; {check.held_out:,} stays are held out to be measured on.")


def _lab(arguments: argparse.Namespace) -> None:
    if arguments.inputs == [PHYSIONET]:
        _lab_on_public_data(arguments)
        return
    if not arguments.label:
        raise DataError(
            f"Name the column that holds the outcome with --label COLUMN, or run: lab {PHYSIONET} --data DIR."
        )
    from medgru import jobs
    from medgru.training.checks import free_memory_mb, require
    from medgru.training.lab import check_lab, lab_config
    from medgru.training.lab_models import chosen

    stays = labelled.read_labelled_files(arguments)
    models, config = [model.name for model in chosen(arguments.models)], lab_config(len(stays))
    check = check_lab(stays, models, arguments.seeds, config, free_memory_mb())
    require(check)
    _announce(arguments, check)
    lab = {"models": models, "seeds": arguments.seeds}
    name = arguments.name or f"Lab, {stays.recordings.task.title}"
    follow(jobs.submit(stays, config, name, "lab", lab), arguments.no_wait, arguments.quiet)


def _lab_on_public_data(arguments: argparse.Namespace) -> None:
    from medgru.tasks import get_task
    from medgru.training.ensemble import progress_folder
    from medgru.training.lab import render, run_lab
    from medgru.training.progress import terminal_progress
    from medgru.training.public_data import read_labelled

    task, folder = get_task("icu-mortality"), data_dir(arguments.data)
    sets = (read_labelled(task, folder, letter) for letter in "ab")
    train, test = (replace(stays, name=f"set {stays.name}") for stays in sets)
    with terminal_progress(arguments.quiet) as bar:
        kept = progress_folder(f"lab-{PHYSIONET}")  # answers are kept as they come: the same command goes on with them
        text = render(run_lab(train, test, arguments.models, arguments.seeds, bar, kept))
    print(text)
    shutil.rmtree(kept, ignore_errors=True)


def _benchmark(arguments: argparse.Namespace) -> None:
    if arguments.name == "grud":
        from medgru.training.grud_benchmark import render_grud, run_grud_benchmark

        print(render_grud(run_grud_benchmark(data_dir(arguments.data), seed=arguments.seed, quiet=arguments.quiet)))
        return
    from medgru.training.benchmark import render, run_benchmark

    print(render(run_benchmark(data_dir(arguments.data), seeds=arguments.seeds, quiet=arguments.quiet)))
