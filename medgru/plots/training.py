"""How a training run goes: its curves over the epochs, those of several runs, and how good they are.

Epochs come as `medgru.jobs.epochs` gives them: one row an epoch of a member, with the columns member,
epoch, loss, val_loss, auroc, auprc, grad_norm and learning_rate. Epochs are counted from 0 there and from 1
on the screen.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

import pandas as pd
import plotly.graph_objects as go

from medgru.plots.style import CLASS_COLOURS, FAINT, NEUTRAL, RULE, class_colour, finish, interval, plain

# Pixels.
_PANEL, _BETWEEN, _TOP, _BOTTOM, _LEGEND = 132, 46, 34, 44, 26
_ROW, _SMALL = 34, 11
_COLUMNS = ((0.0, 0.46), (0.54, 1.0))
_DASHES = ("solid", "dash", "dot", "dashdot")  # so that more runs than colours can be told apart
_FAINT_MEMBER = 0.3
_SMALL_RATE = 1e-4
_MANY = 60  # epochs whose dots would hide their line

BLUE, VERMILION, GREEN, PINK = CLASS_COLOURS[:2] + CLASS_COLOURS[2:4]


Figures = Mapping[str, float | None]
"""A metric: value, and low and high where known; None for what is not, as JSON has no NaN."""


class Curve(NamedTuple):
    """A column of the epochs as it is drawn."""

    column: str
    label: str
    colour: str


class Panel(NamedTuple):
    """One of the four small figures over the same epochs."""

    title: str
    curves: tuple[Curve, ...]
    axis: dict[str, object]


_FROM_ZERO: dict[str, object] = {"rangemode": "tozero"}
_SHARE: dict[str, object] = {"tickformat": ".2f", "nticks": 6}  # plotly's own choice is a single one here


def training_curves(
    epochs: pd.DataFrame, multiclass: bool = False, clip: float | None = None, most: int | None = None
) -> go.Figure:
    """Loss, discrimination, gradient norm and learning rate of one run, over the epochs of its members.

    The member that was trained last is drawn in full, those before it faintly.

    Args:
        epochs: One row an epoch of a member; may be empty.
        multiclass: Whether AUROC and AUPRC are means over more than two classes.
        clip: Norm to which gradients are clipped; drawn as a line.
        most: Epochs a member can have; the axis is that long, so that curves grow into it.

    Returns:
        A figure that sets its own height and takes the width of its place.
    """
    macro = "macro " if multiclass else ""
    panels = (
        Panel("Loss", (Curve("loss", "training", BLUE), Curve("val_loss", "validation", VERMILION)), {}),
        Panel(
            "Validation",  # the room of the legend is small
            (Curve("auroc", f"{macro}AUROC", GREEN), Curve("auprc", f"{macro}AUPRC", PINK)),
            _SHARE,
        ),
        Panel("Gradient norm before clipping", (Curve("grad_norm", "", BLUE),), _FROM_ZERO),
        Panel("Learning rate", (Curve("learning_rate", "", BLUE),), {**_FROM_ZERO, **_rates(epochs)}),
    )
    figure = go.Figure()
    members = [one.sort_values("epoch") for _, one in epochs.groupby("member")] if len(epochs) else []
    for at, panel in enumerate(panels):
        for curve in panel.curves:
            for number, one in enumerate(members, start=1):
                last = number == len(members)
                _add(figure, at, one, curve, f"{curve.label or panel.title}, network {number}", strong=last)
    if clip is not None and len(epochs):
        rule = {"color": NEUTRAL, "width": 1.2, "dash": "dash"}
        figure.add_shape(type="line", x0=0, x1=1, xref="x domain", y0=clip, y1=clip, yref="y2", line=rule)
        _note(
            figure, f"clipped to {clip:g}", x=1, y=clip, xref="x domain", yref="y2", xanchor="right", yanchor="bottom"
        )
    below = "epoch (pale: earlier networks)" if len(members) > 1 else "epoch"
    return _panels(figure, panels, _last_epoch([epochs], most), _alt(epochs, macro, len(members)), below=below)


def compared_curves(runs: Mapping[str, pd.DataFrame], multiclass: bool = False) -> go.Figure:
    """Losses, AUROC and AUPRC of several runs over each other, a colour a run.

    The strong line is the mean of a run's members, as far as all of them were trained; each member is faint.
    """
    macro, title = ("macro ", "Macro ") if multiclass else ("", "")
    panels = (
        Panel("Validation loss", (Curve("val_loss", "", ""),), {}),
        Panel(f"{title}AUROC in validation", (Curve("auroc", "", ""),), _SHARE),
        Panel("Training loss", (Curve("loss", "", ""),), {}),
        Panel(f"{title}AUPRC in validation", (Curve("auprc", "", ""),), _SHARE),
    )
    figure = go.Figure()
    for position, (name, epochs) in enumerate(runs.items()):
        if not len(epochs):
            continue
        members = [one.sort_values("epoch") for _, one in epochs.groupby("member")]
        dash = _DASHES[position // len(CLASS_COLOURS) % len(_DASHES)]
        for at, panel in enumerate(panels):
            curve = panel.curves[0]._replace(colour=class_colour(position))
            if len(members) > 1:
                for one in members:
                    _add(figure, at, one, curve, plain(name, 40), strong=False, dash=dash)
            _add(figure, at, _mean(members), curve, plain(name, 40), strong=True, dash=dash)
    said = "; ".join(
        f"{name}: {_said(epochs, 'val_loss', 'lowest validation loss', min)}, "
        f"{_said(epochs, 'auroc', f'highest {macro}AUROC', max)}"
        if len(epochs)
        else f"{name}: no epoch yet"
        for name, epochs in runs.items()
    )
    legend = [(name, class_colour(i)) for i, name in enumerate(runs)]
    alt, several = (
        f"Curves of {len(runs)} runs. {said}.",
        any(epochs["member"].nunique() > 1 for epochs in runs.values()),
    )
    below = "epoch (strong: mean, pale: each network)" if several else "epoch"
    return _panels(figure, panels, _last_epoch(runs.values(), None), alt, legend, below)


def metric_intervals(
    figures: Mapping[str, Mapping[str, Figures]],
    metrics: Collection[str] = ("AUROC", "AUPRC", "ECE"),
    emphasised: Collection[str] | None = None,
    coloured: bool = False,
) -> go.Figure:
    """A dot and its interval for each name and metric, the names below each other, the metrics side by side.

    Args:
        figures: By name and metric: value, and low and high where known.
        metrics: Which, from the left; those that nobody has are left out.
        emphasised: Names drawn in colour, the others in grey; all by default.
        coloured: Whether each name has a colour of its own, the one it has in `compared_curves`.
    """
    shown = [m for m in metrics if any(_known(own.get(m)) for own in figures.values())]
    rows = {name: len(figures) - 1 - at for at, name in enumerate(figures)}
    figure, said = go.Figure(), []
    width = 1 / max(len(shown), 1)
    for column, metric in enumerate(shown):
        axis = str(column + 1 if column else "")
        own = {name: values[metric] for name, values in figures.items() if _known(values.get(metric))}
        points = pd.DataFrame(
            [(rows[name], figure["value"], *_ends(figure), interval(figure)) for name, figure in own.items()],
            columns=["row", "value", "low", "high", "text"],
        )
        order = list(figures)
        colours = [
            NEUTRAL if emphasised is not None and name not in emphasised
            else class_colour(order.index(name)) if coloured else BLUE
            for name in own
        ]  # fmt: skip
        for (_, point), colour in zip(points.iterrows(), colours, strict=True):
            figure.add_scatter(
                x=[point.low, point.high], y=[point.row] * 2, xaxis=f"x{axis}", mode="lines",
                line={"color": colour, "width": 2}, hoverinfo="skip",
            )  # fmt: skip
            _note(figure, point.text, x=0.5, xref=f"x{axis} domain", y=point.row, yref="y", yanchor="bottom", yshift=4)
        figure.add_scatter(
            x=points["value"], y=points["row"], xaxis=f"x{axis}", mode="markers",
            marker={"size": 9, "color": colours, "line": {"width": 1, "color": RULE}},
            customdata=[[plain(n, 40), t] for n, t in zip(own, points["text"], strict=True)],
            hovertemplate=f"%{{customdata[0]}}: {plain(metric)} %{{customdata[1]}}<extra></extra>",
        )  # fmt: skip
        low, high = float(points["low"].min()), float(points["high"].max())
        margin = 0.08 * max(high - low, 0.02)
        figure.update_layout(
            {
                f"xaxis{axis}": {
                    "domain": [column * width + (0.03 if column else 0), (column + 1) * width - 0.01],
                    "range": [low - margin, high + margin],
                    "nticks": 4,
                    "anchor": "y",
                    "showgrid": True,
                    "gridcolor": FAINT,
                    "zeroline": False,
                    "fixedrange": True,
                    "tickfont": {"size": _SMALL},
                }
            }
        )
        _note(
            figure, f"<b>{plain(metric)}</b>", x=0, xref=f"x{axis} domain", y=1, yref="paper",
            xanchor="left", yanchor="bottom", yshift=6, size=13,
        )  # fmt: skip
        said += [f"{metric} of {name} {text}" for name, text in zip(own, points["text"], strict=True)]
    figure.update_yaxes(
        tickvals=list(rows.values()),
        ticktext=[plain(name, 34) for name in rows],
        range=[-0.6, len(rows) - 0.2],
        fixedrange=True,
        showgrid=False,
        zeroline=False,
        automargin=True,
    )
    figure.update_layout(margin={"t": _TOP, "b": 28, "l": 8, "r": 8}, hovermode="closest")
    text = "; ".join(said) or "nothing measured yet"
    return finish(figure, f"Metrics with 95 % intervals: {text}.", _TOP + 28 + _ROW * max(len(rows), 1))


def _add(
    figure: go.Figure, at: int, one: pd.DataFrame, curve: Curve, name: str, strong: bool, dash: str = "solid"
) -> None:
    """One curve in the panel at that position; with its dots, as a single epoch has no line."""
    figure.add_scatter(
        x=one["epoch"] + 1,
        y=one[curve.column],
        xaxis=_x(at),
        yaxis=_y(at),
        name=name,
        mode="lines+markers",
        opacity=1.0 if strong else _FAINT_MEMBER,
        line={"color": curve.colour, "width": 2 if strong else 1.2, "dash": dash},
        marker={"size": 5 if strong and len(one) <= _MANY else 3, "color": curve.colour},
        hovertemplate=f"{name}: %{{y:.3g}}<extra></extra>",
        hoverinfo=None if strong else "skip",
    )


def _x(at: int) -> str:
    """Axis of the epochs: one a column, so that the hover line runs through both panels of a column."""
    return "x" if at % 2 == 0 else "x2"


def _y(at: int) -> str:
    """Panels go row by row; y and y2 stand in the left column, y3 and y4 in the right one."""
    return ("y", "y3", "y2", "y4")[at]


def _panels(
    figure: go.Figure,
    panels: tuple[Panel, ...],
    last: int,
    alt: str,
    legend: Collection[tuple[str, str]] = (),
    below: str = "epoch",
) -> go.Figure:
    """Lay out four panels, two by two, over one range of epochs; `below` names that axis."""
    whole = 2 * _PANEL + _BETWEEN
    top = _TOP + (_LEGEND if legend else 0)
    upper, lower = [1 - _PANEL / whole, 1.0], [0.0, _PANEL / whole]
    if not (drawn := bool(figure.data)):
        for at in range(len(panels)):  # an axis without a trace is not drawn
            figure.add_scatter(x=[None], y=[None], xaxis=_x(at), yaxis=_y(at), hoverinfo="skip", opacity=0)
        _note(figure, "Curves grow here, epoch by epoch.", x=0.5, xref="paper", y=0.56, yref="paper", size=13)
    layout: dict[str, object] = {}
    texts = [text.to_plotly_json() for text in figure.layout.annotations]
    for at, panel in enumerate(panels):
        layout[f"yaxis{_y(at)[1:]}"] = {
            "domain": upper if at < 2 else lower,
            "anchor": _x(at),
            "nticks": 4,
            "gridcolor": FAINT,
            "zeroline": False,
            "fixedrange": True,
            "showticklabels": drawn,
            "tickfont": {"size": _SMALL},
            **panel.axis,
        }
        named = [f"<span style='color:{c.colour}'>●</span> {c.label}" for c in panel.curves if c.label]
        place = {"x": _COLUMNS[at % 2][0], "y": upper[1] if at < 2 else lower[1], "yshift": 4}
        texts.append(_heading(f"<b>{panel.title}</b>  " + "  ".join(named), **place))
    if legend:
        names = "   ".join(f"<span style='color:{colour}'>●</span> {plain(name, 40)}" for name, colour in legend)
        texts.append(_heading(names, x=0, y=1, yshift=30))
    for position in range(2):
        layout[f"xaxis{position + 1 if position else ''}"] = {
            "domain": list(_COLUMNS[position]),
            "anchor": ("y2", "y4")[position],
            "range": [0.6, max(last, 1) + 0.4],
            "tick0": 0,
            "dtick": next((step for step in (1, 2, 5, 10, 20, 50) if last <= 12 * step), 100),
            "title": {"text": below, "standoff": 4, "font": {"size": 12}},
            "showgrid": True,
            "gridcolor": FAINT,
            "zeroline": False,
            "fixedrange": True,
            "showspikes": True,
            "spikemode": "across",
            "spikethickness": 1,
            "spikedash": "solid",
            "spikecolor": NEUTRAL,
            "matches": None if position == 0 else "x",
            "tickfont": {"size": _SMALL},
        }
    # In one go: each update of a layout costs more than what it changes, and this is drawn every second.
    figure.update_layout(
        annotations=texts,
        margin={"t": top, "b": _BOTTOM, "l": 46, "r": 8},
        hovermode="x",
        hoversubplots="axis",
        hoverlabel={"bgcolor": "#33414d", "bordercolor": "#33414d", "font": {"color": "#ffffff", "size": 12}},
        **layout,
    )
    return finish(figure, alt, top + _BOTTOM + whole)


def _heading(text: str, **place: object) -> dict[str, object]:
    at = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom", **place}
    return {"text": text, "showarrow": False, "font": {"size": 12}, **at}


def _note(figure: go.Figure, text: str, size: int = _SMALL, **place: object) -> None:
    figure.add_annotation(text=text, showarrow=False, font={"size": size}, **place)


def _rates(epochs: pd.DataFrame) -> dict[str, object]:
    """How learning rates are written: "0.002"; "2e-05" where the zeros would run out of the panel."""
    highest = epochs["learning_rate"].max() if len(epochs) else 0.0
    return {"exponentformat": "e", "tickformat": ".1e"} if 0 < highest < _SMALL_RATE else {"exponentformat": "none"}


def _last_epoch(runs: Iterable[pd.DataFrame], most: int | None) -> int:
    """The longest that any member was or can be trained; 0 where that is not known."""
    return max([most or 0, *(int(epochs["epoch"].max()) + 1 for epochs in runs if len(epochs))])


def _mean(members: list[pd.DataFrame]) -> pd.DataFrame:
    """Mean over members of each epoch that all of them had."""
    shared = min(len(one) for one in members)
    columns = ["epoch", "loss", "val_loss", "auroc", "auprc"]
    return pd.concat([one[columns].head(shared) for one in members]).groupby("epoch", as_index=False).mean()


def _known(figure: Figures | None) -> bool:
    return figure is not None and figure.get("value") is not None


def _ends(figure: Figures) -> tuple[float | None, float | None]:
    """Its interval; the value itself where that is not known."""
    low, high = figure.get("low"), figure.get("high")
    return (figure["value"], figure["value"]) if low is None or high is None else (low, high)


def _said(epochs: pd.DataFrame, column: str, words: str, best: Callable[[pd.Series], float]) -> str:
    values = epochs[column].dropna()
    return f"{words} {best(values):.3g}" if len(values) else f"{words} unknown"


def _alt(epochs: pd.DataFrame, macro: str, members: int) -> str:
    """What the curves of one run show, in a sentence."""
    if not len(epochs):
        return "Training curves; the first epoch is not done yet."
    rows = epochs.sort_values(["member", "epoch"])
    last = rows.iloc[-1]
    return (
        f"Training curves of {members} {'network' if members == 1 else 'networks'}, {len(rows)} "
        f"{'epoch' if len(rows) == 1 else 'epochs'} so far: "
        f"training loss {rows['loss'].iloc[0]:.3g} at first, {last['loss']:.3g} now; "
        f"{_said(rows, 'val_loss', 'lowest validation loss', min)}, {last['val_loss']:.3g} now; "
        f"{macro}AUROC {last['auroc']:.3g}, {macro}AUPRC {last['auprc']:.3g} now; "
        f"gradient norm {last['grad_norm']:.3g}, learning rate {last['learning_rate']:.3g}."
    )
