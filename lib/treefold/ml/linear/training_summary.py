"""The summary of a fit of linear models or perceptrons."""

from dataclasses import dataclass, field
from typing import Any

from treefold.algorithms.linear.gram import Gram
from treefold.dataset.blocks import Pass
from treefold.ml.base import Batch
from treefold.optim.status import MEANING
from treefold.report.charts import Chart, LineChart


@dataclass(frozen=True)
class TrainingSummary:
    """Summary of a fit.

    Attributes
    ----------
    objectiveHistory : list of float
        Objective, including the penalty, at the start and after each iteration.
    totalIterations : int
    outcome : str
        Why the fit ended.
    passes : list of Pass
    validationHistory : list of float
        Mean loss of the held-out rows at the start and after each iteration; empty if none are held out.
    products : Gram, optional
        Products of the columns, from an unpenalised fit by normal equations.
    privacy : dict, optional
        Of a differentially private fit: what it has spent, and how. It computes no objective.
    """

    objectiveHistory: list[float]
    totalIterations: int
    outcome: str
    passes: list[Pass] = field(repr=False)
    validationHistory: list[float] = field(default_factory=list)
    products: Gram | None = field(default=None, repr=False)
    privacy: dict[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """What a job writes down."""
        told = self.privacy or {"objective": self.objectiveHistory[-1]}
        return {**told, "iterations": self.totalIterations, "outcome": self.outcome}

    def charts(self) -> list[Chart]:
        """What a report draws."""
        if not self.objectiveHistory:
            return []
        lines = {"objective": self.objectiveHistory}
        if self.validationHistory:
            lines["loss of the held-out rows"] = self.validationHistory
        return [LineChart("Objective", "iteration", "objective", lines)]


def summary_of(batch: Batch, passes: list[Pass]) -> TrainingSummary:
    """Summary of a batch of one."""
    outcome = MEANING[int(batch.status[0])]
    return TrainingSummary(batch.histories[0], int(batch.iterations[0]), outcome, passes, *batch.details[0])
