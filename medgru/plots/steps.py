"""How the steps of a task's grid are called: "hour 14", "48 hours", "12 rows"."""

from medgru.tasks import HOUR, TASKS, Task


def is_own(task: Task) -> bool:
    """Whether the user made the task: it is no stay in intensive care, and nothing is known of its values."""
    return task.name not in TASKS


def nth(task: Task, n: int) -> str:
    """ "hour 14", "row 3"."""
    return f"{task.step.name} {n}"


def count(task: Task, n: int) -> str:
    """ "1 hour", "48 hours", "12 rows"."""
    return f"{n:,} {task.step.name if n == 1 else plural(task)}"


def short(task: Task, n: float) -> str:
    """ "48 h", "12 rows"."""
    return f"{n:,.0f} h" if task.step == HOUR else count(task, round(n))


def plural(task: Task) -> str:
    """ "hours", "rows"."""
    name = task.step.name
    return name if name.endswith("s") else f"{name}s"


def since(task: Task) -> str:
    """What the time axis counts: "hours since admission", "rows since the start"."""
    return f"{plural(task)} since {'the start' if is_own(task) else 'admission'}"


def heading(task: Task) -> str:
    """The step as the heading of a column: "Hour"."""
    return task.step.name[:1].upper() + task.step.name[1:]
