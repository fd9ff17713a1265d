"""Bins of features, and integer weights and labels, computed before the trees grow.

Features become bin numbers of one or two bytes. Weights and labels become integer multiples of a power of two. The
power is so small that rounding is negligible, and so large that sums are exact in float64, so that the order of
addition does not matter.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.forest.first_pass import FirstPass
from treefold.dataset.block import Block
from treefold.statistics.kernels_quantiles import bin_rows, cut_points

EXACT_BITS = 52  # integers below 2**53 are exact in float64; one bit is reserved for the rounding of each row


class Bins(NamedTuple):
    """Bins of every feature.

    Attributes
    ----------
    cuts : (features, width) float64
        The bin of a value is the number of cuts below it. Padded with infinity; the width is a power of two less one.
    counts : (features,) int32
        Number of bins; for a categorical feature the number of its categories.
    missing : (features,) bool
        Whether NaN occurs. It has a bin of its own after the others.
    categorical : (features,) bool
    """

    cuts: NDArray
    counts: NDArray
    missing: NDArray
    categorical: NDArray

    @property
    def width(self) -> int:
        """Bins of the feature that has most, including the bin of missing values."""
        return int((self.counts + self.missing).max())

    @property
    def dtype(self) -> np.dtype:
        """Type of a bin number."""
        return np.dtype(np.uint8 if self.counts.max() < 256 else np.uint16)


class Units(NamedTuple):
    """Units of the integers that weights and labels become.

    A row of weight w and label y becomes ``w / weight``, ``w (y - shift) / label`` and ``w (y - shift)^2 / square``,
    each rounded. For a classification this applies to the weight only.

    Attributes
    ----------
    class_weight : (classes,)
        Factors of the weights; empty for a regression.
    counted : bool
        Whether rows are counted in addition to their weights, because weights differ.
    most_rows : int
        Most rows in the sample of a tree, each counted as often as it is drawn.
    """

    weight: float
    label: float
    square: float
    shift: float
    class_weight: NDArray
    counted: bool
    most_rows: int

    @property
    def mean_scale(self) -> float:
        """Factor that turns the quotient of the second and first number into the unit of the label."""
        return self.label / self.weight

    @property
    def square_scale(self) -> float:
        """Factor that turns the square of the second number divided by the first into the third."""
        return self.label**2 / (self.weight * self.square)

    def settled(self, statistics: NDArray) -> NDArray:
        """Statistics ``(nodes, channels)`` of a regression in the units of the data: weight, mean, mean square."""
        weight = statistics[:, 0] * self.weight
        safe = np.where(weight > 0, weight, 1.0)
        mean = statistics[:, 1] * self.label / safe
        return np.stack([weight, self.shift + mean, statistics[:, 2] * self.square / safe - mean**2], axis=1)


def bins_of(first_pass: FirstPass, categorical: NDArray, max_bins: int) -> Bins:
    """Bins of about equal weight, at most ``max_bins`` for each feature, not counting the bin of missing values.

    Parameters
    ----------
    first_pass : FirstPass
        Quantile sketch of every feature.
    categorical : (k,) int
        Indices of the categorical features.
    max_bins : int
        Greatest number of bins of a feature, not counting the bin of missing values.

    Returns
    -------
    Bins
    """
    sketch = first_pass.sketch
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


def units_of(first_pass: FirstPass, most: int, class_weight: NDArray | None = None) -> Units:
    """Units of a data set in which no row is drawn more than ``most`` times.

    Parameters
    ----------
    first_pass : FirstPass
        Summary of the data set.
    most : int
        Most times that a row counts in a sample.
    class_weight : (classes,), optional
        Factors of the weights of the rows of each class.

    Returns
    -------
    Units
    """
    moments, classes = first_pass.labels.moments, first_pass.labels.classes
    factors = np.ones(len(classes)) if class_weight is None else np.asarray(class_weight, np.float64)
    counted = first_pass.weighted or bool((factors != 1).any())
    weight = float(classes @ factors) if len(classes) else moments.weight
    reach = float(moments.high[-1] - moments.low[-1])
    spread = max(float(moments.squares[-1]), first_pass.lightest * reach**2 / 4)
    return Units(
        _unit(weight * most) if counted else first_pass.heaviest,
        _unit(float(np.sqrt(weight * spread)) * most),
        _unit(spread * most),
        float(moments.mean[-1]),
        factors,
        counted,
        moments.rows * most,
    )


def _unit(bound: float) -> float:
    """A power of two such that ``bound`` is about 2**52 times it."""
    return 2.0 ** (int(np.frexp(bound)[1]) - EXACT_BITS) if bound > 0 else 1.0


def _rounded_down(cuts: NDArray, dtype: np.dtype) -> NDArray:
    """The cuts rounded down to a type, so that each value of the type is above the same cuts as before."""
    with np.errstate(over="ignore"):
        near = cuts.astype(dtype)
    return np.where(near > cuts, np.nextafter(near, dtype.type(-np.inf)), near)


def binned(block: Block, bins: Bins, units: Units) -> Block:
    """The block as trees see it: bin numbers, and integers for label (or class) and weight.

    Parameters
    ----------
    block : Block
        Rows with their features, labels and weights.
    bins : Bins
        Cut points and categories of the features.
    units : Units
        Multiples of which labels and weights become integers.

    Returns
    -------
    Block
        ``X`` are bin numbers. ``y`` is the class, or the weighted label as an integer; ``weight`` is an integer.
    """
    X = np.empty(block.X.shape, bins.dtype)
    bin_rows(block.X, _rounded_down(bins.cuts, block.X.dtype), bins.counts, bins.categorical, X)
    y, weight = block.y.astype(np.float64), block.weight.astype(np.float64)
    if len(units.class_weight):
        weight *= units.class_weight[y.astype(np.intp)]
        return Block(X, y, np.rint(weight / units.weight), block.id)
    return Block(X, np.rint(weight * (y - units.shift) / units.label), np.rint(weight / units.weight), block.id)
