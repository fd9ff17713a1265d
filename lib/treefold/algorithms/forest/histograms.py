"""The statistic of a level: histograms of the open nodes of all trees, in one pass."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.forest.bins import Units
from treefold.algorithms.forest.kernels import count_classes, count_moments, count_weighted, gather
from treefold.algorithms.forest.sampling import Sampling
from treefold.block import Block

AT_ONCE = 8 << 20  # bytes of blocks that all trees pass over before the next
BYTE = 255
OVER_BYTES = 12  # what a number takes that does not end in a byte
NONE = np.empty(0, np.int64), np.empty(0, np.uint32)


class Trees(NamedTuple):
    """Trees as far as they have grown, as rows fall through them.

    Attributes
    ----------
    roots : (trees,) int32
        Root of each tree that takes part.
    numbers : (trees,) int64
        Which trees of the forest they are.
    steps, tables
        See :mod:`treefold.algorithms.forest.kernels`.
    """

    roots: NDArray
    numbers: NDArray
    steps: NDArray
    tables: NDArray


class Histograms(NamedTuple):
    """Histograms as they travel: counts are small in deep levels, so most take a byte.

    Attributes
    ----------
    low : (slots, candidates, bins, channels)
        Whole numbers, or the last byte of each.
    over, more : (few,)
        Numbers that do not end there: their positions, and what is to be added.
    """

    low: NDArray
    over: NDArray
    more: NDArray

    @property
    def cells(self) -> NDArray:
        """The numbers, in a type that is exact for all sums there can be."""
        if self.low.dtype.kind == "f":
            return self.low
        if not len(self.over):
            return self.low.astype(np.uint32, copy=False)
        cells = self.low.astype(np.uint32)
        cells.reshape(-1)[self.over] += self.more
        return cells


class Gathered(NamedTuple):
    """Rows in some nodes: slot of the node, bins, label, weight, and how often the row counts; in row order by slot."""

    slot: NDArray
    X: NDArray
    y: NDArray
    weight: NDArray
    times: NDArray


def channels(units: Units) -> int:
    """Channels of a statistic."""
    return (len(units.class_weight) or 3) + units.counted


def cell_type(units: Units) -> np.dtype:
    """Type in which cells are summed: exact for all there can be."""
    return np.dtype(np.uint32 if len(units.class_weight) and not units.counted else np.float64)


def histograms(
    blocks: Iterable[Block], trees: Trees, tried: NDArray, sampling: Sampling, units: Units, width: int
) -> Histograms:
    """Histograms of the nodes with a slot, by candidate feature ``tried`` ``(slots, candidates)``."""
    cells = np.zeros((*tried.shape, width, channels(units)), cell_type(units))
    count = count_moments if not len(units.class_weight) else count_weighted if units.counted else count_classes
    scale = () if len(units.class_weight) else (units.square_scale,)
    for some in batches(blocks):
        for root, tree in zip(trees.roots, trees.numbers, strict=True):
            for b in some:
                count(
                    b.X, b.y, b.weight, b.id, sampling.rows[tree], sampling.table, root, trees.steps, trees.tables,
                    tried, cells, *scale,
                )  # fmt: skip
    return narrowed(cells)


def merge_histograms(left: Histograms, right: Histograms) -> Histograms:
    """Sum, in the type that is exact for all there can be."""
    return Histograms(left.cells + right.cells, *NONE)


def gathered(blocks: Iterable[Block], trees: Trees, sampling: Sampling) -> Gathered:
    """The rows of the nodes with a slot."""
    found = []
    for block in blocks:
        n = len(block.y)
        row, slot, times = np.empty(n, np.int64), np.empty(n, np.int32), np.empty(n, np.int32)
        for root, tree in zip(trees.roots, trees.numbers, strict=True):
            m = gather(
                block.X, block.weight, block.id, sampling.rows[tree], sampling.table, root, trees.steps, trees.tables,
                row, slot, times,
            )  # fmt: skip
            r = row[:m]
            found.append(Gathered(slot[:m].copy(), block.X[r], block.y[r], block.weight[r], times[:m].copy()))
    return _by_slot(found)


def merge_gathered(left: Gathered, right: Gathered) -> Gathered:
    """All rows, those of ``left`` first in each slot."""
    return _by_slot([left, right])


def _by_slot(found: list[Gathered]) -> Gathered:
    joined = Gathered(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    order = np.argsort(joined.slot, kind="stable")
    return Gathered(*(part[order] for part in joined))


def batches(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    """Consecutive blocks, a few megabytes of bins at a time."""
    some: list[Block] = []
    size = 0
    for block in blocks:
        some.append(block)
        size += block.X.nbytes
        if size >= AT_ONCE:
            yield some
            some, size = [], 0
    if some:
        yield some


def narrowed(cells: NDArray) -> Histograms:
    """Histograms in as few bytes as is quickly done."""
    if cells.dtype.kind == "f":
        return Histograms(cells, *NONE)
    flat = cells.reshape(-1)
    over = np.flatnonzero(flat > BYTE)
    if len(over) * OVER_BYTES > flat.size:
        return Histograms(cells.astype(np.min_scalar_type(flat.max())), *NONE)
    return Histograms((cells & BYTE).astype(np.uint8), over, flat[over] & ~np.uint32(BYTE))
