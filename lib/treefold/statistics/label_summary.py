"""The first pass of a supervised fit: moments, class weights of a classifier, and bad labels."""

import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.dataset.block import Block
from treefold.dataset.blocks import Blocks
from treefold.dataset.folds import Fold
from treefold.errors import InputError
from treefold.statistics.moments import Moments, block_moments, merge_moments

MOST_CLASSES = 10_000
SHOWN = 5  # classes without rows in a line

log = logging.getLogger(__name__)


class DataSummary(NamedTuple):
    """Summary of features and labels that one pass computes.

    Attributes
    ----------
    moments : Moments
        Of the features and, as the last column, of the label.
    classes : (classes,)
        Sum of weights of each label 0, 1, ...; empty for a regression.
    bad_label : (label, position) or None
        The first label that is not a class index, and its row.
    """

    moments: Moments
    classes: NDArray
    bad_label: tuple[float, int] | None


def block_summary(block: Block, classification: bool) -> DataSummary:
    """Summary of one block."""
    summary = block_moments(block)
    if not classification:
        return DataSummary(summary, np.zeros(0), None)
    bad = np.flatnonzero((block.y < 0) | (block.y >= MOST_CLASSES) | (block.y != np.floor(block.y)))
    if len(bad):
        return DataSummary(summary, np.zeros(0), (float(block.y[bad[0]]), block.id + int(bad[0])))
    return DataSummary(summary, np.bincount(block.y.astype(np.intp), block.weight), None)


def merge_summaries(left: DataSummary, right: DataSummary) -> DataSummary:
    """Summary of the union; of two bad labels the earlier one stays."""
    longer, shorter = sorted((left.classes, right.classes), key=len, reverse=True)
    return DataSummary(
        merge_moments(left.moments, right.moments),
        longer + np.pad(shorter, (0, len(longer) - len(shorter))),
        left.bad_label or right.bad_label,
    )


def data_summary(blocks: Blocks, *, classification: bool) -> DataSummary:
    """Moments, classes and bad labels of a data set: one pass.

    Parameters
    ----------
    blocks : Blocks
        The data set.
    classification : bool
        Whether labels are class indices 0, 1, ...

    Returns
    -------
    DataSummary

    Raises
    ------
    InputError
        If all weights are zero, or a label of a classification is not one of 0, 1, ... below 10,000.
    """
    return checked(blocks.reduce(block_summary, classification, merge=merge_summaries))


def block_labels(block: Block, classification: bool) -> DataSummary:
    """Summary of the labels of one block; its moments are those of the label alone."""
    return block_summary(block._replace(X=np.empty((len(block.y), 0), block.y.dtype)), classification)


def label_summary(blocks: Blocks, *, classification: bool) -> DataSummary:
    """As :func:`data_summary`, without the moments of the features, which take 32 bytes a feature: one pass."""
    return checked(blocks.reduce(block_labels, classification, merge=merge_summaries))


def warn_of_labels(blocks: Blocks, classes: NDArray) -> None:
    """Log that all rows are of one class, or that a class below the largest has none; of a fold nothing is said.

    Parameters
    ----------
    blocks : Blocks
        The data set.
    classes : (classes,)
        Sum of weights of each label.
    """
    there, absent = np.flatnonzero(classes > 0), np.flatnonzero(~(classes > 0))
    if isinstance(blocks, Fold):
        return
    if len(there) == 1:
        log.warning("all rows are of class %d: the model will predict nothing else", there[0])
    elif len(absent):
        named = ", ".join(map(str, absent[:SHOWN])) + (", ..." if len(absent) > SHOWN else "")
        log.warning("no row is of class %s, though %d is a class: index labels without gaps", named, len(classes) - 1)


def checked(result: DataSummary) -> DataSummary:
    """The summary, after a check that it can be fitted; raises as :func:`data_summary` does."""
    if result.bad_label is not None:
        label, position = result.bad_label
        raise InputError(
            f"label {label:g} in row {position:,} is out of range: classes are 0, 1, 2, ... below {MOST_CLASSES:,}; "
            "index the labels first"
        )
    if not result.moments.weight > 0:
        raise InputError("every row has weight 0: give at least one row a positive weight")
    return result


def with_declared(result: DataSummary, declared: int | None) -> DataSummary:
    """The summary with as many classes as the label column declares, or as occur if it declares none; at least two.

    Classes that do not occur have weight 0.

    Parameters
    ----------
    result : DataSummary
        Summary of the data set.
    declared : int or None
        Number of classes that the metadata of the label column declares.

    Returns
    -------
    DataSummary

    Raises
    ------
    InputError
        If a label occurs that is not declared.
    """
    classes = max(2, len(result.classes) if declared is None else declared)
    if len(result.classes) > classes:
        raise InputError(
            f"the label's metadata declare {declared} classes, but label {len(result.classes) - 1} occurs: index the "
            "labels again"
        )
    return result._replace(classes=np.pad(result.classes, (0, classes - len(result.classes))))


def class_factors(wanted: str | Sequence[float] | Mapping[int, float], weight: NDArray) -> NDArray:
    """Factors of the weights of the rows of each class, ``(classes,)``.

    Parameters
    ----------
    wanted : ``balanced``, a number for each class, or {class: number}
        With ``balanced`` all classes have the same total weight: the factor is
        ``sum(w) / (classes that occur * sum(w of the class))``. A class that a mapping does not name has factor 1.
    weight : (classes,)
        Sum of weights of the rows of each class.

    Returns
    -------
    (classes,) float64

    Raises
    ------
    InputError
        If there are fewer numbers than classes, a class does not exist, or all rows would have weight 0.
    """
    factors, classes = np.ones(len(weight)), len(weight)
    if isinstance(wanted, str):
        seen = weight > 0
        return np.divide(weight.sum() / seen.sum(), weight, out=factors, where=seen)
    if isinstance(wanted, Mapping):
        for label, factor in wanted.items():
            if label >= classes:
                raise InputError(f"classWeight names class {label}, but there are {classes} classes: leave it out")
            factors[label] = factor
    else:
        if len(wanted) < classes:
            raise InputError(f"there are {len(wanted)} class weights but {classes} classes: give one for each class")
        factors = np.asarray(wanted, np.float64)[:classes]
    if not weight @ factors > 0:
        raise InputError("every class that occurs has class weight 0: give one a positive weight")
    return factors
