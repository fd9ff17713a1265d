"""Splits of the rows into folds, and the blocks of a fold.

A fold sets row weights and copies no rows. A row of weight 0 is treated as absent, so every algorithm can train on a
fold without any code for folds.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from treefold.dataset.block import Block, positions
from treefold.dataset.blocks import Blocks, Merge, Pass, WidenedStatistic, add, stat_name
from treefold.dataset.random import splitmix64, substream, uniform


class Split(Protocol):
    """A rule that assigns every row to a fold."""

    def fold_of(self, block: Block) -> NDArray[np.int64]:
        """Fold of each row of a block, ``(rows,)``."""
        ...


class Hashed(NamedTuple):
    """Folds ``0 .. folds - 1`` by a hash of (seed, position): they do not depend on the partitioning."""

    folds: int
    seed: int = 0

    def fold_of(self, block: Block) -> NDArray[np.int64]:
        """See :class:`Split`."""
        return (splitmix64(positions(block), self.seed) % np.uint64(self.folds)).astype(np.int64)


class Shared(NamedTuple):
    """Fold 1 has a share of the rows, drawn by (seed, position); fold 0 has the others."""

    share: float
    seed: int = 0

    def fold_of(self, block: Block) -> NDArray[np.int64]:
        """See :class:`Split`."""
        return (uniform(positions(block), self.seed) < self.share).astype(np.int64)


class Given(NamedTuple):
    """Folds that are read from an extra column of the blocks."""

    extra: int = 0

    def fold_of(self, block: Block) -> NDArray[np.int64]:
        """See :class:`Split`."""
        return block.extra[self.extra].astype(np.int64)


@dataclass(frozen=True, eq=False)
class Stratified:
    """Folds that have the same number of rows of every class, to within one row.

    The rows of a class are numbered in the order of their positions and assigned to folds in rounds of ``folds`` rows.
    Each round assigns one row to each fold, in an order drawn from (seed, class, round).

    Attributes
    ----------
    folds : int
        Number of folds.
    seed : int
        Seed of the assignment.
    counts : (blocks, classes) unsigned integers
        Rows of each class in each block. Every pass over a fold carries them, so they have the smallest type that holds
        them. A worker computes the cumulative counts itself.
    """

    folds: int
    seed: int
    counts: NDArray

    def fold_of(self, block: Block) -> NDArray[np.int64]:
        """See :class:`Split`."""
        label, fold = block.y.astype(np.intp), np.empty(len(block.y), np.int64)
        starts, before = self._before
        number = int(np.searchsorted(starts, block.id, side="right")) - 1
        for k in np.unique(label):
            rows = np.flatnonzero(label == k)
            rank = before[number, k] + np.arange(len(rows), dtype=np.int64)
            fold[rows] = _dealt(rank, self.folds, substream(self.seed, int(k)))
        return fold

    @cached_property
    def _before(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Position of the first row of each block, ``(blocks,)``, and rows of each class before it."""
        before = np.cumsum(self.counts, axis=0, dtype=np.int64) - self.counts
        return before.sum(axis=1), before

    def __reduce__(self) -> tuple[type, tuple]:
        return Stratified, (self.folds, self.seed, self.counts)  # without the cumulative counts


def _dealt(rank: NDArray, folds: int, seed: int) -> NDArray:
    """Fold of row ``rank`` of a class: the rank of its random number among those of its round."""
    rounds, place = np.divmod(rank, folds)
    drawn = splitmix64((rounds[:, None] * folds + np.arange(folds)).astype(np.uint64), seed)
    return (drawn < drawn[np.arange(len(rank)), place, None]).sum(axis=1)


class Counted(NamedTuple):
    """Rows of each class by block: ``{id: (classes,)}``."""

    by_block: dict[int, NDArray]


def count_classes(block: Block) -> Counted:
    """Classes of one block; labels must be class indices."""
    return Counted({block.id: np.bincount(block.y.astype(np.intp))})


def merge_counts(left: Counted, right: Counted) -> Counted:
    """Counts of both."""
    return Counted(left.by_block | right.by_block)


def stratified(blocks: Blocks, folds: int, seed: int) -> Stratified:
    """A stratified split of the rows by their labels: one pass.

    Parameters
    ----------
    blocks : Blocks
        Labels must be class indices 0, 1, ...
    folds : int
        Number of folds.
    seed : int
        Seed of the assignment.

    Returns
    -------
    Stratified
    """
    counted: Counted = blocks.reduce(count_classes, merge=merge_counts)
    by_block = [counted.by_block[number] for number in sorted(counted.by_block)]
    counts = np.zeros((len(by_block), max(map(len, by_block))), np.int64)
    for row, count in zip(counts, by_block, strict=True):
        row[: len(count)] = count
    return Stratified(folds, seed, counts.astype(np.min_scalar_type(counts.max())))


class FoldStatistic:
    """A statistic of the rows inside or outside of a fold; all other rows have weight 0.

    Rows that are kept have their own weight, or weight 1 if not ``weighted``.

    Parameters
    ----------
    stat : callable
        The inner statistic.
    split : Split
        Assignment of rows to folds.
    fold : int
        Number of the fold.
    inside : bool
        Whether the rows of the fold are kept, or all others.
    weighted : bool
        Whether kept rows have their own weight.
    """

    def __init__(self, stat: Callable, split: Split, fold: int, inside: bool, weighted: bool) -> None:
        self.stat, self.split, self.fold, self.inside, self.weighted = stat, split, fold, inside, weighted
        self.__name__ = stat_name(stat)

    def __call__(self, block: Any, *args: Any) -> Any:
        return self.stat(self.kept(block, {}), *args)

    def kept(self, block: Block, folds: dict[int, NDArray]) -> Block:
        """The block with the weights of all other rows set to 0; ``folds`` caches the folds of its rows by split."""
        if id(self.split) not in folds:
            folds[id(self.split)] = self.split.fold_of(block)
        kept = (folds[id(self.split)] == self.fold) == self.inside
        none = np.zeros((), block.weight.dtype)
        weight = np.where(kept, block.weight if self.weighted else none + 1, none)
        return block._replace(weight=weight)


class FoldTaskStatistic(FoldStatistic):
    """A statistic of all blocks of a task, restricted to a fold."""

    def __call__(self, blocks: Iterable[Block], *args: Any) -> Any:
        return self.stat((self.kept(block, {}) for block in blocks), *args)


def fold_view(stat: Callable, block: Any, folds: dict[int, NDArray]) -> tuple[Callable, Any]:
    """The statistic and the block that it has to be applied to.

    If ``stat`` is restricted to a fold, these are the inner statistic and the block with all other weights set to 0;
    otherwise they are the arguments.

    Parameters
    ----------
    stat : callable
        Statistic, restricted to a fold or not.
    block : Any
        Block of all rows.
    folds : dict
        The cache of :meth:`FoldStatistic.kept`.

    Returns
    -------
    tuple
        The statistic and the block.
    """
    return (stat.stat, stat.kept(block, folds)) if type(stat) is FoldStatistic else (stat, block)


class Fold(NamedTuple):
    """The rows inside or outside of a fold of the blocks (a :class:`~treefold.dataset.blocks.Blocks`)."""

    blocks: Blocks
    split: Split
    fold_number: int
    inside: bool
    weighted: bool = True

    @property
    def features(self) -> int:
        """Number of features."""
        return self.blocks.features

    @property
    def passes(self) -> list[Pass]:
        """Passes of the blocks."""
        return self.blocks.passes

    def sum(self, stat: Callable, *args: Any) -> Any:
        """See :class:`treefold.dataset.blocks.Scan`."""
        return self.reduce(WidenedStatistic(stat), *args, merge=add)

    def reduce(self, stat: Callable, *args: Any, merge: Merge) -> Any:
        """See :class:`treefold.dataset.blocks.Scan`."""
        return self.blocks.reduce(self._kept(stat), *args, merge=merge)

    def reduce_tasks(self, stat: Callable, *args: Any, merge: Merge = add) -> Any:
        """See :class:`treefold.dataset.blocks.Blocks`."""
        kept = FoldTaskStatistic(stat, self.split, self.fold_number, self.inside, self.weighted)
        return self.blocks.reduce_tasks(kept, *args, merge=merge)

    def map(self, fn: Callable, *args: Any) -> Blocks:
        """See :class:`treefold.dataset.blocks.Blocks`."""
        return self.blocks.map(self._kept(fn), *args)

    def close(self) -> None:
        """Do nothing: the blocks belong to all folds."""

    def _kept(self, stat: Callable) -> FoldStatistic:
        return FoldStatistic(stat, self.split, self.fold_number, self.inside, self.weighted)


def training(blocks: Blocks, split: Split, fold: int) -> Fold:
    """All rows outside of a fold.

    Parameters
    ----------
    blocks : Blocks
        All rows.
    split : Split
        Assignment of rows to folds.
    fold : int
        Number of the fold that is left out.

    Returns
    -------
    Fold
    """
    return Fold(blocks, split, fold, False)


def held_out(blocks: Blocks, split: Split, fold: int) -> Fold:
    """The rows inside a fold.

    Parameters
    ----------
    blocks : Blocks
        All rows.
    split : Split
        Assignment of rows to folds.
    fold : int
        Number of the fold.

    Returns
    -------
    Fold
    """
    return Fold(blocks, split, fold, True)
