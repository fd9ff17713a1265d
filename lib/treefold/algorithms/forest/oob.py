"""The out-of-bag score: every row judged by the trees that have not seen it."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.forest.bins import Units
from treefold.algorithms.forest.histograms import Trees
from treefold.algorithms.forest.kernels import land
from treefold.algorithms.forest.sampling import Sampling
from treefold.block import Block, positions
from treefold.blocks import Blocks


class OutOfBag(NamedTuple):
    """Sums over the rows that some tree has not seen.

    ``rows`` of them; ``weight``; ``hits`` weight of those whose class is predicted, ``error`` weighted squared errors,
    ``label`` and ``square`` weighted label and its square about the mean of the training labels. In the units of the
    binned rows.
    """

    rows: int
    weight: float
    hits: float
    error: float
    label: float
    square: float


def out_of_bag(block: Block, trees: Trees, value: NDArray, sampling: Sampling, classes: int, scale: float) -> OutOfBag:
    """Sums of one binned block; ``value`` are the outputs of the nodes, of a regression less the mean label."""
    total, judges = np.zeros((len(block.y), value.shape[1])), np.zeros(len(block.y), np.int64)
    leaf, place = np.empty(len(block.y), np.int64), positions(block)
    for root, tree in zip(trees.roots, trees.numbers, strict=True):
        land(block.X, root, trees.steps, trees.tables, leaf)
        unseen = sampling.counts(place, int(tree)) == 0
        total[unseen] += value[leaf[unseen]]
        judges += unseen
    kept = (judges > 0) & (block.weight > 0)
    weight, y, judged = block.weight[kept], block.y[kept], total[kept]
    if classes:
        hits = float(weight[judged.argmax(axis=1) == y].sum())
        return OutOfBag(int(kept.sum()), float(weight.sum()), hits, 0.0, 0.0, 0.0)
    label = y / weight * scale
    error = judged[:, 0] / judges[kept] - label
    sums = (float(weight @ term) for term in (error**2, label, label**2))
    return OutOfBag(int(kept.sum()), float(weight.sum()), 0.0, *sums)


def oob_score(
    blocks: Blocks, trees: Trees, value: NDArray, sampling: Sampling, units: Units
) -> tuple[float | None, int]:
    """Accuracy, or R2 of a regression, and the number of rows it stands on: one pass over binned blocks.

    None if every row is in every sample, or the label does not vary.
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
