"""Charts as SVG, to stand in a page."""

import io
from itertools import pairwise
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from treefold.report.trees import draw_tree

WIDE = (9.6, 4.2)  # inches of a picture that needs room
INK, GRID = "#1f2933", "#d9dee4"
COLOURS = ("#2563a8", "#d9822b", "#3a8f5c", "#a8324a", "#7b5ea7", "#5f6b76")
NAMED = len(COLOURS)  # more lines than this are drawn alike and without names
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
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


def drawn(chart: dict[str, Any]) -> str:
    """A chart as an ``<svg>`` element.

    Parameters
    ----------
    chart : dict
        ``title``, ``x`` and ``y`` (what the axes show), ``kind`` (``line``, ``bar``, ``ranking`` or ``tree``), ``log``
        (whether x is drawn by its logarithm), ``window`` (the least and greatest y to show, or None) and ``lines``: by
        name a list of y, from x = 0 on, a pair of lists (x, y) in which a y may be None, or a triple (x, y, error of
        y). Of a ranking a number by name; of a tree see :func:`treefold.report.trees.draw_tree`.
    """
    with rc_context(STYLE | {"svg.hashsalt": chart["title"]}):
        figure = Figure(figsize=WIDE if chart["kind"] == "tree" else (6.4, 3.8), layout="constrained")
        axes = figure.add_subplot()
        if chart["kind"] == "tree":
            draw_tree(axes, chart["lines"], INK, GRID)
        elif chart["kind"] == "ranking":
            _draw_ranking(axes, chart)
        else:
            _draw_lines(axes, chart)
        made = io.StringIO()
        figure.savefig(made, format="svg", metadata={"Date": None}, transparent=True)
    text = made.getvalue()
    return text[text.index("<svg") :]


def _draw_lines(axes: Axes, chart: dict[str, Any]) -> None:
    """Lines or bars."""
    for number, (name, line) in enumerate(chart["lines"].items()):
        x, y, *error = line if isinstance(line, tuple) else (list(range(len(line))), line)
        points = zip(x, y, error[0] if error else [0.0] * len(x), strict=True)
        kept = [point for point in points if point[1] is not None]
        _draw(axes, chart["kind"], number, len(chart["lines"]), name, kept)
    axes.set(xlabel=chart["x"], ylabel=chart["y"])
    if chart.get("window"):
        axes.set_ylim(*chart["window"])
    if chart.get("log"):
        axes.set_xscale("log")
    elif all(isinstance(x, int) for line in chart["lines"].values() for x in _places(line)):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if 1 < len(chart["lines"]) <= NAMED:
        axes.legend(frameon=False)


def _draw_ranking(axes: Axes, chart: dict[str, Any]) -> None:
    """Bars that lie, the first on top, each with its name."""
    names, values = list(chart["lines"]), list(chart["lines"].values())
    axes.barh(range(len(names)), values, color=COLOURS[0])
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(chart["x"])
    axes.grid(visible=False, axis="y")


def _places(line: Any) -> list[float]:
    return list(line[0]) if isinstance(line, tuple) else []


def _draw(axes: Axes, kind: str, number: int, of: int, name: str, points: list[tuple[float, float, float]]) -> None:
    x, y, error = ([point[i] for point in points] for i in range(3))
    colour = COLOURS[number] if of <= NAMED else COLOURS[0]
    if kind == "bar":
        width = 0.8 * min((b - a for a, b in pairwise(x)), default=1.0)
        axes.bar(x, y, width, color=colour, label=name)
        axes.grid(visible=False, axis="x")
    else:
        marker = "o" if len(points) <= 40 and of <= NAMED else ""
        look: dict[str, Any] = {"alpha": 1 if of <= NAMED else 0.5, "markersize": 4, "linewidth": 1.6, "capsize": 3}
        axes.errorbar(x, y, error if any(error) else None, color=colour, marker=marker, label=name, **look)
