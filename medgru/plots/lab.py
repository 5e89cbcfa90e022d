"""The lab: the whole family in one figure, and the gates of one stay hour by hour.

Shapes: T hours (steps of the task's grid), H hidden units.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from medgru.data.recording import Recordings
from medgru.plots import steps
from medgru.plots.rows import HEADING, SMALL, Rows
from medgru.plots.series import cut_at_gaps, measurements
from medgru.plots.style import (
    ATTENTION_SCALE,
    CLASS_COLOURS,
    FAINT,
    NEUTRAL,
    RULE,
    finish,
    interval,
    number,
    percent,
    plain,
    quantity,
    unit,
)
from medgru.tasks import Feature, Task

METRICS = ("AUROC", "AUPRC", "ECE")

# Pixels.
_ROW, _TOP, _BOTTOM, _LEFT = 30, 46, 30, 200
_KEPT, _STRIP, _BETWEEN = 70, 40, 14
_UNIT_ROW = (2, 7)  # least and most for one hidden unit
_HEATMAP = 116  # the most for all hidden units of one gate, unless they are very many

_STANDS_OUT = 0.05  # share of the memory by which an hour differs from the usual one before it is named

_BARS = (("parameters", "Parameters"), ("seconds", "Seconds per epoch"))
_DOMAINS = ((0.0, 0.20), (0.225, 0.425), (0.45, 0.63), (0.66, 0.82), (0.85, 1.0))


def lab_figure(table: pd.DataFrame) -> go.Figure:
    """One row a model: each metric as a dot with its interval, parameters and seconds per epoch as bars.

    Args:
        table: As `medgru.training.lab.LabResult.table`; models without a result are named and left empty.
    """
    figure = go.Figure()
    rows = {str(label): len(table) - 1 - at for at, label in enumerate(table["label"])}
    known = table[np.isfinite(table["AUROC"].to_numpy(dtype=float))] if len(table) else table
    for at, metric in enumerate(METRICS):
        _dots(figure, at, metric, known, rows)
    for at, (column, title) in enumerate(_BARS, start=len(METRICS)):
        _bars(figure, at, column, title, known, rows)
    figure.update_yaxes(
        tickvals=list(rows.values()),
        ticktext=[plain(label, 30) for label in rows],
        range=[-0.6, max(len(rows), 1) - 0.4],
        fixedrange=True,
        showgrid=False,
        zeroline=False,
        ticks="",
    )
    figure.update_layout(
        margin={"t": _TOP, "b": _BOTTOM, "l": _LEFT, "r": 8}, hovermode="closest", bargap=0.45, barmode="overlay"
    )
    return finish(figure, _said(known), _TOP + _BOTTOM + _ROW * max(len(rows), 1))


def _dots(figure: go.Figure, at: int, metric: str, known: pd.DataFrame, rows: dict[str, int]) -> None:
    """Column of one metric: dot and interval of the averaged seeds, a bar for the mean of single ones."""
    axis = f"x{at + 1 if at else ''}"
    y = [rows[str(label)] for label in known["label"]]
    value, low, high = (known[c].to_numpy(dtype=float) for c in (metric, f"{metric}_low", f"{metric}_high"))
    single = known[f"{metric}_mean"].to_numpy(dtype=float)
    said = [[plain(str(r["label"])), interval_text(r, metric), _spread(r, metric)] for r in known.to_dict("records")]
    figure.add_scatter(
        x=value,
        y=y,
        xaxis=axis,
        mode="markers",
        marker={"size": 9, "color": CLASS_COLOURS[0]},
        error_x={
            "type": "data", "symmetric": False, "array": high - value, "arrayminus": value - low,
            "thickness": 2, "width": 0, "color": CLASS_COLOURS[0],
        },
        customdata=said,
        hovertemplate=f"<b>%{{customdata[0]}}</b><br>{metric} %{{customdata[1]}}<br>%{{customdata[2]}}<extra></extra>",
        name=metric,
    )  # fmt: skip
    figure.add_scatter(
        x=single,
        y=y,
        xaxis=axis,
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 13, "color": CLASS_COLOURS[1], "line": {"width": 2}},
        hoverinfo="skip",
        name=f"{metric}, single networks",
    )
    better = "lower is better" if metric == "ECE" else "higher is better"
    _column(figure, at, f"<b>{metric}</b>", better, **({"rangemode": "tozero"} if metric == "ECE" else {}))


def _bars(figure: go.Figure, at: int, column: str, title: str, known: pd.DataFrame, rows: dict[str, int]) -> None:
    """Column of bars with the number at the end of each; nothing where there is none."""
    own = known[np.isfinite(known[column].to_numpy(dtype=float))] if len(known) else known
    values = own[column].to_numpy(dtype=float)
    texts = [f"{v:,.0f}" if column == "parameters" else f"{v:.2g}" if v < 10 else f"{v:.0f}" for v in values]
    figure.add_bar(
        x=values,
        y=[rows[str(label)] for label in own["label"]],
        xaxis=f"x{at + 1}",
        orientation="h",
        marker={"color": NEUTRAL, "line": {"width": 0}},
        customdata=texts,
        hovertemplate=f"{title}: %{{customdata}}<extra></extra>",
        name=column,
    )
    for label, value, text in zip(own["label"], values, texts, strict=True):
        # Not the bars' own text: these take the page's colour.
        figure.add_annotation(
            text=text, x=value, xref=f"x{at + 1}", xanchor="left", xshift=2, y=rows[str(label)], yref="y",
            showarrow=False, font={"size": SMALL},
        )  # fmt: skip
    top = 1.45 * max(values, default=1.0)  # room for the number behind the longest bar
    _column(figure, at, f"<b>{title}</b>", "", range=[0, top], showticklabels=False, showgrid=False)


def _column(figure: go.Figure, at: int, title: str, small: str, **axis: object) -> None:
    low, high = _DOMAINS[at]
    figure.update_layout(
        {
            f"xaxis{at + 1 if at else ''}": {
                "domain": [low, high],
                "anchor": "y",
                "nticks": 5,
                "showgrid": True,
                "gridcolor": FAINT,
                "zeroline": False,
                "fixedrange": True,
                "tickfont": {"size": SMALL},
                **axis,
            }
        }
    )
    second = f"  <span style='font-size:{SMALL}px'>{small}</span>" if small else ""
    figure.add_annotation(
        text=title + second, x=low, xref="paper", xanchor="left", y=1, yref="paper", yanchor="bottom", yshift=8,
        showarrow=False, font={"size": 13},
    )  # fmt: skip


def interval_text(row: Mapping[Any, Any], metric: str) -> str:
    """ "0.871 [0.852, 0.889]": the averaged seeds with their interval."""
    return interval({"value": row[metric], "low": row[f"{metric}_low"], "high": row[f"{metric}_high"]})


def _spread(row: Mapping[Any, Any], metric: str) -> str:
    mean, sd = row[f"{metric}_mean"], row[f"{metric}_sd"]
    spread = f" ± {sd:.3f}" if np.isfinite(sd) else ""
    return f"single networks {mean:.3f}{spread}"


def _said(known: pd.DataFrame) -> str:
    if known.empty:
        return "The family of networks beside each other; no model has been measured yet."
    said = "; ".join(
        f"{r['label']}: AUROC {r['AUROC']:.3f} from {r['AUROC_low']:.3f} to {r['AUROC_high']:.3f}"
        for r in known.to_dict("records")
    )
    return f"The family of networks beside each other, with 95 % intervals. {said}."


# Gates


def kept(update: NDArray[np.floating]) -> NDArray[np.float64]:
    """Share of the memory that a GRU kept at each hour, (T,): mean over the units of its update gate, (T, H)."""
    return np.asarray(update, dtype=np.float64).mean(axis=1)


def gate_finding(update: NDArray[np.floating], task: Task) -> str:
    """In a sentence, when the network rewrote its memory; the first hour does not count, as memory is empty then."""
    share = 1 - kept(update)
    if len(share) < 2:
        return f"Only one {task.step.name} is recorded: there was no memory yet to keep or to rewrite."
    at = 1 + int(share[1:].argmax())
    usual = float(np.median(share[1:]))
    if share[at] - usual < _STANDS_OUT:
        steady = int((np.asarray(update)[1:].mean(axis=0) > 0.5).sum())
        return (
            f"The network kept about {percent(1 - usual)} of its memory at every {task.step.name}: {steady} of its "
            f"{update.shape[1]} units mostly keep what they hold, the others rewrite it."
        )
    where = steps.nth(task, at + 1)
    how = f"most of its memory ({percent(share[at])})" if share[at] > 0.5 else f"{percent(share[at])} of its memory"
    return f"At {where} the network rewrote {how}; usually {percent(usual)}."


def gate_view(
    one: Recordings,
    reset: NDArray[np.floating],
    update: NDArray[np.floating],
    variables: Sequence[str],
) -> go.Figure:
    """The gates of one stay and some of its measurements over the same hours.

    Args:
        one: The stay.
        reset, update: Gates of a GRU of one layer, (T, H), 0 to 1, as torch defines them: an update gate of 1
            keeps a unit as it was, a reset gate of 0 hides the past from what the unit is renewed with.
        variables: Names of the measured variables to show, from the top.
    """
    task, hours = one.task, len(update)
    order = np.argsort(-np.asarray(update).mean(axis=0), kind="stable")
    rows = Rows(hours)
    _kept_row(rows, update, task)
    height = int(np.clip(_HEATMAP / update.shape[1], *_UNIT_ROW) * update.shape[1])
    _gate(rows, update[:, order], "Update gate", "1 keeps the unit as it was, 0 rewrites it", height, task, True)
    _gate(rows, reset[:, order], "Reset gate", "0 hides the past from what is written anew", height, task, False)
    for i, name in enumerate(variables):
        _strip(rows, one, task.find(name), HEADING if i == 0 else _BETWEEN)
    finding = gate_finding(update, task)
    alt = f"Gates of {steps.count(task, hours)} and {update.shape[1]} hidden units. {finding}"
    return rows.finish(finding, plain(one.title(one.record_ids[0]), 60), plain(steps.since(task)), alt)


def _kept_row(rows: Rows, update: NDArray[np.floating], task: Task) -> None:
    share = kept(update).astype(np.float32)
    axis = rows.begin(_KEPT, 0, range=[0, 1], tickvals=[0, 0.5, 1], ticktext=["0 %", "50 %", "100 %"])
    rows.figure.add_scatter(
        x=np.arange(1, len(share) + 1, dtype=np.float32),
        y=share,
        yaxis=axis,
        mode="lines+markers",
        line={"color": CLASS_COLOURS[0], "width": 2.5},
        marker={"size": 4, "color": CLASS_COLOURS[0]},
        customdata=[percent(v) for v in share.tolist()],
        hovertemplate=f"{plain(task.step.name)} %{{x:.0f}}: <b>%{{customdata}}</b> kept<extra></extra>",
        name="kept",
    )
    rows.left("<b>Memory kept</b>", "mean of the update gate")
    rows.right(percent(float(share[-1])), plain(steps.nth(task, len(share))))


def _gate(
    rows: Rows, gate: NDArray[np.floating], name: str, meaning: str, height: int, task: Task, with_scale: bool
) -> None:
    """A gate as colours, a row a hidden unit, those that keep longest at the top."""
    hours, units = gate.shape
    axis = rows.begin(height, HEADING, range=[units, 0], showticklabels=False, showgrid=False, ticks="")
    rows.figure.add_heatmap(
        x=np.arange(hours + 1, dtype=np.float32),
        y=np.arange(units + 1, dtype=np.float32),
        z=np.asarray(gate, dtype=np.float32).T,
        yaxis=axis,
        zmin=0,
        zmax=1,
        colorscale=ATTENTION_SCALE,
        customdata=np.tile(np.arange(1, hours + 1, dtype=np.int16), (units, 1)),
        hovertemplate=f"{name.lower()} at {plain(task.step.name)} %{{customdata}}: <b>%{{z:.2f}}</b><extra></extra>",
        showscale=with_scale,
        colorbar={
            "thickness": 8,
            "lenmode": "pixels",
            "len": height,
            "x": 1,
            "xpad": 10,
            "tickvals": [0, 0.5, 1],
            "tickfont": {"size": SMALL},
            "outlinewidth": 0,
            "ticks": "",
        },
        name=name,
    )
    rows.heading(f"<b>{name}</b>: {meaning}")
    rows.left(f"{units} hidden units", "longest memory at the top")


def _strip(rows: Rows, one: Recordings, f: Feature, gap: int) -> None:
    """Measurements of one variable, gaps left as gaps."""
    hours, values = measurements(one, f.name)
    axis = rows.begin(_STRIP, gap, showgrid=False, nticks=3)
    if gap == HEADING:
        rows.heading("<b>Measurements</b> of the same time")
    x, y = cut_at_gaps(hours, values)
    rows.figure.add_scatter(
        x=x, y=y, yaxis=axis, mode="lines", line={"color": NEUTRAL, "width": 1.3}, hoverinfo="skip"
    )  # fmt: skip
    rows.figure.add_scatter(
        x=hours,
        y=values,
        yaxis=axis,
        mode="markers",
        marker={"size": 4, "color": NEUTRAL, "line": {"width": 0, "color": RULE}},
        customdata=[quantity(v, f) for v in values.tolist()],
        hovertemplate=f"{plain(f.label)} <b>%{{customdata}}</b><extra></extra>",
        cliponaxis=False,
        name=plain(f.label),
    )
    rows.left(plain(f.label, 26), plain(unit(f)))
    if len(values):
        rows.right(number(float(values[-1]), f))
