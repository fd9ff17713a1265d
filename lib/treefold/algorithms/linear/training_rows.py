"""The rows that a linear fit is trained on, with what the pass before the fit has found of them."""

from typing import NamedTuple

from numpy.typing import NDArray

from treefold.algorithms.early_stopping import HELD
from treefold.algorithms.linear.gram import Gram
from treefold.algorithms.linear.losses import Loss, Start
from treefold.algorithms.linear.offset import start_with_offsets
from treefold.dataset.blocks import Blocks
from treefold.dataset.folds import training
from treefold.dataset.splits import Split
from treefold.errors import InputError
from treefold.statistics.label_summary import DataSummary
from treefold.statistics.moments import Moments


class TrainingRows(NamedTuple):
    """Training rows.

    Attributes
    ----------
    blocks : Blocks
        The data set without the held-out rows.
    data_summary : DataSummary
        Summary of these rows.
    gram : Gram, optional
        Products of their columns, for margins without offsets.
    by_class : (classes,), optional
        Factors of the weights of the rows of each label.
    with_offset : bool
        Whether the first extra column of the blocks is added to the margins.
    """

    blocks: Blocks
    data_summary: DataSummary
    gram: Gram | None
    by_class: NDArray | None
    with_offset: bool

    @classmethod
    def of(
        cls,
        blocks: Blocks,
        data_summary: DataSummary | Gram,
        by_class: NDArray | None,
        with_offset: bool,
        validation: Split | None,
    ) -> "TrainingRows":
        """The rows of a data set that are not held out.

        Parameters
        ----------
        blocks : Blocks
            The data set.
        data_summary : DataSummary or Gram
            Summary of the training rows, or that and the products of their columns.
        by_class : (classes,) or None
            Factors of the weights of the rows of each label.
        with_offset : bool
            Whether the first extra column of the blocks is added to the margins.
        validation : Split or None
            Its fold 1 is held out.

        Returns
        -------
        TrainingRows
        """
        rows = blocks if validation is None else training(blocks, validation, HELD)
        if isinstance(data_summary, Gram):
            gram = None if with_offset else data_summary
            return cls(rows, data_summary.data_summary, gram, by_class, with_offset)
        return cls(rows, data_summary, None, by_class, with_offset)

    @property
    def moments(self) -> Moments:
        """Moments of the features and the label, without the factors of the classes."""
        return self.data_summary.moments

    @property
    def weight(self) -> float:
        """Weight of all rows, including the factors of their classes."""
        if self.by_class is None:
            return self.moments.weight
        return float((self.data_summary.classes * self.by_class).sum())

    def start(self, loss: Loss) -> Start:
        """Start of a fit: intercepts of a model without features that account for weights and offsets.

        Raises
        ------
        InputError
            If every row is of a class with weight 0.
        """
        seen = self.data_summary
        if self.by_class is not None:
            seen = seen._replace(classes=seen.classes * self.by_class)
            if not seen.classes.sum() > 0:
                raise InputError("every row is of a class with weight 0: give a class that occurs a positive weight")
        start = loss.start(seen)
        return start_with_offsets(start, self.blocks, loss) if self.with_offset else start
