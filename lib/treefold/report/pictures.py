"""Charts as SVG, for a page."""

import io
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from treefold.report.charts import BarChart, Chart, Line, LineChart, RankingChart, TreeChart
from treefold.report.trees import draw_tree

WIDE = (9.6, 4.2)  # inches of a wide picture
INK, GRID = "#1f2933", "#d9dee4"
COLOURS = ("#2563a8", "#d9822b", "#3a8f5c", "#a8324a", "#7b5ea7", "#5f6b76")
NAMED = len(COLOURS)  # most lines that are drawn in different colours and with names
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text is not converted to paths
    "font.family": "sans-serif",
    "font.size": 11,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "xtick.color": INK,
    "ytick.color": INK,
}


def drawn(chart: Chart) -> str:
    """A chart as an ``<svg>`` element; equal charts give equal bytes."""
    with rc_context(STYLE | {"svg.hashsalt": chart.title}):
        figure = Figure(figsize=WIDE if isinstance(chart, TreeChart) else (6.4, 3.8), layout="constrained")
        axes = figure.add_subplot()
        if isinstance(chart, TreeChart):
            draw_tree(axes, chart.tree, INK, GRID)
        elif isinstance(chart, RankingChart):
            _draw_ranking(axes, chart)
        elif isinstance(chart, BarChart):
            _draw_series(axes, chart, chart.bars, _draw_bars)
        else:
            _draw_series(axes, chart, chart.lines, _draw_line)
            if chart.window:
                axes.set_ylim(*chart.window)
            if chart.log:
                axes.set_xscale("log")
        made = io.StringIO()
        figure.savefig(made, format="svg", metadata={"Date": None}, transparent=True)
    text = made.getvalue()
    return text[text.index("<svg") :]


def _draw_series(axes: Axes, chart: LineChart | BarChart, series: Mapping[str, Line], draw: Callable) -> None:
    """Draw each of the series that has a name, without points that are not known."""
    for number, (name, line) in enumerate(series.items()):
        x, y, *error = line if isinstance(line, tuple) else (list(range(len(line))), line)
        points = zip(x, y, error[0] if error else [0.0] * len(x), strict=True)
        kept = [point for point in points if point[1] is not None]
        draw(axes, number, len(series), name, *([point[i] for point in kept] for i in range(3)))
    axes.set(xlabel=chart.x, ylabel=chart.y)
    if all(isinstance(x, int) for line in series.values() for x in _places(line)):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if 1 < len(series) <= NAMED:
        axes.legend(frameon=False)


def _draw_ranking(axes: Axes, chart: RankingChart) -> None:
    """Horizontal bars, the first on top, each with its name."""
    names, values = list(chart.values), list(chart.values.values())
    axes.barh(range(len(names)), values, color=COLOURS[0])
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(chart.x)
    axes.grid(visible=False, axis="y")


def _places(line: Line) -> list[float]:
    return list(line[0]) if isinstance(line, tuple) else []


def _colour(number: int, of: int) -> str:
    return COLOURS[number] if of <= NAMED else COLOURS[0]


def _draw_bars(axes: Axes, number: int, of: int, name: str, x: list[float], y: list[float], error: list[float]) -> None:
    width = 0.8 * min((b - a for a, b in pairwise(x)), default=1.0)
    axes.bar(x, y, width, color=_colour(number, of), label=name)
    axes.grid(visible=False, axis="x")


def _draw_line(axes: Axes, number: int, of: int, name: str, x: list[float], y: list[float], error: list[float]) -> None:
    marker = "o" if len(x) <= 40 and of <= NAMED else ""
    look: dict[str, Any] = {"alpha": 1 if of <= NAMED else 0.5, "markersize": 4, "linewidth": 1.6, "capsize": 3}
    shown = error if any(error) else None
    axes.errorbar(x, y, shown, color=_colour(number, of), marker=marker, label=name, **look)
