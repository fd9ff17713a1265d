"""Linear estimators: from their params to a fit over blocks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pyspark.ml.param import TypeConverters
from pyspark.sql import DataFrame

from treefold.algorithms.linear import LinearFit, LinearModel, fit
from treefold.algorithms.survey import Survey, survey
from treefold.blocks import Blocks, Pass
from treefold.iterate import Rungs
from treefold.losses import Loss
from treefold.ml.base import Batch, LabelOptions, Trainable, chart
from treefold.ml.options import Option, at_least, choice, only, share
from treefold.solvers import GradientDescent, Lbfgs, Solver
from treefold.solvers.status import MEANING, RUNNING

NOISE = {"float32": 1e-9, "float64": 1e-15}  # of an objective: a mean over rows, each rounded


class LinearOptions(LabelOptions):
    """What a linear estimator and its model share: how its fit runs."""

    maxIter = Option("maxIter", "the most iterations, >= 0", at_least(0, TypeConverters.toInt), 100)
    tol = Option("tol", "the largest gradient element at which a fit has converged, >= 0", at_least(0), 1e-6)
    regParam = Option("regParam", "the strength of the penalty, >= 0", at_least(0), 0.0)
    elasticNetParam = Option("elasticNetParam", "the share of the penalty that is L1, in [0, 1]", share, 0.0)
    fitIntercept = Option("fitIntercept", "whether there is an intercept", TypeConverters.toBoolean, True)
    standardization = Option(
        "standardization", "whether the penalty is on coefficients of standardised features", TypeConverters.toBoolean,
        True,
    )  # fmt: skip
    solver = Option("solver", "auto, lbfgs or gd; auto is lbfgs", choice("auto", "lbfgs", "gd"), "auto")
    stepSize = Option("stepSize", "the step of solver gd, or the first one it tries, > 0", at_least(1e-300), 1.0)
    stepRule = Option(
        "stepRule", "the steps of solver gd: backtracking or constant", choice("backtracking", "constant"),
        "backtracking",
    )  # fmt: skip
    aggregationDepth = Option(
        "aggregationDepth", "pyspark.ml's depth of treeAggregate",
        only(2, "partial sums choose their tree by their size"), 2,
    )  # fmt: skip
    maxBlockSizeInMB = Option(
        "maxBlockSizeInMB", "pyspark.ml's size of blocks", only(0.0, "blocks are a property of the data"), 0.0
    )


class FitOptions(Trainable, LinearOptions):
    """An estimator of a linear model."""

    labels_are_classes = False
    batched = frozenset({"regParam", "elasticNetParam", "tol", "maxIter", "stepSize", "threshold"})
    simpler = {"regParam": 1}

    def why_diverged(self) -> str:
        """What to say of a fit that diverged."""
        return (
            f"the fit diverged: stepSize {self.value('stepSize'):g} is too large for stepRule "
            f"{self.value('stepRule')}; lower it, or use stepRule backtracking"
        )

    def pure(self, coef: np.ndarray, link: str) -> LinearModel:
        """The pure model of fitted coefficients, ``(outputs, features + 1)``."""
        return LinearModel(coef, link)

    reads_sparse = True

    def check(self, data: DataFrame) -> None:
        """Raise InputError for whatever in ``data`` would end a fit or an evaluation: one pass."""
        with self.open(data) as blocks:
            survey(blocks, classification=self.labels_are_classes)


@dataclass(frozen=True)
class TrainingSummary:
    """How a fit went.

    Attributes
    ----------
    objectiveHistory : list of float
        Objective at the start and after each iteration, penalty included.
    totalIterations : int
    outcome : str
        Why it ended.
    passes : list of Pass
    """

    objectiveHistory: list[float]
    totalIterations: int
    outcome: str
    passes: list[Pass] = field(repr=False)

    def facts(self) -> dict[str, Any]:
        """What a job writes down."""
        return {
            "objective": self.objectiveHistory[-1],
            "iterations": self.totalIterations,
            "outcome": self.outcome,
        }

    def charts(self) -> list[dict[str, Any]]:
        """What a report draws."""
        return [chart("Objective", "iteration", "objective", {"objective": self.objectiveHistory})]


def fit_all(
    params: FitOptions,
    trials: Sequence[FitOptions],
    blocks: Blocks,
    loss: Loss,
    found: Survey,
    link: str,
    *,
    label_unit: float = 1.0,
    rungs: Rungs | None = None,
) -> Batch:
    """Fit linear models that differ in ``batched`` params alone, reporting every pass to the watcher of ``params``.

    Parameters
    ----------
    link : str
        Of the models: see :class:`treefold.algorithms.linear.batch.LinearBatch`.
    label_unit : float
        ``regParam`` is meant for labels over it.
    """

    def each(name: str) -> np.ndarray:
        return np.array([trial.value(name) for trial in trials])

    def batch(fitted: LinearFit) -> Batch:
        pures = [trial.pure(coef, link) for trial, coef in zip(trials, fitted.coef, strict=True)]
        return Batch(pures, fitted.objective, fitted.iterations, fitted.status, None)

    strength, l1 = each("regParam"), each("elasticNetParam")
    fitted = fit(
        blocks,
        loss,
        found,
        ridge=(1 - l1) * strength / label_unit,
        lasso=l1 * strength,
        intercept=params.value("fitIntercept"),
        standardize=params.value("standardization"),
        solver=_solver(params, each("stepSize")),
        max_iter=each("maxIter"),
        tol=each("tol"),
        on_step=lambda state: _report(params, state, blocks.passes[-1]),
        rungs=rungs and Rungs(rungs.at, lambda fitted: rungs.judge(batch(fitted))),
    )
    return batch(fitted)


def summary_of(batch: Batch, passes: list[Pass]) -> TrainingSummary:
    """Summary of a batch of one."""
    return TrainingSummary(batch.histories[0], int(batch.iterations[0]), MEANING[int(batch.status[0])], passes)


def _solver(params: FitOptions, steps: np.ndarray) -> Solver:
    if params.value("solver") == "gd":
        return GradientDescent(steps, params.value("stepRule") == "backtracking")
    return Lbfgs(noise=NOISE[params.value("dtype")])


def _report(params: FitOptions, state: Any, last: Pass) -> None:
    figures = {"objective": float(state.value.min()), "gradient": float(abs(state.gradient).max())}
    if len(state.value) > 1:
        figures["models running"] = int((state.status == RUNNING).sum())
    params.report(int(state.iteration.max()), figures, last)
