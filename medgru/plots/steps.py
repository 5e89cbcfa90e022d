"""How the steps of a task's grid are called: "hour 14", "48 hours", "12 rows", "12 steps of 5 minutes"."""

from medgru.tasks import HOUR, TASKS, Task


def is_own(task: Task) -> bool:
    """Whether the user made the task: it is no stay in intensive care, and nothing is known of its values."""
    return task.name not in TASKS


def word(task: Task) -> str:
    """One step: "hour", "row"; "step" where it is a number of something, such as 5 minutes."""
    return "step" if task.step.name[:1].isdigit() else task.step.name


def nth(task: Task, n: int) -> str:
    """ "hour 14", "row 3"."""
    return f"{word(task)} {n}"


def count(task: Task, n: int) -> str:
    """ "1 hour", "48 hours", "12 steps of 5 minutes"."""
    return f"{n:,} {word(task) if n == 1 else plural(task)}{_of(task)}"


def short(task: Task, n: float) -> str:
    """ "48 h", "12 rows", "12 steps"."""
    return f"{n:,.0f} h" if task.step == HOUR else f"{n:,.0f} {word(task) if round(n) == 1 else plural(task)}"


def plural(task: Task) -> str:
    """ "hours", "rows"."""
    return f"{word(task)}s"


def since(task: Task) -> str:
    """What the time axis counts: "hours since admission", "steps of 5 minutes since the start"."""
    return f"{plural(task)}{_of(task)} since {'the start' if is_own(task) else 'admission'}"


def heading(task: Task) -> str:
    """The step as the heading of a column: "Hour"."""
    return word(task)[:1].upper() + word(task)[1:]


def _of(task: Task) -> str:
    return f" of {task.step.name}" if word(task) != task.step.name else ""
