"""Mini-batches: a few rows of every lane, gathered into a block."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from treefold.dataset.block import Block, Matrix
from treefold.dataset.lanes import Lanes, lane_order
from treefold.dataset.splits import Part


class MiniBatch(NamedTuple):
    """The rows of a step: from each lane those from ``step / steps`` to ``(step + 1) / steps`` of its order.

    Attributes
    ----------
    lanes : Lanes
    seed, epoch : int
        Determine the order of the rows of a lane.
    step, steps : int
        Number of the step in its epoch, and number of steps of an epoch.
    parts : tuple of Part
        Rows that are not in all of them have weight 0.
    """

    lanes: Lanes
    seed: int
    epoch: int
    step: int
    steps: int
    parts: tuple[Part, ...] = ()

    def rows_of(self, lane: int) -> NDArray[np.int64]:
        """Rows of a lane, counted from its first, ascending."""
        rows = int(self.lanes.lengths()[lane])
        begin, end = self.step * rows // self.steps, (self.step + 1) * rows // self.steps
        return np.sort(lane_order(self.seed, self.epoch, lane, rows)[begin:end])


class Gathered(NamedTuple):
    """Rows of a mini-batch as one block, and their positions in the data set."""

    block: Block
    position: NDArray[np.int64]


def gathered(blocks: list[Block], batch: MiniBatch, lane: int) -> Gathered:
    """The rows of a mini-batch from a lane.

    Parameters
    ----------
    blocks : list of Block
        The blocks of the lane, in their order.
    batch : MiniBatch
        Seed, epoch and size of the mini-batch, and the parts outside of which rows get weight 0.
    lane : int
        Number of the lane.

    Returns
    -------
    Gathered
        Rows in the order drawn, and their positions in the data set.
    """
    position = batch.rows_of(lane) + blocks[0].id
    cuts = np.searchsorted(position, [block.id for block in blocks] + [blocks[-1].id + len(blocks[-1].y)])
    first, rows = blocks[0], len(position)
    dense = not isinstance(first.X, csr_array)
    X: Matrix = np.empty((rows, first.X.shape[1]), first.X.dtype)
    y, weight = np.empty(rows, first.y.dtype), np.empty(rows, first.weight.dtype)
    sparse = []
    for block, begin, end in zip(blocks, cuts.tolist(), cuts.tolist()[1:], strict=False):
        if begin == end:
            continue
        mine = position[begin:end] - block.id
        if dense:
            block.X.take(mine, 0, X[begin:end], "clip")
        else:
            sparse.append(block.X[mine])
        block.y.take(mine, 0, y[begin:end], "clip")
        block.weight.take(mine, 0, weight[begin:end], "clip")
        for part in batch.parts:
            weight[begin:end] = part.weight_of(weight[begin:end], part.split.fold_of(block, mine))
    if sparse:
        X = csr_array(vstack(sparse, format="csr"))
    return Gathered(Block(X, y, weight, 0), position)
