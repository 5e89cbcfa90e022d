"""What was measured when: variables by hours, for all patients and for one."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from medgru.data.words import agreeing, counted
from medgru.plots import steps
from medgru.plots.style import ATTENTION_SCALE, finish, plain
from medgru.tasks import Task

ROW, TOP, BOTTOM = 12, 8, 40  # pixels
MOST_SHOWN = 255


def measured_map(task: Task, measured: NDArray[np.float32], recorded: NDArray[np.int64]) -> go.Figure:
    """Share of the patients still recorded who have each variable at each hour.

    Args:
        task: Names of the variables.
        measured: Shares, (F, T).
        recorded: Patients still recorded, (T,).
    """
    shown, names = _shown(task, measured)
    percent = np.round(100 * np.nan_to_num(measured[shown])).astype(np.uint8)
    word = steps.heading(task)
    trace = _map(
        percent, names, f"{word} %{{x}}: %{{z}} % of the patients still recorded have %{{y}}<extra></extra>", 100
    )
    trace.colorbar.title.text = "% have it"
    often = np.nanmean(measured[shown], axis=1) if len(shown) else np.zeros(0)
    said = ""
    if len(shown):
        said = (
            f" Most often {names[-1]} ({100 * often[0]:.0f} % of the {steps.plural(task)}), "
            f"least often {names[0]} ({100 * often[-1]:.0f} %)."
        )
    were = agreeing(len(shown), "was", "were")
    alt = f"Which of {counted(len(shown), 'variable')} {were} measured in which of {measured.shape[1]} "
    alt += f"{steps.plural(task)}.{said}"
    if len(recorded) and recorded[0] > recorded[-1]:
        alt += f" {counted(int(recorded[0]), 'patient')} at the start, {recorded[-1]:,} at the end."
    return _figure(trace, task, len(names), alt)


def stay_measured_map(task: Task, counts: NDArray[np.int64], title: str) -> go.Figure:
    """How often each variable was measured at each hour of one stay, (F, T)."""
    shown, names = _shown(task, counts.astype(np.float32))
    many = np.clip(counts[shown], 0, MOST_SHOWN).astype(np.uint8)
    trace = _map(
        many,
        names,
        f"{steps.heading(task)} %{{x}}: %{{z}} times %{{y}}<extra></extra>",
        max(int(many.max(initial=1)), 1),
    )
    trace.colorbar.title.text = "times"
    alt = (
        f"{plain(title)}: {counted(int(counts.sum()), 'measurement')} of {counted(len(shown), 'variable')} "
        f"over {counts.shape[1]} {steps.plural(task)}; {int((counts.sum(0) == 0).sum())} {steps.plural(task)} without "
        "any."
    )
    return _figure(trace, task, len(names), alt)


def _shown(task: Task, measured: NDArray[np.float32]) -> tuple[NDArray[np.int64], list[str]]:
    """Variables that were measured at all, the most often first, and their names from the bottom of the figure up."""
    total = np.nan_to_num(measured).sum(axis=1)
    order = np.argsort(-total, kind="stable")
    order = order[total[order] > 0]
    return order, [plain(task.features[i].label, 34) for i in order[::-1]]


def _map(z: NDArray[np.uint8], names: list[str], hover: str, most: int) -> go.Heatmap:
    return go.Heatmap(
        z=z[::-1],
        x=np.arange(1, z.shape[1] + 1, dtype=np.int16),
        y=names,
        zmin=0,
        zmax=most,
        colorscale=ATTENTION_SCALE,
        xgap=1,
        ygap=1,
        hovertemplate=hover,
        colorbar={"thickness": 10, "outlinewidth": 0, "title": {"side": "top"}, "len": 1.0},
    )


def _figure(trace: go.Heatmap, task: Task, rows: int, alt: str) -> go.Figure:
    layout = {
        "margin": {"l": 8, "r": 8, "t": TOP, "b": BOTTOM},
        "xaxis": {"title": {"text": steps.since(task), "standoff": 6}, "showgrid": False, "fixedrange": True},
        "yaxis": {"automargin": True, "showgrid": False, "fixedrange": True, "tickfont": {"size": 10}, "dtick": 1},
    }
    return finish(go.Figure(trace, layout), alt, TOP + BOTTOM + max(ROW * rows, 120))
