"""`runs`, `compare`, `promote`: what is done with training runs."""

import argparse
from datetime import datetime

from medgru.cli.arguments import say
from medgru.cli.following import follow, outcome
from medgru.errors import TrainingError
from medgru.jobs.run import Run

ACTIONS = ("show", "stop", "resume", "delete")


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the commands of this file."""
    runs = commands.add_parser(
        "runs",
        help="list the training runs; show, stop, resume or delete one",
        description="Without more: list all runs, the newest first.",
        epilog="Example: python -m medgru runs show 20261123-091502-k3f",
    )
    runs.add_argument("action", nargs="?", choices=ACTIONS, help="what to do with a run")
    runs.add_argument("run", nargs="?", metavar="RUN", help="its id")
    runs.add_argument("--no-wait", action="store_true", help="with resume: come back at once")
    runs.add_argument("--quiet", action="store_true", help="no progress bar")
    runs.set_defaults(command=_runs)

    compare = commands.add_parser(
        "compare",
        help="runs side by side: settings that differ, figures, differences patient by patient",
        epilog="Example: python -m medgru compare 20261123-091502-k3f 20261123-102214-a07",
    )
    compare.add_argument("runs", nargs="+", metavar="RUN", help="two ids or more (see `runs`)")
    compare.set_defaults(command=_compare)

    promote = commands.add_parser(
        "promote",
        help="put the model of a run into use, if it passes the gate",
        description="Measure the model of a run beside the one in use, on the same held-out patients, and put it into "
        "use unless it is worse beyond chance in AUROC, AUPRC or calibration.",
        epilog="Example: python -m medgru promote 20261123-091502-k3f",
    )
    promote.add_argument("run", metavar="RUN", help="id of a training run that is done (see `runs`)")
    promote.add_argument("--reason", default="", help="your words, kept in the history")
    promote.add_argument(
        "--override", metavar="REASON", help="put it into use against the verdict; the reason is kept in the history"
    )
    promote.set_defaults(command=_promote)


def _runs(arguments: argparse.Namespace) -> None:
    from medgru import jobs

    jobs.refresh()
    if arguments.action is None:
        _list(jobs.runs())
        return
    if arguments.run is None:
        raise TrainingError(f"Name the run: python -m medgru runs {arguments.action} RUN. Its id is shown by `runs`.")
    run = jobs.get(arguments.run)
    if arguments.action == "show":
        _show(run)
    elif arguments.action == "stop":
        jobs.cancel(run.id)
        say(f"The run is {state(jobs.wait(run.id, timeout_s=5))}.")
    elif arguments.action == "resume":
        jobs.resume(run.id)
        follow(run.id, arguments.no_wait, arguments.quiet)
    else:
        jobs.delete(run.id)
        say("The run was deleted, with its data and its model.")


def _list(runs: list[Run]) -> None:
    if not runs:
        say("There are no runs yet. Start one: python -m medgru train FILE --label COLUMN")
    for run in runs:
        facts = (run.id, state(run), run.kind, run.name, run.task, run.model, f"{run.data.get('stays', '')} stays")
        print(*facts, sep="\t")


def state(run: Run) -> str:
    """The state of a run in words."""
    if run.state == "queued":
        return f"waiting, {run.ahead} before it"
    if run.state == "running":
        return ", ".join(filter(None, ("stopping" if run.stopping else "working", run.place)))
    return "stopped" if run.state == "cancelled" else run.state


def _show(run: Run) -> None:
    moments = (("created", run.created), ("started", run.started), ("ended", run.ended))
    facts = {
        "name": run.name,
        "state": state(run) + (f": {run.message}" if run.message else ""),
        "task": run.task,
        "model": run.model,
        "data": f"{run.data.get('name')}, {run.data.get('stays')} stays",
        **{name: f"{datetime.fromtimestamp(t).astimezone():%Y-%m-%d %H:%M:%S}" for name, t in moments if t},
        "worked": f"{run.worked / 60:.1f} minutes" if run.started else "",
        "epochs": str(run.trained or ""),
        "folder": str(run.folder),
        "note": run.note,
    }
    for name, value in facts.items():
        if value:
            print(f"{name}: {value}")
    if run.state == "done":
        print(outcome(run))


def _compare(arguments: argparse.Namespace) -> None:
    from medgru.jobs.comparison import compare, setting_text

    found = compare(arguments.runs)
    differing = found.settings[found.settings["differs"]].drop(columns="differs")
    print("Settings that differ:" if len(differing) else "All settings are the same.")
    for row in differing.to_dict("records"):
        name = row.pop("setting")
        print(f"  {name}: " + ", ".join(f"{setting_text(value)} ({run})" for run, value in row.items()))
    for run, rows in found.metrics.groupby("run", sort=False):
        print(
            f"{run}: " + ", ".join(f"{r.metric} {r.value:.3f} [{r.low:.3f}, {r.high:.3f}]" for r in rows.itertuples())
        )
    for r in found.differences.itertuples():
        print(
            f"{r.run} minus {r.against}, {r.patients:,} patients: {r.metric} {r.value:+.3f} "
            f"[{r.low:+.3f}, {r.high:+.3f}], {r.verdict}"
        )
    for note in found.notes:
        print(note)


def _promote(arguments: argparse.Namespace) -> None:
    from medgru.jobs.promotion import gate, promote

    verdict = gate(arguments.run)
    for sentence in (*verdict.sentences, *verdict.warnings):
        print(sentence)
    if not verdict.passed and arguments.override is None:
        raise TrainingError("The model was not put into use. To do it all the same: promote RUN --override REASON.")
    info = promote(arguments.run, arguments.override or arguments.reason, override=arguments.override is not None)
    say(f"{info.id} is in use for {info.task.title}. The way back: python -m medgru rollback {info.task.name}")
