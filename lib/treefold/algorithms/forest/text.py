"""Trees as text, and the first levels of a tree for a picture."""

from typing import Any

import numpy as np

from treefold.algorithms.forest.model import ForestModel


def described(model: ForestModel, names: list[str] | None = None) -> str:
    """All trees as nested conditions, one line for each condition or prediction."""
    lines = []
    for number, root in enumerate(model.roots):
        lines.append(f"Tree {number}:")
        lines += _below(model, int(root), names or [f"feature {f}" for f in range(model.features)], " ")
    return "\n".join(lines) + "\n"


def _below(model: ForestModel, node: int, names: list[str], indent: str) -> list[str]:
    if model.feature[node] < 0:
        return [f"{indent}Predict: {prediction(model, node)}"]
    left = int(model.left[node])
    yes, no = (_below(model, child, names, indent + " ") for child in (left, left + 1))
    missing = " or missing"
    ways = (missing, "") if model.nan_left[node] else ("", missing)
    says, says_not = condition(model, node, names)
    return [f"{indent}If ({says}{ways[0]})", *yes, f"{indent}Else ({says_not}{ways[1]})", *no]


def condition(model: ForestModel, node: int, names: list[str]) -> tuple[str, str]:
    """The condition under which a row goes left, and the one under which it goes right.

    Parameters
    ----------
    model : ForestModel
        The forest.
    node : int
        Number of a node with a split.
    names : list of str
        Names of the features.

    Returns
    -------
    tuple of str
        The two conditions.
    """
    name = names[model.feature[node]]
    if model.table[node] < 0:
        return f"{name} <= {model.threshold[node]:.7g}", f"{name} > {model.threshold[node]:.7g}"
    goes_left = model.tables[model.table[node]]
    left, right = (", ".join(str(c) for c in np.flatnonzero(some)) for some in (goes_left, ~goes_left))
    return f"{name} in {{{left}}}", f"{name} in {{{right}}}"


def prediction(model: ForestModel, node: int) -> str:
    """The class or value that a node predicts."""
    value = model.value[node]
    return str(int(value.argmax())) if model.classes else f"{value[0]:.7g}"


def first_levels(model: ForestModel, levels: int, names: list[str]) -> dict[str, Any]:
    """The first tree down to a depth: ``text``, ``share`` of the rows, and ``children`` of each node.

    Parameters
    ----------
    model : ForestModel
        The forest; its first tree is shown.
    levels : int
        Depth below which nodes are left out.
    names : list of str
        Names of the features.

    Returns
    -------
    dict
        The root.
    """
    whole = max(float(model.weight[model.roots[0]]), np.finfo(float).tiny)

    def node(at: int, depth: int) -> dict[str, Any]:
        split = model.feature[at] >= 0
        left = int(model.left[at])
        below = [node(left, depth + 1), node(left + 1, depth + 1)] if split and depth < levels else []
        says = condition(model, at, names)[0] if below else prediction(model, at) + (" ..." if split else "")
        return {"text": says, "share": float(model.weight[at]) / whole, "children": below}

    return node(int(model.roots[0]), 0)
