"""The first version of a model card, written from what training measured."""

import re
from typing import Any

import numpy as np

from medgru import NOTICE
from medgru.bundle import BundleInfo
from medgru.data.labelled import LabelledStays
from medgru.nn.family import FAMILY
from medgru.tasks import Feature, Task

_LICENCE = re.compile(r"## .*\b(?:licence|license)\b", re.IGNORECASE)
_MOST_NAMED = 60  # variables; the rest is counted


def write_card(task: Task, metrics: dict[str, Any], notes: dict[str, Any]) -> str:
    """Markdown: what it is for, on what it was trained and by which command, how good it is."""
    lines = [
        f"# {task.title}",
        "",
        task.question,
        "",
        f"**{NOTICE}**",
        "",
        "## Training",
        "",
        f"- Data: {task.source}; set {notes['data']['sets']}, {notes['data']['stays']:,} stays.",
        f"- Command: `{notes['command']}` ({notes['date']}, {len(notes['members'])} networks).",
        "",
    ]
    if "unseen" in metrics:
        lines += _unseen(metrics["unseen"])
    lines += [
        "## Out of fold",
        "",
        "Each network on the stays it was not trained on, all sets together. Single networks, so a little worse than "
        "the ensemble; calibrated and stopped on the same stays, so a little too well.",
        "",
        *_table({"Out of fold": metrics["out_of_fold"]}),
        task.card,
    ]
    return "\n".join(lines)


def write_run_card(
    stays: LabelledStays, unseen: dict[str, Any], result: dict[str, Any], origin: BundleInfo | None = None
) -> str:
    """The card of a model that a user trained: what holds for the task, and what is known of the user's data.

    Args:
        stays: All stays of the run.
        unseen: The figures on the patients held out, as in `metrics.json`.
        result: What is known of the run, as in `result.json`.
        origin: The model that it began from, None where it began from scratch.
    """
    task = stays.recordings.task
    lines = [
        f"# {task.title}",
        "",
        task.question,
        "",
        f"**{NOTICE}**",
        "",
        *_training(stays, result, origin),
        "## Results on patients held out",
        "",
        f"{unseen['stays']:,} stays of patients who were held out of this run, for its networks and the comparison "
        "models alike. In brackets: 95 % bootstrap interval over patients.",
        "",
        *_table({"**This model**": unseen["shipped"], **unseen["others"]}),
        *(["## Beware", ""] if result["warnings"] else []),
        *(f"- {warning}" for warning in result["warnings"]),
        "",
        (task.user_card or task.card).rstrip("\n"),
        "",
        *_licence(origin),
    ]
    return "\n".join(lines)


def _training(stays: LabelledStays, result: dict[str, Any], origin: BundleInfo | None) -> list[str]:
    """Whom and what it learned from, as far as the data say."""
    task, data, held = stays.recordings.task, result["data"], result["held_out"]
    core = result["plan"]["network"]["core"]
    began = f"the model {_code(origin.id)}" if origin else "scratch"
    counts = np.bincount(stays.y_true, minlength=len(task.outcomes)).tolist()
    shares = [f"{o.label}: {n:,} ({100 * n / len(stays):.0f} %)" for o, n in zip(task.outcomes, counts, strict=True)]
    lines = [
        "## Training",
        "",
        f"- Data: {data['name']}, brought by the user of this MedGRU: {data['stays']:,} stays of {data['patients']:,} "
        f"patients. {data['stays'] - held['stays']:,} stays were for training and calibration, {held['stays']:,} were "
        "held out. Where and when these patients were treated is not known to MedGRU.",
        f"- Classes, in stays: {'; '.join(shares)}. Followed over time: {task.outcomes[task.event_index].label}.",
        *_measured(stays),
        f"- Networks: {len(result['members'])} of the kind {FAMILY[core].label if core in FAMILY else core}, trained "
        f"from {began} on {result['date']}.",
        "",
    ]
    if task.columns is not None:
        lines += [*_columns(task), ""]
    if stays.notes:
        lines += ["### How the outcomes were read", "", *(f"- {note}" for note in stays.notes), ""]
    return lines


def _measured(stays: LabelledStays) -> list[str]:
    """Which variables of the task were in fact measured in these data, and in how many of the stays."""
    one = stays.recordings
    pairs = np.unique(np.stack([one.stay.astype(np.int64), one.feature.astype(np.int64)]), axis=1)
    counts = np.bincount(pairs[1], minlength=len(one.task.features))
    known = np.isfinite(one.statics).sum(axis=0)
    return [
        *_listed("Measured in these data", one.task.features, counts.tolist(), len(stays)),
        *_listed("Known at the start", one.task.statics, known.tolist(), len(stays)),
    ]


def _listed(what: str, features: tuple[Feature, ...], counts: list[int], stays: int) -> list[str]:
    if not features:
        return []
    found = [f"{_code(f.label)} ({_share(n, stays)})" for f, n in zip(features, counts, strict=True) if n]
    absent = [_code(f.label) for f, n in zip(features, counts, strict=True) if not n]
    never = f" Never: {_named(absent)}." if absent else ""
    line = f"- {what}: {len(found)} of {len(features)}, in brackets the share of stays"
    return [f"{line}: {_named(found)}.{never}" if found else f"- {what}: none of {len(features)}."]


def _share(n: int, stays: int) -> str:
    percent = 100 * n / stays
    return f"{percent:.0f} %" if n == stays or 1 <= percent < 99.5 else "<1 %" if percent < 1 else ">99 %"


def _named(names: list[str]) -> str:
    rest = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {rest:,} more" if rest > 0 else "")


def _columns(task: Task) -> list[str]:
    """How the table was read from which an own task was made."""
    columns = task.columns
    assert columns is not None
    step = task.step.name
    time = (
        (f"{_code(columns.time)} in {columns.time_unit}" if columns.time_unit else _code(columns.time))
        if columns.time
        else "none; the rows of each stay are counted"
    )
    lines = ["### The columns of the table", "", f"- Stay: {_code(columns.record_id)}", f"- Time: {time}"]
    if columns.variable:
        lines.append(f"- Variable and value: {_code(columns.variable)}, {_code(columns.value)}")
    lines += [f"- Outcome: {_code(columns.label)}"] if columns.label else []
    lines += [f"- Patient: {_code(columns.patient)}"] if columns.patient else []
    lines.append(f"- The model sees {task.window_hours:,} steps from the start of a stay; one step: {step}.")
    return lines


def _licence(origin: BundleInfo | None) -> list[str]:
    """The section on licence and citation of the model that this one began from: its weights go back to that."""
    if origin is None:
        return []
    section: list[str] = []
    for line in origin.card.split("\n"):
        if line.startswith("## "):
            if section:
                break
            section = [line] if _LICENCE.match(line) else []
        elif section:
            section.append(line)
    if not section:
        return []
    return [
        "## Licence and citation of the model that it began from",
        "",
        f"These weights began as those of {_code(origin.id)}; what its card says of them still applies:",
        "",
        *(line for line in section[1:] if not line.startswith("These weights began as those of ")),
    ]


def _code(name: str) -> str:
    """A name of the user's as literal text in Markdown."""
    flat = " ".join(name.split()).replace("`", "'")
    return f"`{flat}`"


def _unseen(unseen: dict[str, Any]) -> list[str]:
    return [
        "## Results on unseen stays",
        "",
        f"The same recipe trained on {unseen['trained_on']} alone, measured on {unseen['measured_on']}: "
        f"{unseen['stays']:,} stays, {unseen['events']} with the event. Nothing of the network was chosen there.",
        "In brackets: 95 % bootstrap interval; behind ±: standard deviation over runs. The bundle itself is then "
        "trained on all sets, so these figures are of its twin.",
        "",
        *_table({"**This recipe**": unseen["shipped"], **unseen["others"]}),
    ]


def _table(models: dict[str, dict[str, Any]]) -> list[str]:
    names = [n for n, v in next(iter(models.values())).items() if isinstance(v, dict)]
    lines = [f"| Model | Stays | {' | '.join(names)} |", f"|---|---|{'---|' * len(names)}"]
    for model, figures in models.items():
        lines.append(f"| {model} | {figures['stays']:,} | {' | '.join(_cell(figures.get(n)) for n in names)} |")
    return [*lines, ""]


def _cell(figure: dict[str, Any] | None) -> str:
    if figure is None or figure["value"] is None:
        return ""
    if "sd" in figure:
        return f"{figure['value']:.3f} ± {figure['sd']:.3f}"
    if figure["low"] is None:
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"
