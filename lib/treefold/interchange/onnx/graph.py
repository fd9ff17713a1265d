"""An ONNX graph as text, and its constants."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Graph(NamedTuple):
    """The computation of a model from ``features``.

    Attributes
    ----------
    steps : str
        Nodes in ONNX's text syntax, in order.
    constants : {name: array}
    attributes : {output of a node: {attribute: value}}
        Attributes that are too long for the text.
    """

    steps: str
    constants: dict[str, Any]
    attributes: dict[str, dict[str, Any]] = {}


def chosen(likely: str, thresholds: NDArray | tuple[float, ...] | None, undefined: float) -> tuple[str, dict[str, Any]]:
    """Steps to ``chosen``, the class of greatest likelihood over threshold.

    Parameters
    ----------
    likely : str
        Name of the tensor of likelihoods ``(rows, classes)``.
    thresholds : (classes,) or None
        Threshold of each class; None compares likelihoods alone.
    undefined : float
        Value in place of 0 / 0.

    Returns
    -------
    tuple
        Steps of the graph as text, and its constants by name.
    """
    argmax = " chosen = ArgMax<axis = 1, keepdims = 0>({})"
    if thresholds is None:
        return argmax.format(likely), {}
    constants = {"thresholds": np.array(thresholds, np.float64), "undefined": np.array(undefined)}
    steps = f" share = Div({likely}, thresholds) bare = IsNaN(share) scaled = Where(bare, undefined, share)"
    return steps + argmax.format("scaled"), constants
