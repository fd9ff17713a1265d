"""Early stopping as params: which rows are held out, and for how long a fit may bring them nothing."""

from pyspark.ml.param import TypeConverters

from treefold.algorithms.draws import substream
from treefold.algorithms.splits import Given, Shared, Split, training
from treefold.blocks import Blocks
from treefold.errors import InputError
from treefold.ml.base import ColumnOptions
from treefold.ml.options import Option, at_least, between

HELD, STREAM = 1, 0xE5  # the fold that is held out; of the draws of seed


class ValidationOptions(ColumnOptions):
    """Rows held out of a fit, whose loss says when to end it."""

    validationIndicatorCol = Option(
        "validationIndicatorCol", "the column that is true for a row held out for early stopping",
        TypeConverters.toString,
    )  # fmt: skip
    validationFraction = Option(
        "validationFraction", "the share of rows, drawn by seed, held out for early stopping, in (0, 1)", between(0, 1)
    )
    earlyStoppingRounds = Option(
        "earlyStoppingRounds", "the iterations without a lower loss of the rows held out after which a fit ends, >= 1",
        at_least(1, TypeConverters.toInt), 5,
    )  # fmt: skip

    @property
    def validated(self) -> bool:
        """Whether rows are held out."""
        return bool(self.value("validationIndicatorCol")) or self.isSet("validationFraction")

    def beside(self, *, labelled: bool) -> tuple[str, ...]:
        """See :class:`~treefold.ml.base.ColumnOptions`; the indicator comes last."""
        indicator = self.value("validationIndicatorCol") if labelled else None
        return (*super().beside(labelled=labelled), *([indicator] if indicator else []))

    def split(self) -> Split | None:
        """The split whose fold 1 is held out, if any is.

        Raises
        ------
        InputError
            If rows are named in two ways, or there are rounds but no rows.
        """
        if self.value("validationIndicatorCol"):
            if self.isSet("validationFraction"):
                raise InputError("validationIndicatorCol and validationFraction are both set: set one")
            return Given(len(self.beside(labelled=True)) - 1)
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
