"""From params to a fit over blocks."""

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms import svm
from treefold.dataset.blocks import Blocks, Pass
from treefold.errors import InputError
from treefold.ml.base import Batch
from treefold.ml.labelled import LabelledTrainable
from treefold.ml.svm.params import KernelOptions
from treefold.ml.svm.support_vector_fit import SupportVectorFit
from treefold.optim.status import CONVERGED
from treefold.statistics.label_summary import DataSummary
from treefold.statistics.moments import Moments

log = logging.getLogger(__name__)


def entries_variance(moments: Moments) -> float:
    """Variance of all entries of the features, zeros of sparse data included."""
    mean, variance = moments.mean[:-1], moments.variance[:-1]
    return float((variance + mean**2).mean() - mean.mean() ** 2)


class SupportVectorTrainable(LabelledTrainable, KernelOptions):
    """An estimator of support vector machines."""

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

        def record(last: svm.Round) -> None:
            rounds.append(last)
            figures = {"gap": last.gap, "violation": last.violation, "support vectors": last.support}
            self.report(last.number, figures, blocks.passes[-1])

        fitted = svm.fit(
            blocks,
            machines,
            solver=solver,
            max_rounds=self.value("maxRounds"),
            seed=self.value("seed"),
            on_round=record,
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
