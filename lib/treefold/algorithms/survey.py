"""The first pass of a supervised fit: moments, and for a classifier the classes. Bad labels are found here."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.moments import Moments, block_moments, merge_moments
from treefold.block import Block
from treefold.blocks import Blocks
from treefold.errors import InputError

MOST_CLASSES = 10_000


class Survey(NamedTuple):
    """What one pass tells about features and label.

    Attributes
    ----------
    moments : Moments
        Of the features and, as the last column, of the label.
    classes : (classes,)
        Sum of weights of each label 0, 1, ...; empty unless classes were asked for.
    bad_label : (label, position) or None
        The first label that is no class index, and where it is.
    """

    moments: Moments
    classes: NDArray
    bad_label: tuple[float, int] | None


def block_survey(block: Block, classification: bool) -> Survey:
    """Survey of one block."""
    summary = block_moments(block)
    if not classification:
        return Survey(summary, np.zeros(0), None)
    bad = np.flatnonzero((block.y < 0) | (block.y >= MOST_CLASSES) | (block.y != np.floor(block.y)))
    if len(bad):
        return Survey(summary, np.zeros(0), (float(block.y[bad[0]]), block.id + int(bad[0])))
    return Survey(summary, np.bincount(block.y.astype(np.intp), block.weight), None)


def merge_survey(left: Survey, right: Survey) -> Survey:
    """Survey of the union; of two bad labels the earlier stays."""
    longer, shorter = sorted((left.classes, right.classes), key=len, reverse=True)
    return Survey(
        merge_moments(left.moments, right.moments),
        longer + np.pad(shorter, (0, len(longer) - len(shorter))),
        left.bad_label or right.bad_label,
    )


def survey(blocks: Blocks, *, classification: bool) -> Survey:
    """Survey a data set in one pass.

    Raises
    ------
    InputError
        If all weights are zero, or a label of a classification is not one of 0, 1, ... below 10,000.
    """
    return checked(blocks.fold(block_survey, classification, merge=merge_survey))


def checked(result: Survey) -> Survey:
    """The survey, if what it found can be fitted; raises as :func:`survey` does."""
    if result.bad_label is not None:
        label, position = result.bad_label
        raise InputError(
            f"label {label:g} in row {position:,} is out of range: classes are 0, 1, 2, ... below {MOST_CLASSES:,}; "
            "index the labels first"
        )
    if not result.moments.weight > 0:
        raise InputError("every row has weight 0: give at least one row a positive weight")
    return result
