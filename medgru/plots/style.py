"""What all figures share: colours, numbers and text as they stand on the screen.

Grounds are transparent and font colours are left to the page's theme, so that every figure works on white
and on near-black; what needs a colour of its own takes one that reads on both.
"""

import html
import math
from collections.abc import Mapping

import plotly.graph_objects as go

from medgru.tasks import Feature, Task

# Okabe-Ito, without its yellow and black; vermilion comes second, as the second class is usually the event.
CLASS_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
EVENT_COLOUR = CLASS_COLOURS[1]
NEUTRAL = "#7B8B99"  # curves that are not about a class
OUTSIDE = "#8A5A9E"  # measurements outside their reference band; drawn larger as well
FAINT = "rgba(128, 140, 150, 0.18)"  # reference bands, empty icons
RULE = "rgba(128, 140, 150, 0.45)"  # thin lines

ATTENTION_SCALE = "Cividis"
# Blue lowers, vermilion raises; around zero a veil of grey, which tells "measured, moved nothing" from "not measured".
CONTRIBUTION_SCALE = [
    [0.0, "rgba(0, 114, 178, 1)"],
    [0.49, "rgba(0, 114, 178, 0.13)"],
    [0.5, "rgba(128, 140, 150, 0.13)"],
    [0.51, "rgba(213, 94, 0, 0.13)"],
    [1.0, "rgba(213, 94, 0, 1)"],
]


def class_colour(index: int) -> str:
    """Colour of the class at that position."""
    return CLASS_COLOURS[index % len(CLASS_COLOURS)]


def outcome_colour(task: Task, index: int) -> str:
    """Colour of a task's outcome: the followed one always has the same, wherever it stands among the others."""
    if index == task.event_index:
        return EVENT_COLOUR
    others = [colour for colour in CLASS_COLOURS if colour != EVENT_COLOUR]
    return others[(index - (index > task.event_index)) % len(others)]


def percent(probability: float) -> str:
    """A probability with two significant digits at most: "27 %", "2.7 %", "<1 %", ">99 %"."""
    if not math.isfinite(probability):
        return "unknown"
    points = 100 * probability
    if points < 1:
        return "<1 %"
    if points > 99:
        return ">99 %"
    return f"{points:.1f} %" if points < 9.95 else f"{points:.0f} %"


def of_hundred(probability: float) -> int:
    """How many of 100; never none and never all, as the model is never certain."""
    return min(99, max(1, round(100 * probability)))


def points(change: float) -> str:
    """A change of probability in signed percentage points: "+9 points", "−0.4 points"."""
    size = abs(100 * change)
    if size < 0.05:
        return "0 points"
    digits = f"{size:.1f}" if size < 0.95 else f"{size:.0f}"
    return f"{'+' if change > 0 else '−'}{digits} {'point' if digits == '1' else 'points'}"


def interval(figure: Mapping[str, float | None]) -> str:
    """A figure as it is written: "0.88 [0.87, 0.89]", or "0.88 ± 0.01" over runs; null stands for what is not known."""
    value, low, high, sd = (figure.get(name) for name in ("value", "low", "high", "sd"))
    if value is None:
        return "not known"
    if low is not None and high is not None:
        return f"{value:.3f} [{low:.3f}, {high:.3f}]"
    return f"{value:.3f}" if sd is None else f"{value:.3f} ± {sd:.3f}"


def number(value: float, feature: Feature) -> str:
    """A value without its unit, with the feature's digits: "4.1", "on"; "none" for NaN."""
    if math.isnan(value):
        return "none"
    if feature.choices:
        return feature.choices.get(round(value), "unknown")
    text = f"{value:.{feature.decimals}f}"
    return text if float(text) else text.removeprefix("-")  # no "-0.0"


def quantity(value: float, feature: Feature) -> str:
    """A value with its unit: "4.1 mmol/L", "on"."""
    return number(value, feature) if math.isnan(value) else f"{number(value, feature)} {unit(feature)}".rstrip()


def unit(feature: Feature) -> str:
    """The unit as it is written after a number; empty for codes and for what carries none."""
    return (
        "" if feature.choices or feature.unit in {"points", "fraction", feature.label, feature.name} else feature.unit
    )


def plain(text: str, longest: int = 70) -> str:
    """Text as it is, for a figure: Plotly takes tags in text as markup."""
    flat = " ".join(text.split())
    return html.escape(flat if len(flat) <= longest else flat[: longest - 1] + "…", quote=False)


def finish(figure: go.Figure, alt: str, height: int) -> go.Figure:
    """Set what all figures share; `alt` says in a sentence what the figure shows."""
    figure.update_layout(
        height=height,
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        showlegend=False,
        separators=". ",
        meta={"alt": alt},
    )
    return figure


def alt_text(figure: go.Figure) -> str:
    """One sentence with the numbers, for those who cannot see the figure."""
    return str(figure.layout.meta["alt"])
