"""Statistics of predictions: one pass for all models and all statistics."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from treefold.dataset.block import Block, Matrix
from treefold.dataset.blocks import Scan, add


class Predictions(NamedTuple):
    """Predictions of a batch of models for rows.

    Attributes
    ----------
    value : (models, rows)
        The predicted number, or the index of the predicted class. Each output of a model of several numbers is a model.
    classes : int
        Number of classes; 0 for a regression.
    probability : (models, classes, rows) or None
    score : (models, rows) or None
        Score by which a binary classifier ranks rows: the greater, the more likely class 1.
    """

    value: NDArray
    classes: int = 0
    probability: NDArray | None = None
    score: NDArray | None = None


Statistic = Callable[[Predictions, NDArray, NDArray], Any]


class Predictor(Protocol):
    """A batch of models that can be evaluated.

    If it has a true attribute ``with_offset``, ``predictions`` also receives the first extra column of the rows. If it
    has an attribute ``targets`` that is not 0, each of its models predicts so many numbers: the last columns of a block
    are their labels, and statistics receive labels ``(models, rows)``.
    """

    def predictions(self, X: Matrix) -> Predictions:
        """Predictions for the rows of ``X``."""
        ...


def measured(block: Block, predictor: Predictor, statistics: tuple[Statistic, ...]) -> tuple[Any, ...]:
    """The value of each statistic for one block; rows of weight 0 are left out if any row has a weight.

    Parameters
    ----------
    block : Block
        Labelled rows.
    predictor : Predictor
        The models, as one predictor.
    statistics : tuple of Statistic
        Statistics of predictions, labels and weights.

    Returns
    -------
    tuple
        Their values, in the same order.
    """
    kept = block.weight > 0
    given = (*block[:3], *(block.extra[:1] if getattr(predictor, "with_offset", False) else ()))
    X, y, weight, *offset = given if kept.all() or not kept.any() else (a[kept] for a in given)
    targets = getattr(predictor, "targets", 0)
    if targets:
        X, y = X[:, :-targets], X[:, -targets:].T
    predictions = predictor.predictions(X, *offset)
    if targets:
        y = np.tile(y, (len(predictions.value) // targets, 1))
    return tuple(statistic(predictions, y, weight) for statistic in statistics)


def merge_measured(left: tuple[Any, ...], right: tuple[Any, ...]) -> tuple[Any, ...]:
    """Statistics of the union of two sets of rows."""
    return tuple(add(a, b) for a, b in zip(left, right, strict=True))


def measure(blocks: Scan, predictor: Predictor, *statistics: Statistic) -> Any:
    """Sums of ``statistics`` over all rows, in the order of the arguments: one pass.

    Parameters
    ----------
    blocks : Scan
        The labelled data set.
    predictor : Predictor
        The models.
    statistics : ``(predictions, label (rows,), weight (rows,)) -> NamedTuple``
        Module-level functions, or :class:`functools.partial` of them.

    Returns
    -------
    tuple of NamedTuple
    """
    return blocks.reduce(measured, predictor, statistics, merge=merge_measured)


def weights_of(predictions: Predictions, weight: NDArray) -> NDArray:
    """Weights ``(models, rows)`` in float64, the same for each model."""
    return np.broadcast_to(weight, predictions.value.shape).astype(np.float64)


class Several(NamedTuple):
    """Several predictors as one batch."""

    predictors: tuple[Predictor, ...]

    @classmethod
    def of(cls, models: Sequence[Any]) -> "Several":
        """NumPy models as one batch; neighbours of the same kind are stacked into one matrix product."""
        stacked: list[Any] = []
        for model in models:
            together = stacked and hasattr(stacked[-1], "stack") and stacked[-1].stack(model)
            stacked[-1:] = [together] if together else [*stacked[-1:], getattr(model, "batch", model)]
        return cls(tuple(stacked))

    @property
    def with_offset(self) -> bool:
        """Whether rows have an offset."""
        return any(getattr(predictor, "with_offset", False) for predictor in self.predictors)

    @property
    def targets(self) -> int:
        """Number of labels of a row, if it is more than one."""
        return int(getattr(self.predictors[0], "targets", 0))

    def predictions(self, X: Matrix, *offset: NDArray) -> Predictions:
        """Predictions for the rows of ``X``."""
        parts = [predictor.predictions(X, *offset) for predictor in self.predictors]
        return parts[0] if len(parts) == 1 else _side_by_side(parts)


def _side_by_side(parts: list[Predictions]) -> Predictions:
    """One batch of several batches with the same number of classes."""

    def joined(arrays: list[NDArray | None]) -> NDArray | None:
        there = [array for array in arrays if array is not None]
        return np.concatenate(there) if len(there) == len(parts) else None

    return Predictions(
        np.concatenate([part.value for part in parts]),
        parts[0].classes,
        joined([part.probability for part in parts]),
        joined([part.score for part in parts]),
    )
