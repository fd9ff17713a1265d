"""Params of early stopping: which rows are held out, and how many iterations without progress end a fit."""

from pyspark.ml.param import TypeConverters

from treefold.algorithms.early_stopping import HELD
from treefold.dataset.blocks import Blocks
from treefold.dataset.folds import training
from treefold.dataset.random import substream
from treefold.dataset.splits import Given, Shared, Split
from treefold.errors import InputError
from treefold.ml.base import ColumnOptions
from treefold.ml.converters import at_least, between
from treefold.ml.labelled import LabelledTrainable
from treefold.ml.params import Option

STREAM = 0xE5  # random stream of the seed


class ValidationOptions(ColumnOptions):
    """Held-out rows whose loss ends a fit early."""

    validationIndicatorCol = Option(
        "validationIndicatorCol", "the column that is true for a row held out for early stopping",
        TypeConverters.toString,
    )  # fmt: skip
    validationFraction = Option(
        "validationFraction", "the share of rows, drawn by seed, held out for early stopping, in (0, 1)", between(0, 1)
    )
    earlyStoppingRounds = Option(
        "earlyStoppingRounds", "the iterations without a lower loss of the held-out rows after which a fit ends, >= 1",
        at_least(1, TypeConverters.toInt), 5,
    )  # fmt: skip

    @property
    def validated(self) -> bool:
        """Whether rows are held out."""
        return bool(self.value("validationIndicatorCol")) or self.isSet("validationFraction")

    def split(self) -> Split | None:
        """The split whose fold 1 is held out, or None.

        Raises
        ------
        InputError
            If held-out rows are given in two ways, or rounds are given without held-out rows.
        """
        if self.value("validationIndicatorCol"):
            if self.isSet("validationFraction"):
                raise InputError("validationIndicatorCol and validationFraction are both set: set one")
            return Given(len(self.extra_columns(labelled=True)) - 1)
        if self.isSet("validationFraction"):
            return Shared(self.value("validationFraction"), substream(self.value("seed"), STREAM))
        if self.changed("earlyStoppingRounds"):
            raise InputError(
                "earlyStoppingRounds needs rows held out: set validationIndicatorCol or validationFraction"
            )
        return None

    def trained(self, blocks: Blocks) -> Blocks:
        """The rows that are not held out."""
        split = self.split()
        return blocks if split is None else training(blocks, split, HELD)


class ValidatedTrainable(LabelledTrainable, ValidationOptions):
    """An estimator that reads which rows are held out."""

    def extra_columns(self, *, labelled: bool) -> tuple[str, ...]:
        """See :class:`~treefold.ml.base.ColumnOptions`; the indicator of held-out rows comes last."""
        indicator = self.value("validationIndicatorCol") if labelled else None
        return (*super().extra_columns(labelled=labelled), *([indicator] if indicator else []))
