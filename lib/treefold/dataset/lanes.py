"""Lanes: a fixed number of runs of blocks, from each of which every mini-batch takes rows.

The rows of a lane are taken in an order drawn by (seed, epoch, lane), so a mini-batch is a sample of all rows, however
the files are sorted. A lane is never split between tasks, so its sums have the same bits for any number of tasks.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.dataset.block import Block
from treefold.dataset.blocks import Blocks, add
from treefold.dataset.random import splitmix64, substream
from treefold.dataset.reduction import Node, combine_nodes, reduce_tree

LANE_ROWS, MOST_LANES = 256, 64  # least rows of a lane in a mini-batch, because smaller products are slow; most lanes


def lane_count(batch: int) -> int:
    """Number of lanes for mini-batches of ``batch`` rows, a power of two."""
    return 1 << max(0, min(MOST_LANES, batch // LANE_ROWS).bit_length() - 1)


def lane_cuts(blocks: int, lanes: int) -> list[int]:
    """Number of the first block of each lane, and of all blocks: runs of nearly equal length, none of them empty."""
    lanes = min(lanes, blocks)
    return [round(lane * blocks / lanes) for lane in range(lanes + 1)]


class Lanes(NamedTuple):
    """Position of the first row of each lane, and the number of all rows."""

    starts: tuple[int, ...]
    rows: int

    def lengths(self) -> NDArray[np.int64]:
        """Rows of each lane."""
        return np.diff([*self.starts, self.rows])

    def split(self, blocks: Iterable[Block]) -> Iterator[tuple[int, list[Block]]]:
        """Blocks of a task by lane; RuntimeError if a lane is split between tasks."""
        mine = list(blocks)
        lengths = self.lengths()
        lane_of = np.searchsorted(self.starts, [block.id for block in mine], side="right") - 1
        rows = np.bincount(lane_of, [len(block.y) for block in mine], len(lengths))
        for lane in np.unique(lane_of).tolist():
            first, last = np.searchsorted(lane_of, [lane, lane + 1])
            group = mine[first:last]
            if rows[lane] != lengths[lane]:
                raise RuntimeError(f"lane {lane} is cut between tasks")
            yield lane, group


class BlockRows(NamedTuple):
    """Number of rows of each block, by its id."""

    by_block: dict[int, int]


def count_rows(block: Block) -> BlockRows:
    """Rows of one block."""
    return BlockRows({block.id: len(block.y)})


def merge_rows(left: BlockRows, right: BlockRows) -> BlockRows:
    """Rows of both."""
    return BlockRows(left.by_block | right.by_block)


def lanes_of(blocks: Blocks, lanes: int) -> Lanes:
    """The lanes of a data set: one pass."""
    counted: BlockRows = blocks.reduce(count_rows, merge=merge_rows)
    ids = sorted(counted.by_block)
    starts = tuple(ids[cut] for cut in lane_cuts(len(ids), lanes)[:-1])
    return Lanes(starts, ids[-1] + counted.by_block[ids[-1]])


@lru_cache(maxsize=2 * MOST_LANES)  # a worker's lanes, in this epoch and the one before
def lane_order(seed: int, epoch: int, lane: int, rows: int) -> NDArray[np.int64]:
    """The order in which an epoch takes the rows of a lane.

    Parameters
    ----------
    seed : int
        Seed of the fit.
    epoch : int
        Number of the epoch.
    lane : int
        Number of the lane.
    rows : int
        Number of rows of the lane.

    Returns
    -------
    (rows,) int64
        Positions within the lane.
    """
    keys = splitmix64(np.arange(rows, dtype=np.uint64), substream(seed, epoch, lane))
    return np.argsort(keys, kind="stable")


class LaneSums(NamedTuple):
    """Sums of lanes, merged along the tree over their numbers as far as siblings are there."""

    nodes: tuple[Node, ...]

    @classmethod
    def of(cls, sums: Iterable[tuple[int, Any]]) -> "LaneSums":
        """Of pairs of a lane and its sum."""
        return cls(tuple(combine_nodes([Node(0, lane, value) for lane, value in sums], add)))

    @property
    def total(self) -> Any:
        """The sum of all lanes."""
        return reduce_tree(self.nodes, add)


def merge_lanes(left: LaneSums, right: LaneSums) -> LaneSums:
    """Sums of both."""
    return LaneSums(tuple(combine_nodes([*left.nodes, *right.nodes], add)))
