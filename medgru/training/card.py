"""The first version of a model card, written from what training measured."""

from typing import Any

from medgru import NOTICE
from medgru.tasks import Task


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


def write_run_card(task: Task, unseen: dict[str, Any], result: dict[str, Any]) -> str:
    """The card of a model that a user trained: the same, of the patients held out."""
    data, settings = result["data"], result["settings"]
    began = f"the model {settings['start_from']}" if settings["start_from"] else "scratch"
    lines = [
        f"# {task.title}",
        "",
        task.question,
        "",
        f"**{NOTICE}**",
        "",
        "## Training",
        "",
        f"- Data: {data['name']}, {data['stays']:,} stays of {data['patients']:,} patients.",
        f"- Networks: {len(result['members'])} of the kind {result['plan']['network']['core']}, trained from {began} "
        f"on {result['date']}.",
        "",
        "## Results on patients held out",
        "",
        f"{unseen['stays']:,} stays of patients who were held out of this run, for its networks and the comparison "
        "models alike. In brackets: 95 % bootstrap interval over patients.",
        "",
        *_table({"**This model**": unseen["shipped"], **unseen["others"]}),
        *(["## Beware", ""] if result["warnings"] else []),
        *(f"- {warning}" for warning in result["warnings"]),
        "",
        task.card,
    ]
    return "\n".join(lines)


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
