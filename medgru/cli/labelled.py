"""Files with their outcomes, as `train`, `search` and `lab` take them from the command line."""

import argparse
from dataclasses import replace
from pathlib import Path

from medgru.cli.arguments import add_mapping_option, mapping_of, names, say, task_of
from medgru.data.labelled import LabelledStays
from medgru.errors import DataError
from medgru.tasks import TASKS, Task

RULES = ("same", "last", "highest", "ever")


def add_options(parser: argparse.ArgumentParser) -> None:
    """What says where the outcome stands and what is asked."""
    data = parser.add_argument_group("outcomes, in files of your own")
    data.add_argument("--label", metavar="COLUMN", help="column that holds the outcome of each stay")
    data.add_argument("--label-file", type=Path, metavar="FILE", help="where the outcomes are in a file of their own")
    data.add_argument(
        "--rule",
        choices=RULES,
        default="same",
        help="for an outcome that changes within a stay: refuse it (same, the default), take the last one in time, the "
        "highest number (where classes are numbers), or the followed class if it ever occurs (ever; else the last one)",
    )
    data.add_argument("--patient", metavar="COLUMN", help="says whose stay it is, where patients have several")
    add_mapping_option(data)
    question = data.add_mutually_exclusive_group()
    question.add_argument("--task", metavar="TASK", help=f"what is asked (default {next(iter(TASKS))})")
    question.add_argument("--new-task", metavar="TITLE", help="a new question, made from the table itself")
    new = parser.add_argument_group("with --new-task; what is not given is found out from the table")
    new.add_argument("--id", metavar="COLUMN", help="says which stay a row is of")
    new.add_argument("--time", metavar="COLUMN", help="when each row was measured")
    new.add_argument("--features", type=names, metavar="A,B,...", help="columns measured over time")
    new.add_argument("--statics", type=names, metavar="A,B,...", help="columns that are the same in all rows of a stay")
    new.add_argument("--event", metavar="CLASS", help="class whose probability is followed")


def read_labelled_files(arguments: argparse.Namespace, start: Task | None = None) -> LabelledStays:
    """The stays in the files with their outcomes; notes go to the terminal.

    Args:
        arguments: As `add_options` declares them, and `inputs`.
        start: Task of the model to start from, if there is one.

    Raises:
        DataError: Files or columns are not what they should be.
        TaskError: There is no such task.
    """
    from medgru.data import sources

    files = sources(arguments.inputs)
    outcomes = sources([arguments.label_file]) if arguments.label_file else []
    if arguments.new_task:
        if start is not None:
            raise DataError("A new task cannot start from a model: there is none yet. Leave out --from.")
        if arguments.mapping:
            raise DataError("--mapping goes with a task that is there, not with --new-task: name its columns instead.")
        stays = _new_task(arguments, [*files, *outcomes])
    else:
        if arguments.id or arguments.time or arguments.features or arguments.statics or arguments.event:
            raise DataError("--id, --time, --features, --statics and --event go with --new-task TITLE.")
        task = task_of(arguments.task) if arguments.task else start or next(iter(TASKS.values()))
        stays = _known_task(arguments, files, outcomes, task)
    if not arguments.quiet:
        for note in stays.notes:
            say(note)
    return stays


def _known_task(arguments: argparse.Namespace, files: list, outcomes: list, task: Task) -> LabelledStays:
    from medgru.data import build, inspect
    from medgru.data.labels import attach_labels, likely_patient

    found = inspect(files, task)
    mapping = mapping_of(arguments, found)
    recordings, labels = build(found, mapping), outcomes or found
    patient = arguments.patient or likely_patient(recordings, labels, mapping, found)
    return attach_labels(recordings, labels, arguments.label, arguments.rule, patient, mapping, inspection=found)


def _new_task(arguments: argparse.Namespace, files: list) -> LabelledStays:
    from medgru.data.new_task import define, examine

    proposal = examine(files)
    if arguments.id and arguments.id != proposal.choices.id:
        proposal = proposal.with_id(arguments.id)  # whose stays they are and what never changes depend on it
    choices = proposal.choices
    if arguments.time and arguments.time != choices.time:
        choices = replace(choices, time=arguments.time, time_unit="", step=None)
    if arguments.label != choices.label:
        choices = replace(choices, event="")
    choices = replace(
        choices,
        label=arguments.label,
        patient=arguments.patient or choices.patient,
        title=arguments.new_task,
        event=arguments.event or choices.event,
        rule=arguments.rule,
        features=arguments.features or choices.features,
        statics=choices.statics if arguments.statics is None else arguments.statics,
    )
    # A guess gives way to what was said.
    said = {choices.id, choices.time, choices.label, choices.patient}
    features = choices.features if arguments.features else tuple(
        c for c in choices.features if c not in said | set(arguments.statics or ())
    )  # fmt: skip
    statics = choices.statics if arguments.statics is not None else tuple(
        c for c in choices.statics if c not in said | set(features)
    )  # fmt: skip
    return define(proposal, replace(choices, features=features, statics=statics))
