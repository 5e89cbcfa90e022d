"""One stay over one time axis: risk, measurements, attention, contributions, the same hour in the same place.

All rows share the axis `x` (hours since admission), so one hover line runs through all of them. Hour h of
the model is the interval from h - 1 to h; what it said at hour h stands at x = h.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from medgru.data.recording import Recordings
from medgru.plots.series import cut_at_gaps, hourly_values, measurements
from medgru.plots.style import (
    ATTENTION_SCALE,
    CONTRIBUTION_SCALE,
    FAINT,
    NEUTRAL,
    RULE,
    class_colour,
    finish,
    number,
    percent,
    plain,
    points,
    quantity,
    unit,
)
from medgru.plots.words import finding, in_words
from medgru.predict import Predictions
from medgru.tasks import Feature

if TYPE_CHECKING:
    from medgru.explain import Contributions

# Pixels.
_TOP, _BOTTOM, _LEFT, _RIGHT = 66, 46, 176, 84
_RISK, _STRIP, _ATTENTION, _CELL = 170, 50, 20, 19
_BETWEEN, _HEADING = 12, 34
_SMALL = 11
_AXIS_TITLE = "hours since admission · grey band: usual range, larger dots: outside it"
_RISK_TOPS = (0.25, 0.5, 1.0)  # upper ends of the risk axis; a fixed few, so that patients can be compared


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
    draw = _Timeline(one, predictions, i)
    if not predictions.reasons[i]:
        draw.risk()
    for name in variables:
        draw.strip(one.task.features[one.task.feature_index[name]])
    if not predictions.reasons[i]:
        draw.attention()
        if contributions is not None:
            draw.contributions(contributions, variables)
    return draw.figure(_alt(one, predictions, i, contributions, variables))


class _Timeline:
    """Rows stacked from the top, each with its own y axis and all with the x axis `x`."""

    def __init__(self, one: Recordings, predictions: Predictions, i: int) -> None:
        self.one, self.predictions, self.i = one, predictions, i
        self.hours = int(predictions.lengths[i])
        self.last = float(one.hours.max(initial=0.0))
        self.fig = go.Figure()
        self.rows: list[tuple[int, int]] = []  # pixels from the top of the plot: where it begins, how high it is
        self.axes: list[dict] = []
        self.labels: list[dict] = []  # annotations, y still in pixels from the top of the plot

    def row(self, height: int, gap: int, **axis: object) -> str:
        """Begin a row; gives the name of its y axis."""
        top = sum(self.rows[-1]) + gap if self.rows else 0
        self.rows.append((top, height))
        self.axes.append({"zeroline": False, "fixedrange": True, "tickfont": {"size": _SMALL}, "anchor": "x", **axis})
        return "y" if len(self.rows) == 1 else f"y{len(self.rows)}"

    def left(self, text: str, small: str = "") -> None:
        """Name of the current row, beside it."""
        text = text + (f"<br><span style='font-size:{_SMALL}px'>{small}</span>" if small else "")
        self.labels.append(
            {
                "row": len(self.rows) - 1,
                "text": text,
                "x": 0,
                "xshift": -40,
                "xanchor": "right",
                "align": "right",
                "at": 0.5,
            }
        )

    def right(self, text: str, small: str = "") -> None:
        """Latest value of the current row, beside it."""
        text = f"<b>{text}</b>" + (f"<br><span style='font-size:{_SMALL}px'>{small}</span>" if small else "")
        self.labels.append(
            {
                "row": len(self.rows) - 1,
                "text": text,
                "x": 1,
                "xshift": 8,
                "xanchor": "left",
                "align": "left",
                "at": 0.5,
            }
        )

    def heading(self, text: str) -> None:
        """Line above the current row, from the far left."""
        self.labels.append(
            {
                "row": len(self.rows) - 1,
                "text": text,
                "x": 0,
                "xshift": 0,
                "xanchor": "left",
                "align": "left",
                "at": None,
            }
        )

    def label(self, spec: dict) -> dict:
        """An annotation of the current row, its height in pixels fixed."""
        top, height = self.rows[spec.pop("row")]
        at = spec.pop("at")
        y = top - _HEADING / 2 + 5 if at is None else top + height * at
        return {"xref": "paper", "yref": "paper", "showarrow": False, "yanchor": "middle", "y": y, **spec}

    def risk(self) -> None:
        """Probability of the event hour by hour, the members' band, the usual rate."""
        task, p, i, n = self.predictions.task, self.predictions, self.i, self.hours
        event = task.event_index
        prob, members = p.hourly_prob[i, :n, event], p.member_prob[:, i, :n]
        low, high = members.min(axis=0), members.max(axis=0)
        base, colour = float(p.base_rate[event]), class_colour(event)
        top = next(t for t in _RISK_TOPS if t >= min(1.0, 1.05 * max(float(high.max()), float(prob.max()), base)))
        axis = self.row(
            _RISK,
            0,
            range=[0, top],
            tickvals=[0, top / 2, top],
            ticktext=[f"{100 * t:.3g} %" for t in (0, top / 2, top)],
        )
        x = np.arange(1, n + 1, dtype=np.float32)
        edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "yaxis": axis}
        self.fig.add_scatter(x=x, y=low, **edge)
        self.fig.add_scatter(x=x, y=high, fill="tonexty", fillcolor=_veil(colour), **edge)
        self.fig.add_scatter(
            x=x,
            y=prob,
            yaxis=axis,
            mode="lines+markers",
            line={"color": colour, "width": 2.5},
            marker={"size": 4, "color": colour},
            customdata=[[percent(a), percent(b), percent(c)] for a, b, c in zip(prob, low, high, strict=True)],
            hovertemplate="hour %{x:.0f}: <b>%{customdata[0]}</b> (members %{customdata[1]} to %{customdata[2]})"
            "<extra></extra>",
            name="risk",
        )
        self.fig.add_shape(
            type="line", xref="paper", x0=0, x1=1, yref=axis, y0=base, y1=base, line={"color": NEUTRAL, "width": 1.2}
        )
        self.fig.add_annotation(
            text=f"usual {percent(base)}", xref="paper", x=0, xanchor="left", xshift=3, yref=axis, y=base,
            yanchor="bottom", showarrow=False, font={"size": _SMALL},
        )  # fmt: skip
        self.left(f"<b>{plain(task.outcomes[event].label, 24)}</b>", "hour by hour,<br>band: all members")
        self.right(percent(float(prob[-1])), f"hour {n}")

    def strip(self, f: Feature) -> None:
        """Measurements of one variable: points and lines, gaps left as gaps, the reference band behind."""
        hours, values = measurements(self.one, f.name)
        low, high = f.normal_low, f.normal_high
        axis = self.row(_STRIP, 2 * _BETWEEN if len(self.rows) == 1 else _BETWEEN, **_strip_axis(f, values))
        if low is not None and high is not None:
            self.fig.add_shape(
                type="rect", xref="paper", x0=0, x1=1, yref=axis, y0=low, y1=high,
                fillcolor=FAINT, line={"width": 1, "color": FAINT}, layer="below",
            )  # fmt: skip
        name, _, detail = f.label.partition(", ")
        self.left(plain(name, 26), plain(" · ".join(t for t in (detail, _axis_unit(f)) if t)))
        if not len(values):
            return
        usual = np.ones(len(values), bool) if low is None or high is None else (values >= low) & (values <= high)
        shared = {
            "yaxis": axis,
            "name": plain(f.label),
            "customdata": [
                [quantity(float(v), f), "" if u else ", outside the usual range"] for v, u in zip(values, usual)
            ],
            "hovertemplate": f"{plain(name)} <b>%{{customdata[0]}}</b>%{{customdata[1]}}<extra></extra>",
        }
        if f.aggregate == "sum":
            self.fig.add_bar(x=hours, y=values, width=0.5, marker={"color": NEUTRAL, "line": {"width": 0}}, **shared)
        else:
            if not f.choices:
                x, y = cut_at_gaps(hours, values)
                line = {"color": NEUTRAL, "width": 1.3}
                self.fig.add_scatter(x=x, y=y, yaxis=axis, mode="lines", line=line, hoverinfo="skip")
            ink = np.where(usual, "rgba(128, 140, 150, 0.55)", "#8A5A9E").tolist()
            marker = {"size": np.where(usual, 4, 6).tolist(), "color": ink, "line": {"width": 0}}
            self.fig.add_scatter(x=hours, y=values, mode="markers", marker=marker, cliponaxis=False, **shared)
        self.right(number(float(values[-1]), f), _age(self.last - float(hours[-1])))

    def attention(self) -> None:
        """Which hours the model weighted, as one row of colour."""
        weights = self.predictions.attention[self.i, : self.hours].astype(np.float32)
        axis = self.row(_ATTENTION, _HEADING, showticklabels=False, showgrid=False, ticks="", range=[0, 1])
        self.fig.add_heatmap(
            x=np.arange(self.hours + 1, dtype=np.float32),
            y=np.array([0, 1], dtype=np.float32),
            z=100 * weights[None, :],
            yaxis=axis,
            zmin=0,
            zmax=max(float(100 * weights.max(initial=0.0)), 1e-6),
            colorscale=ATTENTION_SCALE,
            showscale=False,
            customdata=np.arange(1, self.hours + 1, dtype=np.int16)[None, :],
            hovertemplate="attention at hour %{customdata}: <b>%{z:.1f} %</b> of all<extra></extra>",
            name="attention",
        )
        self.heading("<b>Attention</b>: where the model looked, not why")
        self.left("Weight of the hour", "")
        peak = int(weights.argmax())
        self.right(f"{100 * weights[peak]:.2g} %", f"at hour {peak + 1}")

    def contributions(self, moved: "Contributions", variables: Sequence[str]) -> None:
        """What moved the probability up or down, by variable and hour; the last row sums the variables not shown."""
        task = self.one.task
        shown = [task.feature_index[v] for v in variables]
        rest = np.setdiff1d(np.flatnonzero(np.isfinite(moved.values).any(axis=0)), shown)
        values = 100 * moved.values[: self.hours]
        measured = hourly_values(self.one, self.hours)
        names = [plain(task.features[f].label, 33) for f in shown]
        z = [values[:, f] for f in shown]
        said = [[quantity(v, task.features[f]) for v in measured[:, f].tolist()] for f in shown]
        if len(rest):
            names.append(f"{len(rest)} other variables" if len(rest) > 1 else "1 other variable")
            z.append(np.where(np.isfinite(values[:, rest]).any(1), np.nansum(values[:, rest], axis=1), np.nan))
            said.append(["together"] * self.hours)
        if not z:
            return
        grid = np.stack(z).astype(np.float32)
        top = float(np.nanmax(np.abs(grid), initial=0.1)) if np.isfinite(grid).any() else 0.1
        height = _CELL * len(z)
        middle = np.arange(len(z), dtype=np.float32)
        axis = self.row(
            height, _HEADING + 8, tickvals=middle, ticktext=names, range=[len(z) - 0.5, -0.5], showgrid=False, ticks=""
        )
        said_points = [[points(v / 100) if np.isfinite(v) else "" for v in row] for row in grid.tolist()]
        hour = [[str(h + 1) for h in range(self.hours)]] * len(z)
        self.fig.add_heatmap(
            x=np.arange(self.hours + 1, dtype=np.float32),
            y=np.arange(len(z) + 1, dtype=np.float32) - 0.5,
            z=grid,
            yaxis=axis,
            zmin=-top,
            zmax=top,
            colorscale=CONTRIBUTION_SCALE,
            customdata=np.dstack([np.array(said), np.array(said_points), np.array(hour)]),
            text=np.repeat(np.array(names)[:, None], self.hours, axis=1),
            hovertemplate="%{text} %{customdata[0]} at hour %{customdata[2]}: <b>%{customdata[1]}</b><extra></extra>",
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
                "tickfont": {"size": _SMALL},
                "outlinewidth": 0,
                "ticks": "",
            },
            name="contributions",
        )
        admission = float(np.nansum(moved.statics))
        self.heading(
            f"<b>Contributions</b>: what moved the answer up (orange) or down (blue), in points"
            f" · admission data {points(admission).replace(' points', '').replace(' point', '')}"
        )

    def figure(self, alt: str) -> go.Figure:
        """The finished figure, pixels turned into shares of the height."""
        if not self.rows:
            self.row(80, 0, visible=False)
            self.fig.add_annotation(
                text="Nothing was measured.", x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False
            )
        whole = sum(self.rows[-1])
        for k, ((top, height), axis) in enumerate(zip(self.rows, self.axes, strict=True), start=1):
            name = "yaxis" if k == 1 else f"yaxis{k}"
            axis["domain"] = [1 - (top + height) / whole, 1 - top / whole]
            self.fig.update_layout({name: axis})
        # The colour bar belongs to the last row.
        self.fig.update_traces(colorbar={"y": sum(self.axes[-1]["domain"]) / 2}, selector={"name": "contributions"})
        for spec in self.labels:
            placed = self.label(spec)
            placed["y"] = 1 - placed["y"] / whole
            self.fig.add_annotation(placed)
        step = next(s for s in (1, 2, 4, 6) if self.hours / s <= 12)
        self.fig.update_xaxes(
            range=[0, max(self.hours, 1)],
            dtick=step,
            tick0=0,
            title={"text": _AXIS_TITLE, "standoff": 6, "font": {"size": 12}},
            anchor=f"y{len(self.rows)}" if len(self.rows) > 1 else "y",
            showgrid=True,
            gridcolor=FAINT,
            zeroline=False,
            showspikes=True,
            spikemode="across",
            spikesnap="cursor",
            spikethickness=1,
            spikedash="solid",
            spikecolor=NEUTRAL,
            ticks="",
        )
        self.fig.update_layout(
            title={
                "text": finding(self.predictions, self.i),
                "subtitle": {"text": plain(self.one.title(self.one.record_ids[0]), 60)},
                "x": 0,
                "xanchor": "left",
                "y": 1,
                "yanchor": "top",
                "pad": {"t": 6},
            },
            margin={"t": _TOP, "b": _BOTTOM, "l": _LEFT, "r": _RIGHT},
            hovermode="x",
            hoversubplots="axis",
            hoverdistance=14,
            spikedistance=-1,
            dragmode="zoom",
            bargap=0,
        )
        return finish(self.fig, alt, _TOP + _BOTTOM + whole)


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
        low, high = low - least / 2, high + least / 2
    room = 0.12 * (high - low)
    return {
        "range": [low - (0 if f.aggregate == "sum" else room), high + room],
        "tickvals": [low, high],
        "ticktext": [number(low, f), number(high, f)],
        "showgrid": False,
    }


def _axis_unit(f: Feature) -> str:
    return "" if f.choices else unit(f) or ("fraction" if f.unit == "fraction" else "")


def _age(hours: float) -> str:
    """How old the latest value is, counted from the last measurement of the stay."""
    if hours < 1:
        return "latest"
    return f"{hours:.0f} h old"


def _veil(colour: str) -> str:
    r, g, b = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({r}, {g}, {b}, 0.2)"


def _alt(
    one: Recordings, p: Predictions, i: int, contributions: "Contributions | None", variables: Sequence[str]
) -> str:
    n, event = int(p.lengths[i]), p.task.event_index
    count = f"{len(variables)} measured {'variable' if len(variables) == 1 else 'variables'} over {n} hours"
    if p.reasons[i]:
        return f"The model abstains: {p.reasons[i]} {count[0].upper() + count[1:]}."
    peak = int(p.attention[i, :n].argmax()) + 1
    parts = [
        f"{finding(p, i)}; now {percent(float(p.y_prob[i, event]))}, usual {percent(float(p.base_rate[event]))}",
        count,
        f"most attention at hour {peak}",
    ]
    if strongest := in_words(one, contributions):
        parts.append("what moved the answer most: " + ", ".join(strongest))
    return "; ".join(parts) + "."
