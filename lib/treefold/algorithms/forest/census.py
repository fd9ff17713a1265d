"""The first pass of a forest: labels and weights, and the quantiles of every feature."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.forest.sketch import Sketch, block_sketch, merge_sketch, sketch_size
from treefold.algorithms.survey import Survey, block_survey, checked, merge_survey
from treefold.block import Block
from treefold.blocks import Blocks
from treefold.errors import InputError


class Census(NamedTuple):
    """What one pass tells.

    Attributes
    ----------
    labels : Survey
        Of the label alone: its moments and, for a classification, the weight of each class.
    sketch : Sketch
        Of the features.
    lightest, heaviest : float
        Least and greatest weight that is not zero.
    bad_category : (feature, value, position) or None
        The first value of a categorical feature that is no category.
    """

    labels: Survey
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


def block_labels(block: Block, classification: bool) -> Survey:
    """Survey of the labels of a block, whatever its features; a classification has two classes at least."""
    found = block_survey(block._replace(X=block.X[:, :0]), classification)
    if not classification:
        return found
    return found._replace(classes=np.pad(found.classes, (0, max(0, 2 - len(found.classes)))))


def check_labels(blocks: Blocks, classification: bool) -> None:
    """Raise InputError for labels and weights that would end a fit: one pass."""
    checked(blocks.fold(block_labels, classification, merge=merge_survey))


def block_census(block: Block, classification: bool, categorical: NDArray, max_bins: int) -> Census:
    """Census of one block; ``categorical`` names the features whose values are categories below ``max_bins``."""
    labels = block_labels(block, classification)
    weight = block.weight[block.weight > 0].astype(np.float64)
    values = block.X[:, categorical]
    good = np.isnan(values) | ((values >= 0) & (values < max_bins) & (values == np.floor(values)))
    bad = np.argwhere(~good & (block.weight > 0)[:, None])
    found = None
    if len(bad):
        row, column = bad[0]
        found = int(categorical[column]), float(values[row, column]), block.id + int(row)
    size = sketch_size(block.X.shape[1], max_bins)
    return Census(labels, block_sketch(block, size), weight.min(initial=np.inf), weight.max(initial=-np.inf), found)


def merge_census(left: Census, right: Census) -> Census:
    """Census of the union; of two bad categories the earlier stays."""
    return Census(
        merge_survey(left.labels, right.labels),
        merge_sketch(left.sketch, right.sketch),
        min(left.lightest, right.lightest),
        max(left.heaviest, right.heaviest),
        left.bad_category or right.bad_category,
    )


def census(blocks: Blocks, classification: bool, categorical: NDArray, max_bins: int) -> Census:
    """Census of a data set in one pass.

    Raises
    ------
    InputError
        If all weights are zero, a label is no class, or a categorical feature has a value that is no category.
    """
    found: Census = blocks.fold(block_census, classification, categorical, max_bins, merge=merge_census)
    checked(found.labels)
    if found.bad_category is not None:
        feature, value, position = found.bad_category
        raise InputError(
            f"feature {feature} is categorical but holds {value:g} in row {position:,}: categories are 0, 1, 2, ... "
            f"below maxBins, which is {max_bins}; index them first, or raise maxBins"
        )
    return found
