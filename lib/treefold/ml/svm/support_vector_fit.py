"""How a fit of support vector machines went."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from treefold.algorithms import svm
from treefold.dataset.blocks import Pass
from treefold.ml.summaries.base import known
from treefold.optim.status import CONVERGED, MAX_ITER, MEANING, NO_PROGRESS
from treefold.report.charts import Chart, LineChart


@dataclass(frozen=True)
class SupportVectorFit:
    """How a fit went, all machines together.

    Attributes
    ----------
    primal, dual : float
        What is minimised and what is maximised.
    violation : float
        The largest of any machine over all rows. It and the dual are NaN of an approximate fit.
    rounds : list of treefold.algorithms.svm.Round
    supportVectors, boundedSupportVectors : int
        Rows with a coefficient in some machine; and coefficients at their bounds, counted in every machine.
    supportVectorsByClass : list of int
        Empty unless it is a classification.
    kernelRows, cacheHits : int
        Kernel rows that the driver computed, and found.
    outcome : str
    passes : list of Pass
    """

    primal: float
    dual: float
    violation: float
    rounds: list[svm.Round]
    supportVectors: int
    boundedSupportVectors: int
    supportVectorsByClass: list[int]
    kernelRows: int
    cacheHits: int
    outcome: str
    passes: list[Pass] = field(repr=False)

    @classmethod
    def of(
        cls, fitted: list[svm.Fitted], model: svm.SvmModel, rounds: list[svm.Round], passes: list[Pass]
    ) -> "SupportVectorFit":
        """Summary of a fit.

        Parameters
        ----------
        fitted : list of svm.Fitted
            The machines.
        model : svm.SvmModel
            The model made of them.
        rounds : list of svm.Round
            Rounds of the fit.
        passes : list of Pass
            Passes of the fit.

        Returns
        -------
        SupportVectorFit
        """
        bounded = sum(int((abs(one.support.coefficient) == one.support.bound).sum()) for one in fitted)
        status = max((one.status for one in fitted), key=(CONVERGED, MAX_ITER, NO_PROGRESS).index)
        return cls(
            sum(one.primal for one in fitted),
            sum(one.dual for one in fitted),
            max(one.violation for one in fitted),
            rounds,
            len(model.coefficient),
            bounded,
            _by_class(fitted, model.classes),
            sum(one.work.kernel_rows for one in fitted),
            sum(one.work.cache_hits for one in fitted),
            MEANING[status],
            passes,
        )

    @property
    def gap(self) -> float:
        """``(primal - dual) / max(1, |primal|)``."""
        return (self.primal - self.dual) / max(1.0, abs(self.primal))

    @property
    def objectiveHistory(self) -> list[float]:
        """The primal after every round."""
        return [each.primal for each in self.rounds]

    @property
    def totalIterations(self) -> int:
        """Number of rounds."""
        return len(self.rounds)

    @property
    def validationHistory(self) -> list[float]:
        """Empty: no rows are held out."""
        return []

    def to_dict(self) -> dict[str, Any]:
        """What a job writes down."""
        return {
            "iterations": len(self.rounds),
            "outcome": self.outcome,
            "primal": self.primal,
            "dual": known(self.dual),
            "gap": known(self.gap),
            "violation": known(self.violation),
            "support_vectors": self.supportVectors,
            "bounded_support_vectors": self.boundedSupportVectors,
            "support_vectors_by_class": self.supportVectorsByClass,
            "kernel_rows": self.kernelRows,
            "cache_hits": self.cacheHits,
        }

    def charts(self) -> list[Chart]:
        """What a report draws."""
        if np.isnan(self.gap):
            return [LineChart("Objective", "iteration", "objective", {"objective": self.objectiveHistory})]
        gaps = [max(each.gap, 1e-16) for each in self.rounds]
        return [
            LineChart("Relative gap", "round", "gap", {"gap": gaps}, log=True),
            LineChart("Support vectors", "round", "rows", {"of all machines": [each.support for each in self.rounds]}),
        ]


def _by_class(fitted: list[svm.Fitted], classes: int) -> list[int]:
    owned: list[set[int]] = [set() for _ in range(classes)]
    for one in fitted if classes else []:
        for label, target in ((one.machine.negative, -1.0), (one.machine.positive, 1.0)):
            owned[label].update(one.support.position[one.support.target == target].tolist())
    return [len(rows) for rows in owned]
