"""Bins: what is left of a feature's values, and of weights and labels, before trees grow.

Features become bin numbers of one or two bytes. Weights and labels become whole multiples of a power of two that is so
small that it does not matter and so large that sums of them are exact in float64: no order of addition shows.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.forest.census import Census
from treefold.algorithms.forest.kernels_sketch import bin_rows, cut_points
from treefold.block import Block

EXACT_BITS = 52  # whole numbers below 2**53 add exactly in float64; one bit is spared for the rounding of each row


class Bins(NamedTuple):
    """Bins of every feature.

    Attributes
    ----------
    cuts : (features, width) float64, filled up with infinity; the width is a power of two less one
        A value is in the bin whose number is that of the cuts below it.
    counts : (features,) int32
        Number of bins; of a categorical feature the number of its categories.
    missing : (features,) bool
        Whether NaN occurs: it has a bin of its own, after the others.
    categorical : (features,) bool
    """

    cuts: NDArray
    counts: NDArray
    missing: NDArray
    categorical: NDArray

    @property
    def width(self) -> int:
        """Bins of the feature that has most, the missing one included."""
        return int((self.counts + self.missing).max())

    @property
    def dtype(self) -> np.dtype:
        """Type of a bin number."""
        return np.dtype(np.uint8 if self.counts.max() < 256 else np.uint16)


class Units(NamedTuple):
    """What the whole numbers that weights and labels become stand for.

    A row of weight w and label y becomes ``w / weight``, ``w (y - shift) / label`` and ``w (y - shift)^2 / square``,
    each rounded. Of a classification only the weight is so treated.

    Attributes
    ----------
    class_weight : (classes,)
        Factors of the weights; empty for a regression.
    counted : bool
        Whether rows are counted beside their weights, which differ.
    """

    weight: float
    label: float
    square: float
    shift: float
    class_weight: NDArray
    counted: bool

    @property
    def mean_scale(self) -> float:
        """What turns a quotient of the second number and the first into the unit of the label."""
        return self.label / self.weight

    @property
    def square_scale(self) -> float:
        """What turns the square of the second number over the first into the third."""
        return self.label**2 / (self.weight * self.square)

    def settled(self, statistics: NDArray) -> NDArray:
        """Statistics ``(nodes, channels)`` of a regression in the units of the data: weight, mean, mean square."""
        weight = statistics[:, 0] * self.weight
        safe = np.where(weight > 0, weight, 1.0)
        mean = statistics[:, 1] * self.label / safe
        return np.stack([weight, self.shift + mean, statistics[:, 2] * self.square / safe - mean**2], axis=1)


def bins_of(census: Census, categorical: NDArray, max_bins: int) -> Bins:
    """Bins of about equal weight, at most ``max_bins`` of each feature beside that of missing values."""
    sketch = census.sketch
    features = len(sketch.filled)
    cuts, counts = np.full((features, max_bins), np.inf), np.ones(features, np.int32)
    kinds = np.zeros(features, bool)
    kinds[categorical] = True
    for f in range(features):
        n = sketch.filled[f]
        if kinds[f]:
            counts[f] = int(sketch.values[f, n - 1]) + 1 if n else 1
        else:
            counts[f] = 1 + cut_points(sketch.values[f, :n], sketch.weights[f, :n], max_bins, cuts[f])
    width = (1 << int(counts[~kinds].max(initial=1) - 1).bit_length()) - 1
    padded = np.pad(cuts, ((0, 0), (0, max(0, width - max_bins))), constant_values=np.inf)
    return Bins(np.ascontiguousarray(padded[:, :width]), counts, sketch.missing > 0, kinds)


def units_of(census: Census, most: int, class_weight: NDArray | None = None) -> Units:
    """Units of a data set of whose rows none counts more than ``most`` times in a sample."""
    moments, classes = census.labels.moments, census.labels.classes
    factors = np.ones(len(classes)) if class_weight is None else np.asarray(class_weight, np.float64)
    counted = census.weighted or bool((factors != 1).any())
    weight = float(classes @ factors) if len(classes) else moments.weight
    reach = float(moments.high[-1] - moments.low[-1])
    spread = max(float(moments.squares[-1]), census.lightest * reach**2 / 4)
    return Units(
        _unit(weight * most) if counted else census.heaviest,
        _unit(float(np.sqrt(weight * spread)) * most),
        _unit(spread * most),
        float(moments.mean[-1]),
        factors,
        counted,
    )


def _unit(bound: float) -> float:
    """A power of two of which ``bound`` has about 2**52."""
    return 2.0 ** (int(np.frexp(bound)[1]) - EXACT_BITS) if bound > 0 else 1.0


def _rounded_down(cuts: NDArray, dtype: np.dtype) -> NDArray:
    """The greatest numbers of a type that no cut is below: values of the type are above the same ones."""
    with np.errstate(over="ignore"):
        near = cuts.astype(dtype)
    return np.where(near > cuts, np.nextafter(near, dtype.type(-np.inf)), near)


def binned(block: Block, bins: Bins, units: Units) -> Block:
    """The block as trees see it: bin numbers, and whole numbers for label (or class) and weight."""
    X = np.empty(block.X.shape, bins.dtype)
    bin_rows(block.X, _rounded_down(bins.cuts, block.X.dtype), bins.counts, bins.categorical, X)
    y, weight = block.y.astype(np.float64), block.weight.astype(np.float64)
    if len(units.class_weight):
        weight *= units.class_weight[y.astype(np.intp)]
        return Block(X, y, np.rint(weight / units.weight), block.id)
    return Block(X, np.rint(weight * (y - units.shift) / units.label), np.rint(weight / units.weight), block.id)
