"""Charts of a report, as values: what they show, not how they are drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Points = Sequence[Any]
Line = Points | tuple[Points, Points] | tuple[Points, Points, Points]


@dataclass(frozen=True)
class LineChart:
    """Lines over a common x axis.

    Attributes
    ----------
    title, x, y : str
        Title, and labels of the axes.
    lines : {name: line}
        A line is a list of y for x = 0, 1, ..., a pair of lists (x, y) in which a y may be None, or a triple
        (x, y, error of y).
    log : bool, default False
        Whether the x axis is logarithmic.
    window : (float, float), optional
        Least and greatest y to show.
    """

    title: str
    x: str
    y: str
    lines: Mapping[str, Line]
    log: bool = False
    window: tuple[float, float] | None = None


@dataclass(frozen=True)
class BarChart:
    """Vertical bars.

    Attributes
    ----------
    title, x, y : str
        Title, and labels of the axes.
    bars : {name: bars}
        Heights of bars at x = 0, 1, ..., or a pair of lists (x, height).
    """

    title: str
    x: str
    y: str
    bars: Mapping[str, Line]


@dataclass(frozen=True)
class RankingChart:
    """Horizontal bars with names, from top to bottom.

    Attributes
    ----------
    title, x : str
        Title, and label of the axis of the values.
    values : {name: value}
    """

    title: str
    x: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class TreeChart:
    """The first levels of a tree.

    Attributes
    ----------
    title : str
    tree : dict
        ``text``, ``share`` of the rows, and ``children``: none, or the child for which the text is true and the other.
    """

    title: str
    tree: dict[str, Any]


Chart = LineChart | BarChart | RankingChart | TreeChart
