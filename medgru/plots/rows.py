"""Rows stacked over one time axis: each with its own y axis, its name at the left, its latest value at the right."""

import plotly.graph_objects as go

from medgru.plots.style import FAINT, NEUTRAL, finish

# Pixels.
TOP, BOTTOM, LEFT, RIGHT = 66, 46, 176, 84
HEADING = 34  # room above a row that has a heading
SMALL = 11  # font of what is secondary
_STEPS = (1, 2, 4, 6, 12, 24, 48, 120, 240, 600, 1200, 6000)  # hours (or other steps) between ticks of the time axis


class Rows:
    """A figure that grows downwards, row by row, all of them over the axis `x` (steps since the start).

    Heights are given in pixels; `finish` turns them into shares of the figure.

    Attributes:
        figure: Where the rows' traces go, with the y axis that `begin` names.
        hours: Length of the time axis.
    """

    def __init__(self, hours: int) -> None:
        self.hours = hours
        self.figure = go.Figure()
        self._rows: list[tuple[int, int]] = []  # pixels from the top: where it begins, how high it is
        self._axes: list[dict] = []
        self._texts: list[dict] = []  # annotations, y in pixels from the top

    def __len__(self) -> int:
        return len(self._rows)

    def begin(self, height: int, gap: int, **axis: object) -> str:
        """Begin a row below `gap` pixels; gives the name of its y axis."""
        top = sum(self._rows[-1]) + gap if self._rows else 0
        self._rows.append((top, height))
        self._axes.append({"zeroline": False, "fixedrange": True, "tickfont": {"size": SMALL}, "anchor": "x", **axis})
        return f"y{len(self) if len(self) > 1 else ''}"

    def heading(self, text: str) -> None:
        """Line above the current row."""
        self._texts.append({"text": text, "x": 0, "xanchor": "left", "y": self._rows[-1][0] - HEADING / 2 + 5})

    def left(self, text: str, small: str = "") -> None:
        """Name of the current row."""
        self._beside(text, small, x=0, xshift=-40, xanchor="right", align="right")

    def right(self, text: str, small: str = "") -> None:
        """Latest value of the current row."""
        self._beside(f"<b>{text}</b>", small, x=1, xshift=8, xanchor="left", align="left")

    def _beside(self, text: str, small: str, **place: object) -> None:
        top, height = self._rows[-1]
        second = f"<br><span style='font-size:{SMALL}px'>{small}</span>" if small else ""
        self._texts.append({"text": text + second, "y": top + height / 2, **place})

    def finish(self, title: str, subtitle: str, axis_title: str, alt: str) -> go.Figure:
        """The finished figure."""
        figure, whole = self.figure, sum(self._rows[-1])
        for k, ((top, height), axis) in enumerate(zip(self._rows, self._axes, strict=True), start=1):
            domain = [1 - (top + height) / whole, 1 - top / whole]
            figure.update_layout({f"yaxis{k if k > 1 else ''}": {**axis, "domain": domain}})
            # A colour bar stands beside its own row.
            bar = {"y": sum(domain) / 2, "yanchor": "middle"}
            figure.update_traces(colorbar=bar, selector={"type": "heatmap", "yaxis": f"y{k if k > 1 else ''}"})
        for text in self._texts:
            figure.add_annotation(
                {**text, "y": 1 - text["y"] / whole, "xref": "paper", "yref": "paper", "yanchor": "middle"},
                showarrow=False,
            )
        figure.update_xaxes(
            range=[0, self.hours],
            dtick=next((step for step in _STEPS if self.hours <= 12 * step), _STEPS[-1]),
            tick0=0,
            ticks="",
            title={"text": axis_title, "standoff": 6, "font": {"size": 12}},
            anchor=f"y{len(self) if len(self) > 1 else ''}",
            showgrid=True,
            gridcolor=FAINT,
            zeroline=False,
            # The hover line: through all rows, where the pointer is.
            showspikes=True,
            spikemode="across",
            spikesnap="cursor",
            spikethickness=1,
            spikedash="solid",
            spikecolor=NEUTRAL,
            hoverformat=".1f",
        )
        figure.update_layout(
            title={
                "text": title,
                "subtitle": {"text": subtitle},
                "x": 0,
                "xanchor": "left",
                "y": 1,
                "yanchor": "top",
                "pad": {"t": 6},
            },
            margin={"t": TOP, "b": BOTTOM, "l": LEFT, "r": RIGHT},
            hovermode="x",
            hoversubplots="axis",
            hoverdistance=14,
            spikedistance=-1,
            hoverlabel={"bgcolor": "#33414d", "bordercolor": "#33414d", "font": {"color": "#ffffff", "size": 12}},
            bargap=0,
        )
        return finish(figure, alt, TOP + BOTTOM + whole)
