"""Scores of a classifier by class, and the scores of rows by models that have not seen them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treefold.dataset.block import Block
from treefold.dataset.splits import Split


def scores_of(raw: NDArray) -> NDArray[np.float64]:
    """What is calibrated: of two classes half the difference of their scores, of more the score of each.

    Parameters
    ----------
    raw : (rows, classes)
        The output ``rawPrediction`` of a classifier. Of a linear model or a machine of two classes it is the margin
        with both signs, so the result is the margin of class 1.

    Returns
    -------
    (rows, 1) or (rows, classes) float64
    """
    raw = np.asarray(raw, np.float64)
    return (raw[:, 1:] - raw[:, :1]) / 2 if raw.shape[1] == 2 else raw


def out_of_fold(block: Block, split: Split, models: Sequence[Any]) -> Block:
    """The rows with their scores as features, each by the model that was fitted without its fold.

    Parameters
    ----------
    block : Block
        Rows as the models read them.
    split : Split
        Assignment of rows to folds.
    models : sequence of NumpyModel
        For each fold the model that was fitted to the other folds.

    Returns
    -------
    Block
        ``X`` are scores in float64: see :func:`scores_of`. Those of rows of weight 0 are 0.
    """
    fold, classes = split.fold_of(block), models[0].classes
    scores = np.zeros((len(fold), 1 if classes == 2 else classes))
    for number, model in enumerate(models):
        rows = np.flatnonzero((fold == number) & (block.weight > 0))  # rows of weight 0 may hold anything
        if len(rows):
            scores[rows] = scores_of(model.outputs(block.X[rows])["rawPrediction"])
    return Block(scores, block.y.astype(np.float64), block.weight.astype(np.float64), block.id)


def events(block: Block) -> NDArray[np.bool_]:
    """Whether a row is of the class of each score, ``(rows, scores)``; of two classes, whether it is of class 1."""
    scores = block.X.shape[1]
    return block.y[:, None] == (np.ones(1) if scores == 1 else np.arange(scores))
