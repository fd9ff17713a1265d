"""The out-of-bag score: every row is predicted by the trees whose sample does not contain it."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.forest.bins import Units
from treefold.algorithms.forest.histograms import Trees
from treefold.algorithms.forest.kernels import land
from treefold.algorithms.forest.sampling import Sampling
from treefold.dataset.block import Block, positions
from treefold.dataset.blocks import Blocks


class OutOfBag(NamedTuple):
    """Sums over the rows that are missing from the sample of at least one tree, in the units of the binned rows.

    Attributes
    ----------
    rows : int
        Number of these rows.
    weight : float
        Their weight.
    hits : float
        Weight of the rows whose class is predicted.
    error : float
        Weighted squared errors.
    label, square : float
        Weighted label and its square, about the mean of the training labels.
    """

    rows: int
    weight: float
    hits: float
    error: float
    label: float
    square: float


def out_of_bag(block: Block, trees: Trees, value: NDArray, sampling: Sampling, classes: int, scale: float) -> OutOfBag:
    """Sums of one binned block; ``value`` are the outputs of the nodes, for a regression minus the mean label.

    Parameters
    ----------
    block : Block
        Binned rows.
    trees : Trees
        Grown trees.
    value : (nodes, outputs)
        Output of each node; for a regression minus the mean label.
    sampling : Sampling
        How often a row is in the sample of a tree.
    classes : int
        Number of classes; 0 for a regression.
    scale : float
        Unit of the labels of a regression.

    Returns
    -------
    OutOfBag
        Sums over the rows that at least one tree has not seen.
    """
    total, voters = np.zeros((len(block.y), value.shape[1])), np.zeros(len(block.y), np.int64)
    leaf, place = np.empty(len(block.y), np.int64), positions(block)
    for root, tree in zip(trees.roots, trees.numbers, strict=True):
        land(block.X, root, trees.steps, trees.tables, leaf)
        unseen = sampling.counts(place, int(tree)) == 0
        total[unseen] += value[leaf[unseen]]
        voters += unseen
    kept = (voters > 0) & (block.weight > 0)
    weight, y, voted = block.weight[kept], block.y[kept], total[kept]
    if classes:
        hits = float(weight[voted.argmax(axis=1) == y].sum())
        return OutOfBag(int(kept.sum()), float(weight.sum()), hits, 0.0, 0.0, 0.0)
    label = y / weight * scale
    error = voted[:, 0] / voters[kept] - label
    sums = (float(weight @ term) for term in (error**2, label, label**2))
    return OutOfBag(int(kept.sum()), float(weight.sum()), 0.0, *sums)


def oob_score(
    blocks: Blocks, trees: Trees, value: NDArray, sampling: Sampling, units: Units
) -> tuple[float | None, int]:
    """The out-of-bag score: one pass over binned blocks.

    Parameters
    ----------
    blocks : Blocks
        Binned blocks.
    trees : Trees
        The trees, as grown so far.
    value : (nodes, outputs)
        Outputs of the nodes.
    sampling : Sampling
        Random choices of the forest.
    units : Units
        Units of weights and labels.

    Returns
    -------
    tuple of float or None, and int
        Accuracy, or R2 for a regression, and the number of rows behind it. The score is None if every row is in every
        sample or the label does not vary.
    """
    classes = len(units.class_weight)
    centred = value if classes else value - units.shift
    sums: Any = blocks.sum(out_of_bag, trees, centred, sampling, classes, units.mean_scale)
    rows = int(sums.rows)
    if not sums.weight > 0:
        return None, rows
    if classes:
        return float(sums.hits / sums.weight), rows
    spread = sums.square - sums.label**2 / sums.weight
    return (float(1 - sums.error / spread) if spread > 0 else None), rows
