"""The first pass of a forest: labels, weights, and the quantiles of every feature."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.dataset.block import Block
from treefold.dataset.blocks import Blocks
from treefold.errors import InputError
from treefold.statistics.label_summary import DataSummary, block_labels, checked, merge_summaries
from treefold.statistics.quantile_sketch import Sketch, block_sketch, merge_sketch, sketch_size


class FirstPass(NamedTuple):
    """Summary of a data set.

    Attributes
    ----------
    labels : DataSummary
        Of the label alone: its moments and, for a classification, the weight of each class.
    sketch : Sketch
        Of the features.
    lightest, heaviest : float
        Least and greatest nonzero weight.
    bad_category : (feature, value, position) or None
        The first value of a categorical feature that is not a category.
    """

    labels: DataSummary
    sketch: Sketch
    lightest: float
    heaviest: float
    bad_category: tuple[int, float, int] | None

    @property
    def features(self) -> int:
        """Number of features."""
        return len(self.sketch.filled)

    @property
    def classes(self) -> int:
        """Number of classes; 0 for a regression."""
        return len(self.labels.classes)

    @property
    def weighted(self) -> bool:
        """Whether weights differ."""
        return self.lightest != self.heaviest


def block_first_pass(block: Block, classification: bool, categorical: NDArray, max_bins: int) -> FirstPass:
    """First pass over one block; ``categorical`` marks features whose values are categories below ``max_bins``.

    Parameters
    ----------
    block : Block
        Rows of the training data.
    classification : bool
        Whether labels are classes.
    categorical : (k,) int
        Indices of the features whose values are categories 0, 1, ..., below ``max_bins``.
    max_bins : int
        Greatest number of bins of a feature; it determines the size of the quantile sketch.

    Returns
    -------
    FirstPass
    """
    labels = block_labels(block, classification)
    if classification:  # there are at least two
        labels = labels._replace(classes=np.pad(labels.classes, (0, max(0, 2 - len(labels.classes)))))
    weight = block.weight[block.weight > 0].astype(np.float64)
    values = block.X[:, categorical]
    good = np.isnan(values) | ((values >= 0) & (values < max_bins) & (values == np.floor(values)))
    bad = np.argwhere(~good & (block.weight > 0)[:, None])
    found = None
    if len(bad):
        row, column = bad[0]
        found = int(categorical[column]), float(values[row, column]), block.id + int(row)
    size = sketch_size(block.X.shape[1], max_bins)
    return FirstPass(labels, block_sketch(block, size), weight.min(initial=np.inf), weight.max(initial=-np.inf), found)


def merge_first_pass(left: FirstPass, right: FirstPass) -> FirstPass:
    """First pass over the union; of two bad categories the earlier one stays."""
    return FirstPass(
        merge_summaries(left.labels, right.labels),
        merge_sketch(left.sketch, right.sketch),
        min(left.lightest, right.lightest),
        max(left.heaviest, right.heaviest),
        left.bad_category or right.bad_category,
    )


def first_pass(
    blocks: Blocks, classification: bool, categorical: NDArray, max_bins: int, names: Sequence[str] = ()
) -> FirstPass:
    """Labels, categories and quantile sketches of a data set: one pass.

    Parameters
    ----------
    blocks : Blocks
        The data set.
    classification : bool
        Whether labels are class indices.
    categorical : (k,) int
        Which features are categorical.
    max_bins : int
        Most bins of a feature.
    names : sequence of str
        What an error calls the categorical features; by default by their numbers.

    Returns
    -------
    FirstPass

    Raises
    ------
    InputError
        If all weights are zero, a label is not a class index, or a value of a categorical feature is not a category.
    """
    found: FirstPass = blocks.reduce(block_first_pass, classification, categorical, max_bins, merge=merge_first_pass)
    checked(found.labels)
    if found.bad_category is not None:
        feature, value, position = found.bad_category
        name = names[categorical.tolist().index(feature)] if names else f"feature {feature}"
        raise InputError(
            f"{name} is categorical but holds {value:g} in row {position:,}: categories are 0, 1, 2, ... "
            f"below maxBins, which is {max_bins}; index them first, or raise maxBins"
        )
    return found
