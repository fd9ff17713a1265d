"""Charts as SVG, to stand in a page."""

import io
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
        ``title``, ``x`` and ``y`` (what the axes show), ``kind`` (``line``, ``bar``, ``ranking`` or ``tree``) and
        ``lines``: by name a list of y, from x = 0 on, or a pair of lists (x, y) in which a y may be None. Of a ranking
        a number by name; of a tree see :func:`treefold.report.trees.draw_tree`.
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
        x, y = line if isinstance(line, tuple) else (list(range(len(line))), line)
        kept = [(a, b) for a, b in zip(x, y, strict=True) if b is not None]
        _draw(axes, chart["kind"], number, len(chart["lines"]), name, kept)
    axes.set(xlabel=chart["x"], ylabel=chart["y"])
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


def _draw(axes: Axes, kind: str, number: int, of: int, name: str, points: list[tuple[float, float]]) -> None:
    x, y = [a for a, _ in points], [b for _, b in points]
    colour = COLOURS[number] if of <= NAMED else COLOURS[0]
    if kind == "bar":
        axes.bar(x, y, color=colour, label=name)
        axes.grid(visible=False, axis="x")
    else:
        marker = "o" if len(points) <= 40 and of <= NAMED else ""
        axes.plot(
            x, y, color=colour, marker=marker, markersize=4, linewidth=1.6, alpha=1 if of <= NAMED else 0.5, label=name
        )
