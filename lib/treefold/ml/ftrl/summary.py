"""The summary of a fit by FTRL-Proximal."""

from dataclasses import dataclass, field
from typing import Any

from treefold.dataset.blocks import Pass
from treefold.ml.base import Batch
from treefold.optim.status import MEANING
from treefold.report.charts import Chart, LineChart


@dataclass(frozen=True)
class FtrlSummary:
    """Summary of a fit.

    Attributes
    ----------
    objectiveHistory : list of float
        Progressive validation loss of each pass over the rows: the mean loss of every row at the coefficients before
        they learned from it, without penalty. That of the first pass is of rows that the model has not seen.
    totalIterations : int
        Passes over the rows.
    outcome : str
        Why the fit ended.
    nonzero : int
        Number of coefficients that are not 0, without the intercept.
    passes : list of Pass
        One for each mini-batch.
    """

    objectiveHistory: list[float]
    totalIterations: int
    outcome: str
    nonzero: int
    passes: list[Pass] = field(repr=False)
    validationHistory: tuple[float, ...] = ()  # no rows are held out
    products: None = None  # of all features, which these summaries need for standard errors: none are kept

    def to_dict(self) -> dict[str, Any]:
        """What a job writes down."""
        return {
            "progressive loss": self.objectiveHistory[-1], "nonzero": self.nonzero,
            "iterations": self.totalIterations, "outcome": self.outcome,
        }  # fmt: skip

    def charts(self) -> list[Chart]:
        """What a report draws."""
        lines = {"progressive loss": self.objectiveHistory}
        return [LineChart("Progressive validation loss", "pass over the rows", "mean loss", lines)]


def summary_of(batch: Batch, passes: list[Pass]) -> FtrlSummary:
    """Summary of a batch of one."""
    outcome = MEANING[int(batch.status[0])]
    return FtrlSummary(batch.histories[0], int(batch.iterations[0]), outcome, batch.details[0], passes)
