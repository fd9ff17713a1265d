"""A graph as text: its steps, and the arrays they name."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Graph(NamedTuple):
    """What a model computes of ``features``.

    Attributes
    ----------
    steps : str
        Nodes in ONNX's text syntax, one after the other.
    constants : {name: array}
    attributes : {output of a node: {attribute: value}}
        Of nodes that have too many of them for a text.
    """

    steps: str
    constants: dict[str, Any]
    attributes: dict[str, dict[str, Any]] = {}


def chosen(likely: str, thresholds: NDArray | tuple[float, ...] | None, undefined: float) -> tuple[str, dict[str, Any]]:
    """Steps to ``chosen``, the class of the greatest likelihood over its threshold, ``undefined`` where that is 0/0."""
    argmax = " chosen = ArgMax<axis = 1, keepdims = 0>({})"
    if thresholds is None:
        return argmax.format(likely), {}
    constants = {"thresholds": np.array(thresholds, np.float64), "undefined": np.array(undefined)}
    steps = f" share = Div({likely}, thresholds) bare = IsNaN(share) scaled = Where(bare, undefined, share)"
    return steps + argmax.format("scaled"), constants
