"""Weighted quantiles of every feature from one pass: mergeable sketches of a few hundred points.

A sketch has all distinct values with their weights as long as there are at most ``size``. Beyond that, neighbouring
points are joined into groups of equal weight, and each group keeps its middle value. One such step changes a rank by at
most ``1 / size`` of the total weight. Sketches are merged along the fixed tree, so the result does not depend on the
partitioning.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.dataset.block import Block
from treefold.statistics.kernels_quantiles import merge_columns, squeeze_columns

POINTS = 1024
POINTS_A_BIN = 4
BYTES = 32 << 20  # most bytes of one sketch, unless it then has fewer than POINTS_A_BIN points for a bin


class Sketch(NamedTuple):
    """Points of each feature.

    Attributes
    ----------
    values : (features, width), increasing up to ``filled``
    weights : (features, width) float64
    filled : (features,) int32
        Number of points of each feature.
    missing : (features,) float64
        Weight of the rows whose value is NaN.
    size : int
        Most points of a feature.
    """

    values: NDArray
    weights: NDArray
    filled: NDArray
    missing: NDArray
    size: int


def sketch_size(features: int, max_bins: int) -> int:
    """Most points for each of ``features`` features, for at most ``max_bins`` bins."""
    return max(POINTS_A_BIN * max_bins, min(POINTS, BYTES // (12 * features)))


def block_sketch(block: Block, size: int) -> Sketch:
    """Sketch of the rows of positive weight."""
    kept = block.weight > 0
    X, weight = (block.X, block.weight) if kept.all() else (block.X[kept], block.weight[kept])
    w = weight.astype(np.float64)
    columns = np.array(X.T, order="C")  # a copy even of a single column, because it is sorted in place
    nan = np.isnan(columns)
    if len(w) and (w == w[0]).all():
        columns.sort(axis=1)
        weights = w[None]
    else:
        order = np.argsort(columns, axis=1, kind="stable")
        columns, weights = np.take_along_axis(columns, order, 1), w[order]
    shape = len(columns), min(size, len(w))
    values, mass, count = np.empty(shape, columns.dtype), np.empty(shape), np.empty(len(columns), np.int32)
    squeeze_columns(columns, weights, len(w) - nan.sum(axis=1), size, values, mass, count)
    return _trimmed(Sketch(values, mass, count, nan @ w, size))


def merge_sketch(left: Sketch, right: Sketch) -> Sketch:
    """Sketch of the union of two sets of rows."""
    shape = len(left.filled), min(left.size, left.values.shape[1] + right.values.shape[1])
    values, mass, count = np.empty(shape, left.values.dtype), np.empty(shape), np.empty(len(left.filled), np.int32)
    merge_columns(*left[:3], *right[:3], left.size, values, mass, count)
    return _trimmed(Sketch(values, mass, count, left.missing + right.missing, left.size))


def _trimmed(sketch: Sketch) -> Sketch:
    """The sketch without columns that no feature uses."""
    width = int(sketch.filled.max(initial=0))
    return sketch._replace(
        values=np.ascontiguousarray(sketch.values[:, :width]), weights=np.ascontiguousarray(sketch.weights[:, :width])
    )
