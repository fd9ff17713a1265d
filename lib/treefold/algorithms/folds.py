"""Folds: which rows a model of the batch does not see."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.draws import scrambled
from treefold.block import Block, positions


class Holdout(NamedTuple):
    """One fold held out by each model.

    Attributes
    ----------
    fold : (models,) int
        The fold a model holds out; -1 for none.
    folds : int
        Number of folds.
    seed : int
        Seed of the assignment of rows to folds.
    """

    fold: NDArray
    folds: int
    seed: int = 0


def fold_of(position: NDArray[np.uint64], folds: int, seed: int) -> NDArray[np.int64]:
    """Fold of each row: a hash of (seed, position), the same whatever the partitioning."""
    return (scrambled(position, seed) % np.uint64(folds)).astype(np.int64)


def training_weight(block: Block, holdout: Holdout | None, by_class: NDArray | None = None) -> NDArray:
    """Weight of each row in each model's training set: ``(models, rows)``, or ``(1, rows)`` where all see all.

    ``by_class`` ``(classes,)`` multiplies the weights of the rows of each label.
    """
    weight = block.weight
    if by_class is not None:
        weight = weight * by_class[block.y.astype(np.intp)].astype(weight.dtype)
    if holdout is None:
        return weight[None]
    fold = fold_of(positions(block), holdout.folds, holdout.seed)
    return np.where(fold == holdout.fold[:, None], np.zeros((), weight.dtype), weight)


def validation_weight(block: Block, holdout: Holdout | None) -> NDArray:
    """Weight of each row where each model is measured: in the fold it holds out, or everywhere if it holds out none.

    ``(models, rows)``, or ``(1, rows)`` where all see all.
    """
    if holdout is None:
        return block.weight[None]
    fold = fold_of(positions(block), holdout.folds, holdout.seed)
    seen = (fold == holdout.fold[:, None]) | (holdout.fold[:, None] < 0)
    return np.where(seen, block.weight, np.zeros((), block.weight.dtype))
