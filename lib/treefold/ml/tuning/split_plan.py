"""Train/validation split plan of a search."""

import logging
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.dataset.block import Block
from treefold.dataset.blocks import Blocks
from treefold.dataset.splits import Given, Hashed, Shared, Split, stratified
from treefold.errors import InputError
from treefold.ml.tuning.scoring import Criterion
from treefold.statistics.label_summary import data_summary

log = logging.getLogger(__name__)


class Plan(NamedTuple):
    """How rows are split.

    Attributes
    ----------
    folds : int
        Number of folds that are held out in turn.
    seed : int
    column : str
        The column of the rows' folds, if there is one.
    stratified : bool
        Whether folds have the same number of rows of every label.
    train_share : float, optional
        The share of the training rows, if only one part is held out.
    only : int, optional
        The number of the only fold that is held out, for rows whose ``column`` is 0 in this fold and 1 in the others.
    """

    folds: int
    seed: int
    column: str = ""
    stratified: bool = False
    train_share: float | None = None
    only: int | None = None

    @property
    def held_out(self) -> int:
        """Number of parts that are held out in turn."""
        return 1 if self.once else self.folds

    @property
    def once(self) -> bool:
        """Whether there is one held-out part and one training part."""
        return self.train_share is not None or self.only is not None

    def for_fold(self, fold: int, column: str) -> "Plan":
        """The plan of rows of which one fold, where ``column`` is 0, is held out."""
        return self._replace(column=column, only=fold)

    def outside(self, rows: int) -> str:
        """The error message for ``rows`` rows that are in no fold."""
        return (
            f"column '{self.column}' holds {rows} values that are none of the folds 0 to {self.folds - 1}: correct "
            "them, or set numFolds"
        )

    def split(self, blocks: Blocks) -> Split:
        """The split; two passes if it is stratified."""
        if self.column:
            return Given(-1)
        if self.train_share is not None:
            return Shared(self.train_share, self.seed)
        if not self.stratified:
            return Hashed(self.folds, self.seed)
        data_summary(blocks, classification=True)  # raises for labels that are not classes
        return stratified(blocks, self.folds, self.seed)

    def check(self, blocks: Blocks, split: Split, criterion: Criterion) -> NDArray[np.bool_]:
        """Check the folds: one pass.

        Parameters
        ----------
        blocks : Blocks
            The data set.
        split : Split
            The split of the rows.
        criterion : Criterion
            Score of the trials.

        Returns
        -------
        (folds,) bool
            Which folds have a score.

        Raises
        ------
        InputError
            If a fold has no weight or a row is in no fold, or the criterion compares two classes and the label has
            others or no fold has rows of both.
        """
        sizes: Sizes = blocks.sum(sizes_of_folds, split, 2 if self.once else self.folds)
        if sizes.outside:
            raise InputError(self.outside(sizes.outside))
        if not (sizes.weight > 0).all():
            empty = int(np.flatnonzero(~(sizes.weight > 0))[0])
            part = ("the part held out", "the training part")[empty] if self.once else f"fold {empty}"
            where = f" of fold {self.only}" if self.only and self.train_share is None else ""
            raise InputError(f"{part}{where} has no rows of positive weight: use fewer folds, or another seed")
        return self._with_score(sizes, criterion) if criterion.of_two_classes else np.ones(self.held_out, bool)

    def _with_score(self, sizes: "Sizes", criterion: Criterion) -> NDArray[np.bool_]:
        """The folds that have rows of both classes; the other folds are logged."""
        if sizes.other_labels:
            raise InputError(
                f"{criterion.name} compares the labels 0 and 1, and there are others: use accuracy, f1 or logLoss"
            )
        both = ((sizes.zeros > 0) & (sizes.ones > 0))[: self.held_out]
        if not (sizes.zeros.any() and sizes.ones.any()):
            raise InputError(f"all rows are of one class, so there is no {criterion.name}: use accuracy or logLoss")
        if self.only is None and not both.any():
            raise InputError(f"no fold has rows of both classes, so there is no {criterion.name}: {self._remedy()}")
        if not both.all():
            one_class = ", ".join(map(str, np.flatnonzero(~both) + (self.only or 0)))
            log.warning(
                "the rows held out in fold %s are of one class: their %s is NaN, and the means are of the other folds; "
                "%s", one_class, criterion.name, self._remedy(),
            )  # fmt: skip
        return both

    def _remedy(self) -> str:
        if self.train_share is not None:
            return "use another seed, or a smaller trainRatio"
        if self.stratified:
            return "use fewer folds: the rarer class has fewer rows than there are folds"
        return "set stratified=True" if not self.column else "set stratified=True instead of foldCol"


class Sizes(NamedTuple):
    """Sizes of folds.

    Attributes
    ----------
    weight : (folds,)
    zeros, ones : (folds,)
        Rows of positive weight with label 0, and with label 1.
    other_labels : int
        Rows of positive weight with other labels.
    outside : int
        Rows in no fold.
    """

    weight: NDArray
    zeros: NDArray
    ones: NDArray
    other_labels: int
    outside: int


def sizes_of_folds(block: Block, split: Split, folds: int) -> Sizes:
    """Sizes of the folds in one block.

    Parameters
    ----------
    block : Block
        Rows of the data set.
    split : Split
        Assignment of rows to folds.
    folds : int
        Number of folds.

    Returns
    -------
    Sizes
    """
    fold = split.fold_of(block)
    inside = (fold >= 0) & (fold < folds)
    if isinstance(split, Given):
        inside &= block.extra[split.extra] == fold
    present = inside & (block.weight > 0)
    zeros, ones = (np.bincount(fold[present & (block.y == label)], minlength=folds) for label in (0, 1))
    return Sizes(
        np.bincount(fold[inside], block.weight[inside], minlength=folds),
        zeros, ones, int(present.sum() - zeros.sum() - ones.sum()), int((~inside).sum()),
    )  # fmt: skip
