"""What is trained for what: the shipped ensemble, and the plain networks it is compared with.

The numbers were chosen by cross-validation on set A alone; docs/experiments.md says what else was tried.
"""

from typing import Any

from medgru.tasks import Task
from medgru.training.config import Recipe
from medgru.training.ensemble import Plan


def sizes(task: Task) -> dict[str, Any]:
    """What a task fixes of an architecture."""
    return {
        "input_size": len(task.features),
        "static_size": len(task.statics),
        "num_classes": len(task.outcomes),
        "max_hours": task.window_hours,
    }


def shipped_plan(task: Task, seed: int) -> Plan:
    """The ensemble that is shipped: GRU, attention and summaries; one member a fold."""
    return Plan(sizes(task), Recipe(), folds=5, repeats=1, seed=seed)


def plain_plan(task: Task, seed: int, attention: bool) -> Plan:
    """One GRU on values, mask and freshness, without summaries; a tenth of the stays set apart."""
    config = sizes(task) | {"hidden_size": 64, "attention_size": 32 if attention else 0, "summary_size": 0}
    return Plan(config, Recipe(epochs=15, weight_decay=0.1, hide_sensors=0.1), folds=10, repeats=1, seed=seed, only=1)
