"""A tree as a picture: conditions in boxes, the share of the rows below them."""

from typing import Any

from matplotlib.axes import Axes

WIDE = 26  # letters of a line in a box


def draw_tree(axes: Axes, tree: dict[str, Any], ink: str, paper: str) -> None:
    """Draw a node and the nodes below it.

    Parameters
    ----------
    axes : Axes
        Axes to draw on.
    tree : dict
        ``text``, ``share`` of the rows, and ``children``: none, or the child for which the text is true and the other
        one.
    ink, paper : str
        Colours of lines and text, and of boxes.
    """
    places = _places(tree)
    depth = max(level for level, _, _ in places)
    for level, column, node in places:
        below = [place[:2] for place in places if any(place[2] is child for child in node["children"])]
        for (child_level, child_column), answer in zip(below, ("yes", "no"), strict=False):
            axes.plot([column, child_column], [-level, -child_level], color=ink, linewidth=0.8, zorder=1)
            middle = (column + child_column) / 2, -(level + child_level) / 2
            axes.text(*middle, answer, fontsize=7, ha="center", va="center", backgroundcolor="white", zorder=2)
        says = node["text"] if len(node["text"]) <= WIDE else node["text"][: WIDE - 1] + "\N{HORIZONTAL ELLIPSIS}"
        box = {"boxstyle": "round", "facecolor": paper, "edgecolor": ink, "linewidth": 0.8}
        about = f"{says}\n{node['share']:.1%}"
        axes.text(column, -level, about, fontsize=6.5, ha="center", va="center", bbox=box, zorder=3)
    axes.set(xlim=(-0.6, max(c for _, c, _ in places) + 0.6), ylim=(-depth - 0.5, 0.5))
    axes.axis("off")


def _places(tree: dict[str, Any]) -> list[tuple[int, float, dict[str, Any]]]:
    """Level and column of every node: ends side by side, the others above the middle of their children."""
    ends = 0

    def visit(node: dict[str, Any], level: int) -> tuple[float, list[tuple[int, float, dict[str, Any]]]]:
        nonlocal ends
        if not node["children"]:
            ends += 1
            return ends - 1.0, [(level, ends - 1.0, node)]
        parts = [visit(child, level + 1) for child in node["children"]]
        column = sum(part[0] for part in parts) / len(parts)
        return column, [(level, column, node), *(place for part in parts for place in part[1])]

    return visit(tree, 0)[1]
