"""From params to a fit over blocks."""

import logging
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from treefold.algorithms import svm
from treefold.dataset.blocks import Blocks, Pass
from treefold.errors import InputError
from treefold.ml.base import Batch, Trainable
from treefold.ml.summaries.base import known
from treefold.ml.svm.params import KernelOptions
from treefold.optim.status import CONVERGED, MAX_ITER, MEANING, NO_PROGRESS
from treefold.report.charts import Chart, LineChart
from treefold.statistics.label_summary import DataSummary, data_summary
from treefold.statistics.moments import Moments

log = logging.getLogger(__name__)


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


def entries_variance(moments: Moments) -> float:
    """Variance of all entries of the features, zeros of sparse data included."""
    mean, variance = moments.mean[:-1], moments.variance[:-1]
    return float((variance + mean**2).mean() - mean.mean() ** 2)


class SupportVectorTrainable(Trainable, KernelOptions):
    """An estimator of support vector machines."""

    labels_are_classes = False

    def check(self, data: DataFrame) -> None:
        """Raise InputError for whatever in ``data`` would end a fit or an evaluation: one pass."""
        with self.open(data) as blocks:
            data_summary(blocks, classification=self.labels_are_classes)

    def machine(self, task: svm.Task, cost: float, moments: Moments, **others: Any) -> svm.Machine:
        """A machine with this estimator's kernel, for data with these moments.

        Parameters
        ----------
        task : svm.Task
            Classification, regression or one class.
        cost : float
            C, the bound of a row of weight 1.
        moments : Moments
            Moments of the features, for ``gamma`` and the standard units.
        **others : Any
            Further fields of :class:`treefold.algorithms.svm.machine.Machine`.

        Returns
        -------
        Machine
        """
        inverse = self._inverse(moments)
        kernel = svm.Kernel(
            self.value("kernel"), self._gamma(moments, inverse), self.value("degree"), self.value("coef0")
        )
        return svm.Machine(task, kernel, cost, self.value("tol"), self.value("cacheSizeMB"), inverse=inverse, **others)

    def fitted(self, blocks: Blocks, machines: list[svm.Machine], found: DataSummary, classes: int = 0) -> Batch:
        """The batch of one fit.

        Parameters
        ----------
        blocks : Blocks
            All rows.
        machines : list of svm.Machine
            Machines to fit.
        found : DataSummary
            Labels and moments of the first pass.
        classes : int, default 0
            Number of classes; 0 if the label is none.

        Returns
        -------
        Batch

        Raises
        ------
        InputError
            If a param has been changed that the solver does not read.
        """
        solver = self.value("solver")
        if solver == "nystroem":
            return self._approximated(blocks, machines, classes)
        if self.changed("components"):
            raise InputError(f"solver {solver} reads no components: leave it out, or use solver nystroem")
        if solver == "auto":
            solver = svm.select_solver(found.moments.rows, blocks.features)
        rounds: list[svm.Round] = []

        def tell(stands: svm.Round) -> None:
            rounds.append(stands)
            figures = {"gap": stands.gap, "violation": stands.violation, "support vectors": stands.support}
            self.report(stands.number, figures, blocks.passes[-1])

        fitted = svm.fit(
            blocks, machines, solver=solver, max_rounds=self.value("maxRounds"), seed=self.value("seed"), on_round=tell
        )
        if any(one.violation > one.machine.tol for one in fitted):
            worst = max(one.violation for one in fitted)
            log.warning("%s ends with a violation of %g above tol", type(self).__name__, worst)
        model = svm.SvmModel.of(fitted, classes)
        return Batch([model], [[each.primal for each in rounds]], [len(rounds)], [CONVERGED], [(fitted, rounds, [])])

    def _approximated(self, blocks: Blocks, machines: list[svm.Machine], classes: int) -> Batch:
        """The batch of one fit by landmarks."""
        if classes > 2 or machines[0].task.name == "one class":
            what = f"{classes} classes: fit it within pyspark.ml's OneVsRest" if classes else "one class: use direct"
            raise InputError(f"solver nystroem has no machine of {what}, or use another solver")
        fitted, objective, passes = svm.fit_nystroem(
            blocks, machines[0], self.value("components"), self.value("seed"), lambda state: self._tell(state, blocks)
        )
        landmarks = fitted.support.size
        rounds = [svm.Round(i, value, np.nan, np.nan, landmarks) for i, value in enumerate(objective)]
        model = svm.SvmModel.of([fitted], classes)
        return Batch([model], [objective], [fitted.rounds], [CONVERGED], [([fitted], rounds, passes)])

    def _tell(self, state: Any, blocks: Blocks) -> None:
        self.report(int(state.iteration.max()), {"objective": float(state.value.min())}, blocks.passes[-1])

    def fit_of(self, batch: Batch, passes: list[Pass]) -> SupportVectorFit:
        """Account of a batch of one."""
        fitted, rounds, further = batch.details[0]
        return SupportVectorFit.of(fitted, batch.numpy_models[0], rounds, [*passes, *further])

    def _inverse(self, moments: Moments) -> NDArray | None:
        if not self.value("standardization"):
            return None
        deviation = np.sqrt(moments.variance[:-1])
        return np.divide(1.0, deviation, out=np.ones_like(deviation), where=moments.varies[:-1])

    def _gamma(self, moments: Moments, inverse: NDArray | None) -> float:
        """The number that gamma stands for; 1 where it is ``scale`` and nothing varies, as in scikit-learn."""
        given, features = self.value("gamma"), len(moments.mean) - 1
        if given == "auto":
            return 1.0 / features
        if given != "scale":
            return float(given)
        if inverse is not None:
            by = np.append(inverse, 1.0)
            moments = moments._replace(mean=moments.mean * by, squares=moments.squares * by**2)
        variance = entries_variance(moments)
        return 1.0 / (features * variance) if variance > 0 else 1.0
