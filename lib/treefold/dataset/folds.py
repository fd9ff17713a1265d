"""The blocks of a fold.

A fold sets row weights and copies no rows. A row of weight 0 is treated as absent, so every algorithm can train on a
fold without any code for folds.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from numpy.typing import NDArray

from treefold.dataset.block import Block
from treefold.dataset.blocks import Blocks, Merge, Pass, WidenedStatistic, add, stat_name
from treefold.dataset.minibatch import MiniBatch
from treefold.dataset.splits import Part, Split


class FoldStatistic:
    """A statistic of the rows inside or outside of a fold; all other rows have weight 0.

    Parameters
    ----------
    stat : callable
        The inner statistic.
    part : Part
        The rows that are kept.
    """

    def __init__(self, stat: Callable, part: Part) -> None:
        self.stat, self.part = stat, part
        self.__name__ = stat_name(stat)

    def __call__(self, block: Any, *args: Any) -> Any:
        return self.stat(self.kept(block, {}), *args)

    def kept(self, block: Block, folds: dict[int, NDArray]) -> Block:
        """The block with the weights of all other rows set to 0; ``folds`` caches the folds of its rows by split."""
        split = self.part.split
        if id(split) not in folds:
            folds[id(split)] = split.fold_of(block)
        return block._replace(weight=self.part.weight_of(block.weight, folds[id(split)]))


class FoldTaskStatistic(FoldStatistic):
    """A statistic of all blocks of a task, restricted to a fold.

    If its first argument is a mini-batch, only the folds of the rows of that are looked up.
    """

    def __call__(self, blocks: Iterable[Block], *args: Any) -> Any:
        if args and isinstance(args[0], MiniBatch):
            batch, *others = args
            return self.stat(blocks, batch._replace(parts=(*batch.parts, self.part)), *others)
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
        kept = FoldTaskStatistic(stat, self._part)
        return self.blocks.reduce_tasks(kept, *args, merge=merge)

    def map(self, fn: Callable, *args: Any) -> Blocks:
        """See :class:`treefold.dataset.blocks.Blocks`."""
        return self.blocks.map(self._kept(fn), *args)

    def close(self) -> None:
        """Do nothing: the blocks belong to all folds."""

    def _kept(self, stat: Callable) -> FoldStatistic:
        return FoldStatistic(stat, self._part)

    @property
    def _part(self) -> Part:
        return Part(self.split, self.fold_number, self.inside, self.weighted)


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
