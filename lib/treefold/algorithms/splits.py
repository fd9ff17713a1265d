"""Splits of the rows into folds, and the blocks of a fold: row weights, never copies.

Weight 0 is as good as absent, so every algorithm trains on a fold without knowing of it.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.draws import scrambled, substream, uniform
from treefold.block import Block, positions
from treefold.blocks import Blocks, Leaf, Merge, Pass, add, stat_name


class Split(Protocol):
    """Which fold each row is in."""

    def fold_of(self, block: Block) -> NDArray[np.int64]:
        """Fold of each row of a block, ``(rows,)``."""
        ...


class Hashed(NamedTuple):
    """Folds ``0 .. folds - 1`` by a hash of (seed, position): the same whatever the partitioning."""

    folds: int
    seed: int = 0

    def fold_of(self, block: Block) -> NDArray[np.int64]:
        """See :class:`Split`."""
        return (scrambled(positions(block), self.seed) % np.uint64(self.folds)).astype(np.int64)


class Shared(NamedTuple):
    """Fold 1 for a share of the rows, drawn by (seed, position), and fold 0 for the others."""

    share: float
    seed: int = 0

    def fold_of(self, block: Block) -> NDArray[np.int64]:
        """See :class:`Split`."""
        return (uniform(positions(block), self.seed) < self.share).astype(np.int64)


class Given(NamedTuple):
    """Folds named by an extra column of the blocks."""

    extra: int = 0

    def fold_of(self, block: Block) -> NDArray[np.int64]:
        """See :class:`Split`."""
        return block.extra[self.extra].astype(np.int64)


class Stratified(NamedTuple):
    """Folds that hold equally many rows of every class, to within one row.

    The rows of a class, in the order of their positions, are dealt out in rounds of ``folds``; each round in an order
    drawn from (seed, class, round).

    Attributes
    ----------
    before : {block id: (classes,)}
        Rows of each class before the block.
    """

    folds: int
    seed: int
    before: dict[int, NDArray]

    def fold_of(self, block: Block) -> NDArray[np.int64]:
        """See :class:`Split`."""
        label, fold = block.y.astype(np.intp), np.empty(len(block.y), np.int64)
        for k in np.unique(label):
            rows = np.flatnonzero(label == k)
            rank = self.before[block.id][k] + np.arange(len(rows), dtype=np.int64)
            fold[rows] = _dealt(rank, self.folds, substream(self.seed, int(k)))
        return fold


def _dealt(rank: NDArray, folds: int, seed: int) -> NDArray:
    """Which fold the ``rank``-th row goes to: its place in the order of ``folds`` draws of its round."""
    rounds, place = np.divmod(rank, folds)
    drawn = scrambled((rounds[:, None] * folds + np.arange(folds)).astype(np.uint64), seed)
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
    """A stratified split: one pass."""
    counted: Counted = blocks.fold(count_classes, merge=merge_counts)
    classes = max(len(count) for count in counted.by_block.values())
    before, running = {}, np.zeros(classes, np.int64)
    for number in sorted(counted.by_block):
        before[number] = running
        count = counted.by_block[number]
        running = running + np.pad(count, (0, classes - len(count)))
    return Stratified(folds, seed, before)


class Kept:
    """A statistic of the rows inside a fold, or outside of it: the others have weight 0.

    The rows kept count by their weight, or each as one.
    """

    def __init__(self, stat: Callable, split: Split, fold: int, inside: bool, weighted: bool) -> None:
        self.stat, self.split, self.fold, self.inside, self.weighted = stat, split, fold, inside, weighted
        self.__name__ = stat_name(stat)

    def __call__(self, block: Any, *args: Any) -> Any:
        return self.stat(self.kept(block, {}), *args)

    def kept(self, block: Block, folds: dict[int, NDArray]) -> Block:
        """The block with the other rows' weights 0; ``folds`` are those of its rows by split, as far as known."""
        if id(self.split) not in folds:
            folds[id(self.split)] = self.split.fold_of(block)
        kept = (folds[id(self.split)] == self.fold) == self.inside
        none = np.zeros((), block.weight.dtype)
        weight = np.where(kept, block.weight if self.weighted else none + 1, none)
        return block._replace(weight=weight)


class KeptAll(Kept):
    """A statistic of all blocks of a task, of which rows are kept so."""

    def __call__(self, blocks: Iterable[Block], *args: Any) -> Any:
        return self.stat((self.kept(block, {}) for block in blocks), *args)


def seen_by(stat: Callable, block: Any, folds: dict[int, NDArray]) -> tuple[Callable, Any]:
    """A statistic and the block as it sees it: of a fold, the statistic inside and the block with the fold's weights.

    ``folds`` as for :meth:`Kept.kept`.
    """
    return (stat.stat, stat.kept(block, folds)) if type(stat) is Kept else (stat, block)


class Fold(NamedTuple):
    """The rows inside a fold of the blocks, or outside of it (a :class:`~treefold.blocks.Blocks`)."""

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
        """See :class:`treefold.blocks.Scan`."""
        return self.fold(Leaf(stat), *args, merge=add)

    def fold(self, stat: Callable, *args: Any, merge: Merge) -> Any:
        """See :class:`treefold.blocks.Scan`."""
        return self.blocks.fold(self._kept(stat), *args, merge=merge)

    def tally(self, stat: Callable, *args: Any, merge: Merge = add) -> Any:
        """See :class:`treefold.blocks.Blocks`."""
        kept = KeptAll(stat, self.split, self.fold_number, self.inside, self.weighted)
        return self.blocks.tally(kept, *args, merge=merge)

    def map(self, fn: Callable, *args: Any) -> Blocks:
        """See :class:`treefold.blocks.Blocks`."""
        return self.blocks.map(self._kept(fn), *args)

    def close(self) -> None:
        """Nothing: the blocks belong to all folds."""

    def _kept(self, stat: Callable) -> Kept:
        return Kept(stat, self.split, self.fold_number, self.inside, self.weighted)


def training(blocks: Blocks, split: Split, fold: int) -> Fold:
    """The rows a fold is not made of."""
    return Fold(blocks, split, fold, False)


def held_out(blocks: Blocks, split: Split, fold: int) -> Fold:
    """The rows of a fold."""
    return Fold(blocks, split, fold, True)
