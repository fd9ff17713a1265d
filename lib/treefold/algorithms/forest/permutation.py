"""Permutation importances: by how much a score falls if the values of a feature are random.

A value of the feature is replaced by that of a row drawn from the whole data set, by a hash of the row's position. The
result depends neither on the layout of the rows nor on the partitioning.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.forest.model import ForestModel
from treefold.dataset.block import Block, positions
from treefold.dataset.blocks import Blocks
from treefold.dataset.random import splitmix64, substream
from treefold.statistics.row_sampling import sample_rows

DRAWN = 4096  # rows whose values replace those of other rows
ROWS = 0  # random stream of the seed


class Losses(NamedTuple):
    """Weight, and the weighted loss of all rows as they are and with each feature replaced, ``(features, repeats)``."""

    weight: float
    whole: float
    replaced: NDArray


def losses(block: Block, model: ForestModel, others: NDArray, repeats: int, seed: int) -> Losses:
    """Losses of one block: 1 for a wrong class, or the squared error.

    Parameters
    ----------
    block : Block
        Labelled rows.
    model : ForestModel
        The fitted forest.
    others : (m, features)
        Rows drawn from the whole data set, from which replaced values are taken.
    repeats : int
        How many times the values of each feature are replaced.
    seed : int
        With the position of a row, it determines from which of ``others`` a value comes.

    Returns
    -------
    Losses
        Weighted sums: of the unchanged rows, and ``(features, repeats)`` of the replaced ones.
    """
    weight, place, X = block.weight.astype(np.float64), positions(block), block.X.copy()
    used = np.unique(model.feature[model.feature >= 0])
    whole = weight @ _loss(model, X, block.y)
    replaced = np.full((model.features, repeats), whole)
    for feature in used:
        for repeat in range(repeats):
            row = splitmix64(place, substream(seed, 1 + repeat, int(feature))) % np.uint64(len(others))
            X[:, feature] = others[row.astype(np.intp), feature]
            replaced[feature, repeat] = weight @ _loss(model, X, block.y)
        X[:, feature] = block.X[:, feature]
    return Losses(float(weight.sum()), float(whole), replaced)


def _loss(model: ForestModel, X: NDArray, y: NDArray) -> NDArray:
    predicted = model.predict(X)
    return (predicted != y).astype(np.float64) if model.classes else (predicted - y) ** 2


def permutation_importances(blocks: Blocks, model: ForestModel, repeats: int, seed: int) -> NDArray:
    """Increase of the mean loss if a feature is replaced: two passes.

    The loss is the share of wrong classes, so its increase is the decrease of accuracy, or the mean squared error.

    Parameters
    ----------
    blocks : Blocks
        The data set.
    model : ForestModel
        The fitted model.
    repeats : int
        Number of random replacements of each feature.
    seed : int
        Seed of the replacements.

    Returns
    -------
    (features, repeats) float64

    References
    ----------
    Breiman, "Random forests", Machine Learning 45, 2001, sec. 10.
    """
    others = sample_rows(blocks, DRAWN, substream(seed, ROWS)).rows
    sums: Losses = blocks.sum(losses, model, others, repeats, seed)
    rise: NDArray = (sums.replaced - sums.whole) / sums.weight
    return rise
