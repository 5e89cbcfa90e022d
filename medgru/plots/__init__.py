"""Results in, Plotly figures out, with the sentences and tables that say the same.

Every figure carries its own alternative text: `alt_text(figure)`.
"""

from medgru.plots.probability import class_probabilities, icon_array
from medgru.plots.series import rank_variables
from medgru.plots.style import alt_text, interval, percent, points
from medgru.plots.timeline import timeline
from medgru.plots.training import compared_curves, metric_intervals, training_curves
from medgru.plots.words import finding, in_words

__all__ = [
    "alt_text",
    "class_probabilities",
    "compared_curves",
    "finding",
    "icon_array",
    "in_words",
    "interval",
    "metric_intervals",
    "percent",
    "points",
    "rank_variables",
    "timeline",
    "training_curves",
]
