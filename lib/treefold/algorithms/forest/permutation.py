"""Permutation importances: by how much a score falls when a feature tells nothing.

A value of the feature is replaced by that of a row drawn from the whole data set, by a hash of the row's position, so
that neither the layout of the rows nor the partitioning matters.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.draws import race, scrambled, substream
from treefold.algorithms.forest.model import ForestModel
from treefold.block import Block, positions
from treefold.blocks import Blocks

DRAWN = 4096  # rows whose values replace those of others
ROWS = 0  # stream of the seed


class Drawn(NamedTuple):
    """Rows with the earliest arrivals so far."""

    arrival: NDArray
    X: NDArray


class Losses(NamedTuple):
    """Weight, and the weighted loss of all rows as they are and with each feature replaced, ``(features, repeats)``."""

    weight: float
    whole: float
    replaced: NDArray


def draw_rows(block: Block, seed: int) -> Drawn:
    """Rows of one block, in proportion to their weights."""
    arrival = race(positions(block), block.weight, seed)
    first = np.argsort(arrival, kind="stable")[:DRAWN]
    return Drawn(arrival[first], block.X[first])


def merge_drawn(left: Drawn, right: Drawn) -> Drawn:
    """The earliest of both."""
    arrival = np.concatenate([left.arrival, right.arrival])
    first = np.argsort(arrival, kind="stable")[:DRAWN]
    return Drawn(arrival[first], np.concatenate([left.X, right.X])[first])


def losses(block: Block, model: ForestModel, others: NDArray, repeats: int, seed: int) -> Losses:
    """Losses of one block: 1 for a wrong class, or the squared error."""
    weight, place, X = block.weight.astype(np.float64), positions(block), block.X.copy()
    used = np.unique(model.feature[model.feature >= 0])
    whole = weight @ _loss(model, X, block.y)
    replaced = np.full((model.features, repeats), whole)
    for feature in used:
        for repeat in range(repeats):
            row = scrambled(place, substream(seed, 1 + repeat, int(feature))) % np.uint64(len(others))
            X[:, feature] = others[row.astype(np.intp), feature]
            replaced[feature, repeat] = weight @ _loss(model, X, block.y)
        X[:, feature] = block.X[:, feature]
    return Losses(float(weight.sum()), float(whole), replaced)


def _loss(model: ForestModel, X: NDArray, y: NDArray) -> NDArray:
    predicted = model.predict(X)
    return (predicted != y).astype(np.float64) if model.classes else (predicted - y) ** 2


def permutation_importances(blocks: Blocks, model: ForestModel, repeats: int, seed: int) -> NDArray:
    """Rise of the mean loss, ``(features, repeats)``: two passes.

    The loss is the share of wrong classes, so its rise is a fall of accuracy; or the mean squared error.
    Breiman, "Random forests", Machine Learning 45, 2001, sec. 10.
    """
    drawn: Drawn = blocks.fold(draw_rows, substream(seed, ROWS), merge=merge_drawn)
    others = drawn.X[drawn.arrival < np.inf]
    sums: Losses = blocks.sum(losses, model, others, repeats, seed)
    rise: NDArray = (sums.replaced - sums.whole) / sums.weight
    return rise
