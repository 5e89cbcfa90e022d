"""A run followed in the terminal until it ends; Ctrl-C stops it so that it can be resumed."""

from medgru.cli.arguments import say
from medgru.errors import TrainingError
from medgru.jobs.run import Run


def follow(run_id: str, no_wait: bool, quiet: bool) -> None:
    """Show how a run goes, and in the end what came of it; its id is the first line of the output.

    Raises:
        TrainingError: The run failed or was interrupted.
        KeyboardInterrupt: The user stopped it.
    """
    from medgru import jobs
    from medgru.training.progress import terminal_progress

    print(run_id, flush=True)
    if no_wait:
        return
    run = jobs.get(run_id)
    if run.ahead and not quiet:
        say(f"Waiting: {run.ahead} before it.")
    try:
        with terminal_progress(quiet) as bar:
            run = jobs.wait(run_id, bar)
    except KeyboardInterrupt:
        jobs.cancel(run_id)
        jobs.wait(run_id, timeout_s=5)
        say(f"The run was stopped. Continue it with: python -m medgru runs resume {run_id}")
        raise
    if run.state != "done":
        again = f" Continue it with: python -m medgru runs resume {run_id}" if run.resumable else ""
        raise TrainingError(f"{run.message or f'The run was {run.state}.'}{again}")
    print(outcome(run))
    if run.kind == "train" and not quiet:
        say(f"Put it into use, if it is not worse than the model in use: python -m medgru promote {run_id}")


def outcome(run: Run) -> str:
    """What a run that is done found, as text."""
    if run.kind == "lab":
        from medgru.training.lab import read_lab, render

        found = read_lab(run.folder)
        return render(found) if found else ""
    from medgru.jobs.outcome import result

    content = result(run)
    held = content["held_out"]
    lines = [f"On {held['stays']:,} stays held out, {held['events']:,} with the event (95 % intervals):"]
    for name, figures in (("this model", held["metrics"]), *content["baselines"].items()):
        shown = ", ".join(f"{metric} {_figure(f)}" for metric, f in figures.items())
        lines.append(f"  {name}: {shown}")
    lines += [f"Beware: {warning}" for warning in content.get("warnings", ())]
    return "\n".join(lines)


def _figure(figure: dict[str, float | None]) -> str:
    value, low, high = (figure.get(key) for key in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return "unknown"
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"
