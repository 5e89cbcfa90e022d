"""Numbers and names as they stand on the screen."""

import re
from collections import Counter
from collections.abc import Sequence

from medgru.data.words import counted
from medgru.jobs.run import Run
from medgru.tasks import Task

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-!|~$^=.&])")


def escape(text: object, longest: int = 300) -> str:
    """Text of a user (a file's or column's name) as literal text in Markdown.

    A word joiner after `:` and `@` and after `www` breaks emoji codes, directives, icons and automatic links,
    which a backslash does not.
    """
    flat = _MARKDOWN.sub(r"\\\1", shortened(str(text), longest))
    return re.sub(r"(?i)(:|@|www)", "\\1\u2060", flat)


def shortened(text: str, longest: int) -> str:
    """The text on one line, cut where it is longer; for what draws no Markdown."""
    flat = " ".join(text.split())
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"


def file_part(text: str, longest: int = 60) -> str:
    """Text of a user as part of a file's name: ASCII letters, digits, - and _ only."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text)[:longest].strip("-") or "stay"


plural = counted


def first_lower(text: str) -> str:
    """The text with a small first letter, for use within a sentence."""
    return text[:1].lower() + text[1:]


def first_upper(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def task_titles(tasks: Sequence[Task]) -> dict[str, str]:
    """Title of each task by its name; where two are called the same, the end of the name tells them apart."""
    count = Counter(task.title for task in tasks)
    return {t.name: t.title if count[t.title] == 1 else f"{t.title} ({t.name.rsplit('-', 1)[-1]})" for t in tasks}


RUN_STATES = {
    "running": "working",
    "done": "done",
    "failed": "failed",
    "cancelled": "stopped",
    "interrupted": "interrupted (the process ended without a word)",
}


def run_state(run: Run) -> str:
    """How a run stands: "working", "waiting, 1 run before it"."""
    if run.state == "queued":
        return f"waiting, {plural(run.ahead, 'run')} before it" if run.ahead else "waiting, about to begin"
    return "stopping" if run.stopping and run.active else RUN_STATES[run.state]


def duration(seconds: float) -> str:
    """ "about 40 seconds", "about 5 minutes", "about 2 hours": as coarse as an estimate is."""
    if seconds < 90:
        return f"about {plural(max(5, 5 * round(seconds / 5)), 'second')}"
    if seconds < 5400:
        return f"about {plural(round(seconds / 60), 'minute')}"
    return f"about {round(seconds / 3600, 1):g} hours"


def estimate(low: float, high: float) -> str:
    """From how many minutes to how many: "Less than a minute", "2 to 4 minutes", "About 2 hours"."""
    if high < 1:
        return "Less than a minute"
    if high < 90:
        first, last, unit = f"{max(1, low):.0f}", f"{high:.0f}", "minute"
    else:
        first, last, unit = f"{max(0.1, round(low / 60, 1)):g}", f"{round(high / 60, 1):g}", "hour"
    counted = unit if last == "1" else f"{unit}s"
    return f"About {last} {counted}" if first == last else f"{first} to {last} {counted}"
