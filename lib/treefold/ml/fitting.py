"""Linear estimators: from their params to a fit over blocks."""

from dataclasses import dataclass, field
from typing import Any

from pyspark.ml.param import TypeConverters
from pyspark.sql import DataFrame

from treefold.algorithms.linear import LinearFit, fit
from treefold.algorithms.survey import Survey, survey
from treefold.blocks import Pass
from treefold.engine.spark import SparkBlocks
from treefold.errors import InputError
from treefold.losses import Loss
from treefold.ml.base import LabelOptions, Trainable, chart
from treefold.ml.options import Option, at_least, choice, share
from treefold.solvers import GradientDescent, Lbfgs, Solver
from treefold.solvers.status import DIVERGED, MEANING

NOISE = {"float32": 1e-9, "float64": 1e-15}  # of an objective: a mean over rows, each rounded


class FitOptions(Trainable, LabelOptions):
    """How the fit of a linear model runs."""

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
    labels_are_classes = False
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


def fit_one(params: FitOptions, blocks: SparkBlocks, loss: Loss, survey: Survey, label_unit: float = 1.0) -> LinearFit:
    """Fit one model as the params say, reporting every pass to the estimator's watcher.

    ``regParam`` is meant for labels over ``label_unit``.

    Raises
    ------
    InputError
        If the fit diverged.
    """
    strength, l1 = params.value("regParam"), params.value("elasticNetParam")
    fitted = fit(
        blocks,
        loss,
        survey,
        ridge=(1 - l1) * strength / label_unit,
        lasso=l1 * strength,
        intercept=params.value("fitIntercept"),
        standardize=params.value("standardization"),
        solver=_solver(params),
        max_iter=params.value("maxIter"),
        tol=params.value("tol"),
        on_step=lambda state: _report(params, state, blocks.passes[-1]),
    )
    if fitted.status[0] == DIVERGED:
        raise InputError(
            f"the fit diverged: stepSize {params.value('stepSize'):g} is too large for stepRule "
            f"{params.value('stepRule')}; lower it, or use stepRule backtracking"
        )
    return fitted


def summary_of(fitted: LinearFit, passes: list[Pass]) -> TrainingSummary:
    """Summary of a batch of one."""
    return TrainingSummary(fitted.objective[0], int(fitted.iterations[0]), MEANING[int(fitted.status[0])], list(passes))


def _solver(params: FitOptions) -> Solver:
    if params.value("solver") == "gd":
        return GradientDescent(params.value("stepSize"), params.value("stepRule") == "backtracking")
    return Lbfgs(noise=NOISE[params.value("dtype")])


def _report(params: FitOptions, state: Any, last: Pass) -> None:
    figures = {"objective": float(state.value[0]), "gradient": float(abs(state.gradient).max())}
    params.report(int(state.iteration[0]), figures, last)
