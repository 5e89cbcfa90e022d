"""One stay over one time axis: risk, measurements, attention, contributions, the same hour in the same place.

All rows share the axis `x` (hours since admission, or another task's steps since the start), so one hover line
runs through all of them. Hour h of the model is the interval from h - 1 to h; what it said at hour h stands at x = h.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from medgru.data.recording import Recordings
from medgru.plots import steps
from medgru.plots.rows import HEADING, SMALL, Rows
from medgru.plots.series import cut_at_gaps, hourly_values, measurements
from medgru.plots.style import (
    ATTENTION_SCALE,
    CONTRIBUTION_SCALE,
    FAINT,
    NEUTRAL,
    OUTSIDE,
    number,
    outcome_colour,
    percent,
    plain,
    points,
    quantity,
    unit,
)
from medgru.plots.words import finding, in_words
from medgru.predict import Predictions
from medgru.tasks import Feature, Task

if TYPE_CHECKING:
    from medgru.explain import Contributions

# Pixels.
_RISK, _STRIP, _ATTENTION, _CELL = 170, 50, 20, 19
_BETWEEN = 14
_ALL_ON_ONE = 0.99999  # share of attention
_FEW = 8  # so few measurements get larger dots
_RISK_TOPS = (0.2, 0.5, 1.0)  # upper ends of the risk axis; a fixed few, so that patients can be compared


def timeline(
    one: Recordings,
    predictions: Predictions,
    i: int,
    contributions: "Contributions | None",
    variables: Sequence[str],
) -> go.Figure:
    """Everything about stay `i` over its hours.

    Args:
        one: The recordings of that one stay.
        predictions: Where `i` is that stay; for a stay on which the model abstains only the measurements
            are drawn.
        contributions: Of the same stay; None leaves that part out.
        variables: Names of the measured variables to draw, from the top.

    Returns:
        A figure that sets its own height and takes the width of its place.
    """
    answered = not predictions.reasons[i]
    rows = Rows(int(predictions.lengths[i]))
    if answered:
        _risk(rows, predictions, i)
    for name in variables:
        _strip(rows, one, one.task.features[one.task.feature_index[name]])
    if answered and _looked_around(predictions, i):
        _attention(rows, predictions, i)
    if answered and contributions is not None:
        _contributions(rows, one, contributions, variables)
    if not len(rows):
        _nothing(rows)
    return rows.finish(
        finding(predictions, i),
        plain(one.title(one.record_ids[0]), 60),
        _axis_title(one.task),
        _alt(one, predictions, i, contributions, variables),
    )


def _risk(rows: Rows, p: Predictions, i: int) -> None:
    """Probability of the event hour by hour, the members' band, the usual rate."""
    task, n = p.task, rows.hours
    event = task.event_index
    prob, members = p.hourly_prob[i, :n, event], p.member_prob[:, i, :n]
    low, high = members.min(axis=0), members.max(axis=0)
    base, colour = float(p.base_rate[event]), outcome_colour(task, event)
    top = next(t for t in _RISK_TOPS if t >= min(1.0, 1.05 * max(float(high.max()), float(prob.max()), base)))
    axis = rows.begin(
        _RISK,
        0,
        range=[0, top],
        tickvals=[0, top / 2, top],
        ticktext=[f"{100 * t:.3g} %" for t in (0, top / 2, top)],
    )
    x = np.arange(1, n + 1, dtype=np.float32)
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "yaxis": axis}
    rows.figure.add_scatter(x=x, y=low, **edge)
    rows.figure.add_scatter(x=x, y=high, fill="tonexty", fillcolor=_veil(colour), **edge)
    rows.figure.add_scatter(
        x=x,
        y=prob,
        yaxis=axis,
        mode="lines+markers",
        line={"color": colour, "width": 2.5},
        marker={"size": 4, "color": colour},
        customdata=[[percent(a), percent(b), percent(c)] for a, b, c in zip(prob, low, high, strict=True)],
        hovertemplate=f"{plain(steps.word(task))} %{{x:.0f}}: <b>%{{customdata[0]}}</b> "
        "(members %{customdata[1]} to %{customdata[2]})<extra></extra>",
        name="risk",
    )
    rows.figure.add_shape(
        type="line", xref="paper", x0=0, x1=1, yref=axis, y0=base, y1=base, line={"color": NEUTRAL, "width": 1.2}
    )
    rows.figure.add_annotation(
        text=f"usual {percent(base)}", xref="paper", x=0, xanchor="left", xshift=3, yref=axis, y=base,
        yanchor="bottom", showarrow=False, font={"size": SMALL},
    )  # fmt: skip
    rows.left(
        f"<b>{plain(task.outcomes[event].label, 24)}</b>",
        f"{plain(steps.word(task))} by {plain(steps.word(task))},<br>band: all members",
    )
    rows.right(percent(float(prob[-1])), plain(steps.nth(task, n)))


def _strip(rows: Rows, one: Recordings, f: Feature) -> None:
    """Measurements of one variable: points and lines, gaps left as gaps, the reference band behind."""
    hours, values = measurements(one, f.name)
    low, high = f.normal_low, f.normal_high
    axis = rows.begin(_STRIP, _BETWEEN, **_strip_axis(f, values))
    if low is not None and high is not None:
        rows.figure.add_shape(
            type="rect", xref="paper", x0=0, x1=1, yref=axis, y0=low, y1=high,
            fillcolor=FAINT, line={"width": 1, "color": FAINT}, layer="below",
        )  # fmt: skip
    name, _, detail = f.label.partition(", ")
    rows.left(plain(name, 26), plain(" · ".join(t for t in (detail, _axis_unit(f)) if t)))
    if not len(values):
        return
    usual = np.ones(len(values), bool) if low is None or high is None else (values >= low) & (values <= high)
    shared = {
        "yaxis": axis,
        "name": plain(f.label),
        "customdata": [
            [quantity(float(v), f), "" if u else " · outside the usual range"]
            for v, u in zip(values, usual, strict=True)
        ],
        "hovertemplate": "<b>%{customdata[0]}</b>%{customdata[1]}<extra></extra>",
    }
    if f.aggregate == "sum":
        rows.figure.add_bar(x=hours, y=values, width=0.5, marker={"color": NEUTRAL, "line": {"width": 0}}, **shared)
    else:
        if not f.choices:
            x, y = cut_at_gaps(hours, values)
            line = {"color": NEUTRAL, "width": 1.3}
            rows.figure.add_scatter(x=x, y=y, yaxis=axis, mode="lines", line=line, hoverinfo="skip")
        ink = np.where(usual, NEUTRAL, OUTSIDE).tolist()
        size = 4 if len(values) > _FEW else 6
        marker = {"size": np.where(usual, size, size + 2).tolist(), "color": ink, "line": {"width": 0}}
        rows.figure.add_scatter(x=hours, y=values, mode="markers", marker=marker, cliponaxis=False, **shared)
    rows.right(number(float(values[-1]), f), _age(one.task, float(one.hours.max() - hours[-1])))


def _looked_around(p: Predictions, i: int) -> bool:
    """Whether the model weighted steps at all: one without attention answers from the last one alone."""
    n = int(p.lengths[i])
    return n == 1 or 0 < float(p.attention[i, :n].max()) < _ALL_ON_ONE


def _attention(rows: Rows, p: Predictions, i: int) -> None:
    """Which hours the model weighted, as one row of colour."""
    weights = p.attention[i, : rows.hours].astype(np.float32)
    axis = rows.begin(_ATTENTION, HEADING, showticklabels=False, showgrid=False, ticks="", range=[0, 1])
    rows.figure.add_heatmap(
        x=np.arange(rows.hours + 1, dtype=np.float32),
        y=np.array([0, 1], dtype=np.float32),
        z=100 * weights[None, :],
        yaxis=axis,
        zmin=0,
        zmax=max(float(100 * weights.max(initial=0.0)), 1e-6),
        colorscale=ATTENTION_SCALE,
        showscale=False,
        customdata=np.arange(1, rows.hours + 1, dtype=np.int16)[None, :],
        hovertemplate=f"attention at {plain(steps.word(p.task))} %{{customdata}}: <b>%{{z:.1f}} %</b> of all"
        "<extra></extra>",
        name="attention",
    )
    rows.heading("<b>Attention</b>: where the model looked, not why")
    rows.left(f"Weight of the {plain(steps.word(p.task), 12)}", "")
    peak = int(weights.argmax())
    rows.right(f"{100 * weights[peak]:.2g} %", f"at {plain(steps.nth(p.task, peak + 1))}")


def _contributions(rows: Rows, one: Recordings, moved: "Contributions", variables: Sequence[str]) -> None:
    """What moved the probability up or down, by variable and hour; the last row sums the variables not shown."""
    task = one.task
    shown = [task.feature_index[v] for v in variables]
    rest = np.setdiff1d(np.flatnonzero(np.isfinite(moved.values).any(axis=0)), shown)
    values = 100 * moved.values[: rows.hours]
    measured = hourly_values(one, rows.hours)
    names = [plain(task.features[f].label, 33) for f in shown]
    z = [values[:, f] for f in shown]
    said = [[quantity(v, task.features[f]) for v in measured[:, f].tolist()] for f in shown]
    if len(rest):
        names.append(f"{len(rest)} other variables" if len(rest) > 1 else "1 other variable")
        z.append(np.where(np.isfinite(values[:, rest]).any(1), np.nansum(values[:, rest], axis=1), np.nan))
        said.append(["together"] * rows.hours)
    if not z:
        return
    grid = np.stack(z).astype(np.float32)
    top = float(np.nanmax(np.abs(grid), initial=0.1)) if np.isfinite(grid).any() else 0.1
    height = _CELL * len(z)
    middle = np.arange(len(z), dtype=np.float32)
    axis = rows.begin(
        height, HEADING + 8, tickvals=middle, ticktext=names, range=[len(z) - 0.5, -0.5], showgrid=False, ticks=""
    )
    said_points = [[points(v / 100) if np.isfinite(v) else "" for v in row] for row in grid.tolist()]
    hour = [[plain(steps.nth(task, h + 1)) for h in range(rows.hours)]] * len(z)
    rows.figure.add_heatmap(
        x=np.arange(rows.hours + 1, dtype=np.float32),
        y=np.arange(len(z) + 1, dtype=np.float32) - 0.5,
        z=grid,
        yaxis=axis,
        zmin=-top,
        zmax=top,
        colorscale=CONTRIBUTION_SCALE,
        customdata=np.dstack([np.array(said), np.array(said_points), np.array(hour)]),
        text=np.repeat(np.array(names)[:, None], rows.hours, axis=1),
        hovertemplate="%{text} %{customdata[0]} at %{customdata[2]}: <b>%{customdata[1]}</b><extra></extra>",
        hoverongaps=False,
        ygap=1,
        colorbar={
            "thickness": 8,
            "lenmode": "pixels",
            "len": max(height, 3 * _CELL),
            "x": 1,
            "xpad": 10,
            "tickvals": [-top, 0, top],
            "ticktext": [f"−{top:.2g}", "0", f"+{top:.2g}"],
            "tickfont": {"size": SMALL},
            "outlinewidth": 0,
            "ticks": "",
        },
        name="contributions",
    )
    admission = float(np.nansum(moved.statics))
    rows.heading(
        "<b>Contributions</b>: what moved the answer up (orange) or down (blue), in points"
        + (
            f" · {'facts known at the start' if steps.is_own(task) else 'admission data'} "
            + points(admission).replace(" points", "").replace(" point", "")
            if task.statics
            else ""
        )
    )


def _nothing(rows: Rows) -> None:
    rows.begin(80, 0, visible=False)
    rows.figure.add_annotation(text="Nothing was measured.", x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False)


def _strip_axis(f: Feature, values: np.ndarray) -> dict:
    """Range and ticks of a strip: the measurements and the nearer edge of the reference band."""
    if f.choices:
        codes = sorted(f.choices)
        return {
            "range": [codes[0] - 0.3, codes[-1] + 0.3],
            "tickvals": codes,
            "ticktext": [f.choices[c] for c in codes],
            "showgrid": False,
        }
    seen = [float(v) for v in (values.min(), values.max())] if len(values) else []
    low, high = min(seen, default=0.0), max(seen, default=1.0)
    if f.aggregate == "sum":
        low = 0.0
    if f.normal_low is not None and f.normal_high is not None:
        span = max(high - low, 0.5 * (f.normal_high - f.normal_low))
        near = [edge for edge in (f.normal_low, f.normal_high) if low - span <= edge <= high + span]
        low, high = min(low, *near, high), max(high, *near, low)
    if high - low < (least := max(0.05 * abs(high), 2 * 10.0**-f.decimals)):
        low, high = max(low - least / 2, f.low), min(high + least / 2, f.high)
    room = 0.12 * (high - low)
    return {
        "range": [low - (0 if f.aggregate == "sum" else room), high + room],
        "tickvals": [low, high],
        "ticktext": [number(low, f), number(high, f)],
        "showgrid": False,
    }


def _axis_unit(f: Feature) -> str:
    return "" if f.choices else unit(f) or ("fraction" if f.unit == "fraction" else "")


def _age(task: Task, hours: float) -> str:
    """How old the latest value is, counted from the last measurement of the stay."""
    if hours < 1:
        return "latest"
    return f"{steps.short(task, hours)} old"


def _axis_title(task: Task) -> str:
    bands = any(f.normal_low is not None for f in task.features)
    return plain(steps.since(task)) + (" · grey band: usual range, larger dots: outside it" if bands else "")


def _veil(colour: str) -> str:
    r, g, b = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({r}, {g}, {b}, 0.2)"


def _alt(
    one: Recordings, p: Predictions, i: int, contributions: "Contributions | None", variables: Sequence[str]
) -> str:
    n, event = int(p.lengths[i]), p.task.event_index
    count = (
        f"{len(variables)} measured {'variable' if len(variables) == 1 else 'variables'} over {steps.count(p.task, n)}"
    )
    if p.reasons[i]:
        return f"The model abstains: {p.reasons[i]} {count[0].upper() + count[1:]}."
    parts = [
        f"{p.task.outcomes[event].label}: {percent(float(p.y_prob[i, event]))} at {steps.nth(p.task, n)}, "
        f"usual {percent(float(p.base_rate[event]))}",
        finding(p, i),
        count,
    ]
    if _looked_around(p, i):
        parts.append(f"most attention at {steps.nth(p.task, int(p.attention[i, :n].argmax()) + 1)}")
    if strongest := in_words(one, contributions):
        parts.append("what moved the answer most: " + ", ".join(strongest))
    return "; ".join(parts) + "."
