"""What is trained for what: the shipped ensemble, and the plain networks it is compared with.

The numbers were chosen by cross-validation on set A alone; docs/experiments.md says what else was tried.
"""

from dataclasses import asdict, replace
from typing import Any

from medgru.bundle import load_bundle
from medgru.library import find
from medgru.nn import FAMILY
from medgru.tasks import Task
from medgru.training.config import Recipe, RunConfig
from medgru.training.ensemble import Plan

LEAST_FOLDS = 4
"""Members of a run set at most this part of their stays apart."""

FEW_STEPS, LEAST_BATCH = 12, 8
"""Where an epoch would have fewer steps, batches are made smaller, down to so many stays."""


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


def network_config(task: Task, config: RunConfig) -> dict[str, Any]:
    """The architecture that a run's settings describe, for that task."""
    return FAMILY[config.model].config(sizes(task), asdict(config))


def as_trained(config: RunConfig) -> RunConfig:
    """The settings as they hold: where a run begins from a model, with that one's kind and sizes."""
    if config.start_from is None:
        return config
    network = load_bundle(find(config.start_from).path).network.settings
    kept = ("hidden_size", "num_layers", "bidirectional", "attention", "summary_size", "dropout")
    return replace(config, model=network.core, **{name: getattr(network, name) for name in kept})


def run_plan(config: RunConfig, network: dict[str, Any], stays: int, rarest: int) -> Plan:
    """What a run trains.

    Args:
        config: Its settings.
        network: Its architecture.
        stays: Stays to train on.
        rarest: Patients of the rarest class among them.
    """
    folds = min(max(LEAST_FOLDS, config.members), max(2, rarest))
    inside = stays * (folds - 1) // folds
    batch_size = min(config.recipe.batch_size, max(LEAST_BATCH, inside // FEW_STEPS))
    return Plan(
        network,
        replace(config.recipe, batch_size=batch_size),
        folds=folds,
        repeats=-(-config.members // folds),
        seed=config.seed,
        only=config.members,
    )
