"""Splits of the rows into folds."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from treefold.dataset.block import Block, positions
from treefold.dataset.blocks import Blocks
from treefold.dataset.random import splitmix64, substream, uniform


class Split(Protocol):
    """A rule that assigns every row to a fold."""

    def fold_of(self, block: Block, rows: NDArray | None = None) -> NDArray[np.int64]:
        """Fold of each row of a block, or of some by their numbers in the block, ``(rows,)``."""
        ...


class Part(NamedTuple):
    """The rows inside or outside of a fold; all others have weight 0.

    Attributes
    ----------
    split : Split
        Assignment of rows to folds.
    fold : int
        Number of the fold.
    inside : bool
        Whether the rows of the fold are kept, or all others.
    weighted : bool
        Whether kept rows have their own weight; otherwise it is 1.
    """

    split: Split
    fold: int
    inside: bool
    weighted: bool = True

    def weight_of(self, weight: NDArray, fold: NDArray) -> NDArray:
        """Weights of rows of these own weights and folds."""
        none = np.zeros((), weight.dtype)
        return np.where((fold == self.fold) == self.inside, weight if self.weighted else none + 1, none)


class Hashed(NamedTuple):
    """Folds ``0 .. folds - 1`` by a hash of (seed, position): they do not depend on the partitioning."""

    folds: int
    seed: int = 0

    def fold_of(self, block: Block, rows: NDArray | None = None) -> NDArray[np.int64]:
        """See :class:`Split`."""
        return (splitmix64(positions(block, rows), self.seed) % np.uint64(self.folds)).astype(np.int64)


class Shared(NamedTuple):
    """Fold 1 has a share of the rows, drawn by (seed, position); fold 0 has the others."""

    share: float
    seed: int = 0

    def fold_of(self, block: Block, rows: NDArray | None = None) -> NDArray[np.int64]:
        """See :class:`Split`."""
        return (uniform(positions(block, rows), self.seed) < self.share).astype(np.int64)


class Given(NamedTuple):
    """Folds that are read from an extra column of the blocks."""

    extra: int = 0

    def fold_of(self, block: Block, rows: NDArray | None = None) -> NDArray[np.int64]:
        """See :class:`Split`."""
        given = block.extra[self.extra]
        return (given if rows is None else given[rows]).astype(np.int64)


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

    def fold_of(self, block: Block, rows: NDArray | None = None) -> NDArray[np.int64]:
        """See :class:`Split`."""
        label, fold = block.y.astype(np.intp), np.empty(len(block.y), np.int64)
        starts, before = self._before
        number = int(np.searchsorted(starts, block.id, side="right")) - 1
        for k in np.unique(label):
            mine = np.flatnonzero(label == k)
            rank = before[number, k] + np.arange(len(mine), dtype=np.int64)
            fold[mine] = _dealt(rank, self.folds, substream(self.seed, int(k)))
        return fold if rows is None else fold[rows]

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
