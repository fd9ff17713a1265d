"""The statistic of a level: histograms of the open nodes of all trees, in one pass."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.forest.bins import Units
from treefold.algorithms.forest.kernels import count_classes, count_moments, count_weighted, gather
from treefold.algorithms.forest.sampling import Sampling
from treefold.dataset.block import Block

AT_ONCE = 8 << 20  # bytes of blocks that all trees handle before the next blocks
BYTE = 255
OVER_BYTES = 12  # bytes of a number that does not fit into one byte
NOWHERE = np.empty(0, np.int64)


class Trees(NamedTuple):
    """Partly grown trees, in the form in which rows traverse them.

    Attributes
    ----------
    roots : (trees,) int32
        Root of each tree that takes part.
    numbers : (trees,) int64
        Numbers of these trees in the forest.
    steps, tables
        See :mod:`treefold.algorithms.forest.kernels`.
    """

    roots: NDArray
    numbers: NDArray
    steps: NDArray
    tables: NDArray


class Histograms(NamedTuple):
    """Histograms in the compact form in which they are sent: in deep levels most counts fit into a byte.

    Attributes
    ----------
    low : (slots, candidates, bins, channels)
        The numbers, or the last byte of each.
    over, more : (few,)
        Positions of numbers that do not fit into a byte, and what to add to them, in the type of the sums.
    """

    low: NDArray
    over: NDArray
    more: NDArray

    @property
    def cells(self) -> NDArray:
        """The numbers, in a type that is exact for all possible sums."""
        if self.low.dtype.kind == "f":
            return self.low
        if not len(self.over):
            return self.low.astype(self.more.dtype, copy=False)
        cells = self.low.astype(self.more.dtype)
        cells.reshape(-1)[self.over] += self.more
        return cells


class Gathered(NamedTuple):
    """Rows in some nodes: slot, bins, label, weight, and multiplicity; in row order within a slot."""

    slot: NDArray
    X: NDArray
    y: NDArray
    weight: NDArray
    times: NDArray


def channels(units: Units) -> int:
    """Number of channels of a statistic."""
    return (len(units.class_weight) or 3) + units.counted


def cell_type(units: Units) -> np.dtype:
    """Type in which cells are summed; it is exact for all possible sums."""
    if not len(units.class_weight) or units.counted:
        return np.dtype(np.float64)
    return np.dtype(np.uint32 if units.most_rows < 1 << 32 else np.uint64)


def histograms(
    blocks: Iterable[Block], trees: Trees, tried: NDArray, sampling: Sampling, units: Units, width: int
) -> Histograms:
    """Histograms of the nodes with a slot.

    Parameters
    ----------
    blocks : iterable of Block
        Binned blocks.
    trees : Trees
        The trees, as grown so far.
    tried : (slots, candidates) int
        Candidate features of each node.
    sampling : Sampling
        Random choices of the forest.
    units : Units
        Units of weights and labels.
    width : int
        Bins of a histogram.

    Returns
    -------
    Histograms
    """
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
    """Sum of two histograms, in the type that is exact for all possible sums."""
    return Histograms(left.cells + right.cells, NOWHERE, left.more[:0])


def gathered(blocks: Iterable[Block], trees: Trees, sampling: Sampling) -> Gathered:
    """The rows of the nodes with a slot.

    Parameters
    ----------
    blocks : iterable of Block
        Binned blocks.
    trees : Trees
        Growing trees, whose open nodes have a slot.
    sampling : Sampling
        How often a row is in the sample of a tree.

    Returns
    -------
    Gathered
        Rows with their multiplicities, ordered by slot.
    """
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
    """The rows of both parts; within each slot those of ``left`` come first."""
    return _by_slot([left, right])


def _by_slot(found: list[Gathered]) -> Gathered:
    joined = Gathered(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    order = np.argsort(joined.slot, kind="stable")
    return Gathered(*(part[order] for part in joined))


def batches(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    """Consecutive blocks in groups of a few megabytes of bins."""
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
    """Histograms in the compact form."""
    none = np.empty(0, cells.dtype)
    if cells.dtype.kind == "f":
        return Histograms(cells, NOWHERE, none)
    flat = cells.reshape(-1)
    over = np.flatnonzero(flat > BYTE)
    if len(over) * OVER_BYTES > flat.size:
        return Histograms(cells.astype(np.min_scalar_type(flat.max())), NOWHERE, none)
    return Histograms((cells & BYTE).astype(np.uint8), over, flat[over] & ~cells.dtype.type(BYTE))
