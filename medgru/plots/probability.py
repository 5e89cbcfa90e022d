"""How likely each class is, as bars and as a part of one hundred."""

import textwrap

import numpy as np
import plotly.graph_objects as go

from medgru.plots.style import EVENT_COLOUR, FAINT, NEUTRAL, RULE, finish, of_hundred, outcome_colour, percent, plain
from medgru.predict import Predictions

_TITLE_LINE = 15  # pixels
_MOST = 6  # classes with a bar; where there are more, the likeliest have one and the rest share one


def class_probabilities(predictions: Predictions, i: int, title: str = "") -> go.Figure:
    """Bars of the class probabilities of stay `i`, the share in the training data marked on each.

    `title` says above it, in small letters, whose they are.
    """
    outcomes = predictions.task.outcomes
    labels, prob, usual, colours = _bars(predictions, i)
    rows = np.arange(len(labels))[::-1]
    figure = go.Figure()
    figure.add_bar(x=np.ones(len(rows)), y=rows, width=0.34, orientation="h", marker={"color": FAINT}, hoverinfo="skip")
    figure.add_bar(
        x=prob,
        y=rows,
        width=0.34,
        orientation="h",
        marker={"color": colours},
        customdata=list(zip(labels, map(percent, prob), map(percent, usual), strict=True)),
        hovertemplate="%{customdata[0]}: %{customdata[1]}<br>usual: %{customdata[2]}<extra></extra>",
    )
    for row, label, p, base in zip(rows, labels, prob, usual, strict=True):
        figure.add_annotation(
            x=0, y=row + 0.38, text=label, showarrow=False, xanchor="left", yanchor="middle", xshift=-3
        )
        figure.add_annotation(
            x=1, y=row + 0.38, text=f"<b>{percent(p)}</b>", showarrow=False, xanchor="right", yanchor="middle"
        )
        figure.add_shape(
            type="line", x0=base, x1=base, y0=row - 0.26, y1=row + 0.26, line={"width": 2, "color": NEUTRAL}
        )
        figure.add_annotation(
            x=min(max(base, 0.12), 0.88),
            y=row - 0.36,
            text=f"usual {percent(base)}",
            showarrow=False,
            yanchor="middle",
            font={"size": 11},
        )
    figure.update_layout(barmode="overlay", margin={"l": 4, "r": 4, "t": 6, "b": 4}, hovermode="closest")
    figure.update_xaxes(range=[0, 1], visible=False, fixedrange=True)
    figure.update_yaxes(range=[-0.6, len(rows) - 0.4], visible=False, fixedrange=True)
    said = "; ".join(
        f"{o.label} {percent(p)} (usual {percent(b)})"
        for o, p, b in zip(outcomes, predictions.y_prob[i], predictions.base_rate, strict=True)
    )
    return finish(figure, f"Probability of each outcome: {said}.", 20 + 64 * len(rows) + _write_title(figure, title))


def _bars(predictions: Predictions, i: int) -> tuple[list[str], np.ndarray, np.ndarray, list[str]]:
    """Label, probability, usual share and colour of each bar, from the top."""
    task = predictions.task
    prob, usual = predictions.y_prob[i].astype(float), predictions.base_rate.astype(float)
    labels = [plain(o.label, 30) for o in task.outcomes]
    if len(labels) <= _MOST:
        return labels, prob, usual, [outcome_colour(task, c) for c in range(len(labels))]
    # The followed class always has its bar.
    order = sorted(range(len(labels)), key=lambda c: (c != task.event_index, -prob[c]))[: _MOST - 1]
    order.sort(key=lambda c: -prob[c])
    rest = np.setdiff1d(np.arange(len(labels)), order)
    return (
        [*(labels[c] for c in order), f"{len(rest)} others together"],
        np.append(prob[order], prob[rest].sum()),
        np.append(usual[order], usual[rest].sum()),
        [*(outcome_colour(task, c) for c in order), NEUTRAL],
    )


def icon_array(probability: float, label: str = "", title: str = "", colour: str = EVENT_COLOUR) -> go.Figure:
    """One hundred dots, as many filled as patients of a hundred.

    `label` says what a filled one means, `title` above the dots whose they are.
    """
    n = of_hundred(probability)
    at = np.arange(100)
    filled = at < n
    figure = go.Figure(
        go.Scatter(
            x=(at % 10).astype(np.float32),
            y=(9 - at // 10).astype(np.float32),
            mode="markers",
            marker={
                "size": 11,
                "color": np.where(filled, colour, "rgba(0, 0, 0, 0)").tolist(),
                "line": {"width": 1.2, "color": np.where(filled, colour, RULE).tolist()},
            },
            hoverinfo="skip",
        )
    )
    figure.update_layout(margin={"l": 4, "r": 4, "t": 4, "b": 4}, hovermode=False, dragmode=False)
    figure.update_xaxes(range=[-0.6, 9.6], visible=False, fixedrange=True, constrain="domain")
    figure.update_yaxes(range=[-0.6, 9.6], visible=False, fixedrange=True, scaleanchor="x", constrain="domain")
    meaning = f": {label[:1].lower() + label[1:]}" if label else ""
    return finish(figure, f"{n} of 100 dots are filled{meaning}.", 176 + _write_title(figure, title))


def _write_title(figure: go.Figure, title: str) -> int:
    """Write the title above the figure, beside its toolbar; gives the height that takes, in pixels."""
    lines = textwrap.wrap(title, 38, max_lines=2, placeholder=" …")
    if not lines:
        return 0
    figure.add_annotation(
        text="<br>".join(plain(line) for line in lines), x=0, y=1, xref="paper", yref="paper", xanchor="left",
        yanchor="bottom", yshift=2, align="left", showarrow=False, font={"size": 11},
    )  # fmt: skip
    room = 4 + _TITLE_LINE * len(lines)
    figure.update_layout(margin={"t": figure.layout.margin.t + room})
    return room
