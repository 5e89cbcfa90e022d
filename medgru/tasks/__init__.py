"""The tasks that MedGRU knows: one file each, one line here."""

from medgru.errors import TaskError
from medgru.tasks.icu_mortality import ICU_MORTALITY
from medgru.tasks.task import HOUR, Columns, Feature, Outcome, Step, Task, Unit

TASKS: dict[str, Task] = {task.name: task for task in (ICU_MORTALITY,)}


def get_task(name: str) -> Task:
    """The task of that name.

    Raises:
        TaskError: There is none; the message lists those there are.
    """
    try:
        return TASKS[name]
    except KeyError:
        raise TaskError(f"There is no task called {name!r}. Known tasks: {', '.join(TASKS)}.") from None


__all__ = ["HOUR", "TASKS", "Columns", "Feature", "Outcome", "Step", "Task", "Unit", "get_task"]
