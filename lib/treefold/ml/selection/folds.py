"""Who sees which rows."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.splits import Given, Hashed, Shared, Split, stratified
from treefold.algorithms.survey import survey
from treefold.block import Block
from treefold.blocks import Blocks
from treefold.errors import InputError


class Plan(NamedTuple):
    """How rows are divided: ``folds`` are those held out in turn; ``column`` names the user's folds."""

    folds: int
    seed: int
    column: str = ""
    stratified: bool = False
    train_share: float | None = None

    def split(self, blocks: Blocks) -> Split:
        """The split; two passes where it is stratified."""
        if self.column:
            return Given(-1)
        if self.train_share is not None:
            return Shared(self.train_share, self.seed)
        if not self.stratified:
            return Hashed(self.folds, self.seed)
        survey(blocks, classification=True)  # finds labels that are no classes
        return stratified(blocks, self.folds, self.seed)

    def check(self, blocks: Blocks, split: Split) -> None:
        """Raise InputError for a fold without weight, or a row in no fold: one pass."""
        sizes: Sizes = blocks.sum(sizes_of_folds, split, 2 if self.train_share is not None else self.folds)
        if sizes.outside:
            raise InputError(
                f"column '{self.column}' holds {sizes.outside} values that are none of the folds "
                f"0 to {self.folds - 1}: correct them, or set numFolds"
            )
        if not (sizes.weight > 0).all():
            empty = int(np.flatnonzero(~(sizes.weight > 0))[0])
            raise InputError(f"fold {empty} has no rows of positive weight: use fewer folds, or another seed")


class Sizes(NamedTuple):
    """Weight of each fold, and rows in none."""

    weight: NDArray
    outside: int


def sizes_of_folds(block: Block, split: Split, folds: int) -> Sizes:
    """Sizes of the folds in one block."""
    fold = split.fold_of(block)
    inside = (fold >= 0) & (fold < folds)
    if isinstance(split, Given):
        inside &= block.extra[split.extra] == fold
    weight = np.bincount(fold[inside], block.weight[inside], minlength=folds)
    return Sizes(weight, int((~inside).sum()))
