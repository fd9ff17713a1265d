"""Linear estimators: from their params to a fit over blocks."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from pyspark.ml.param import TypeConverters
from pyspark.sql import DataFrame

from treefold import store
from treefold.algorithms.linear import LinearFit, LinearModel, fit
from treefold.algorithms.linear.family import family
from treefold.algorithms.linear.gram import Gram
from treefold.algorithms.survey import Survey, survey
from treefold.blocks import Blocks, Pass
from treefold.errors import InputError
from treefold.iterate import Rungs
from treefold.losses import Loss, squared
from treefold.ml.base import Batch, LabelOptions, Trainable, chart
from treefold.ml.bounds import BoundOptions
from treefold.ml.options import Option, at_least, only, share
from treefold.ml.steps import GRAM_ROWS, StepOptions
from treefold.ml.validation import ValidationOptions
from treefold.solvers.status import MEANING, RUNNING


def smoothing(unit: str) -> Option:
    """The param of a loss with a kink."""
    return Option(
        "smoothing", f"how near the least objective a fit must end: within half of this, in {unit}, > 0",
        at_least(1e-9), 1e-3,
    )  # fmt: skip


class LinearOptions(StepOptions, LabelOptions):
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
    aggregationDepth = Option(
        "aggregationDepth", "pyspark.ml's depth of treeAggregate",
        only(2, "partial sums choose their tree by their size"), 2,
    )  # fmt: skip
    maxBlockSizeInMB = Option(
        "maxBlockSizeInMB", "pyspark.ml's size of blocks", only(0.0, "blocks are a property of the data"), 0.0
    )
    reads_sparse = True

    @property
    def with_offset(self) -> bool:
        """Whether rows come with an offset."""
        return self.hasParam("offsetCol") and bool(self.value("offsetCol"))


class OffsetOptions(LinearOptions):
    """What is known of the margin beforehand."""

    offsetCol = Option(
        "offsetCol", "the column of a number that is added to the margin of its row", TypeConverters.toString
    )

    def beside(self, *, labelled: bool) -> tuple[str, ...]:
        """See :class:`~treefold.ml.base.ColumnOptions`; the offset comes first."""
        offset = (self.value("offsetCol"),) if self.with_offset else ()
        return (*offset, *super().beside(labelled=labelled))


class FitOptions(Trainable, BoundOptions, ValidationOptions, LinearOptions):
    """An estimator of a linear model."""

    initialModel = Option(
        "initialModel", "the path of a saved linear model, whose coefficients are the first", TypeConverters.toString
    )
    labels_are_classes = False
    batched = frozenset({"regParam", "elasticNetParam", "tol", "maxIter", "stepSize", "threshold"})
    simpler = {"regParam": 1}

    def why_diverged(self) -> str:
        """What to say of a fit that diverged."""
        return (
            f"the fit diverged: stepSize {self.value('stepSize'):g} is too large for stepRule "
            f"{self.value('stepRule')}; lower it, or use solver gd with stepRule backtracking"
        )

    @property
    def partial_rows(self) -> int:  # type: ignore[override]
        """More for the solvers that add up a matrix as wide as high; how high is not known yet."""
        return GRAM_ROWS if self.value("solver") in ("newton", "normal") else 1

    def first(self, outputs: int, features: int) -> np.ndarray | None:
        """Coefficients of the initial model, if there is one.

        Raises
        ------
        InputError
            If it is no linear model of this shape.
        """
        if not self.isSet("initialModel"):
            return None
        path = self.value("initialModel")
        saved = store.load(path)
        if not isinstance(saved, LinearModel):
            raise InputError(f"{path} holds a {type(saved).__name__}: initialModel is a saved linear model")
        if saved.coef.shape != (outputs, features + 1):
            raise InputError(
                f"{path} has {len(saved.coef)} outputs of {saved.features} features, but {outputs} of {features} are "
                "to be fitted: take another initialModel"
            )
        return saved.coef

    def pure(self, coef: np.ndarray, link: str) -> LinearModel:
        """The pure model of fitted coefficients, ``(outputs, features + 1)``."""
        return LinearModel(coef, link)

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
    validationHistory : list of float
        Mean loss of the rows held out, at the start and after each iteration; empty without any.
    products : Gram, optional
        Of the columns, which an unpenalised fit by normal equations has.
    """

    objectiveHistory: list[float]
    totalIterations: int
    outcome: str
    passes: list[Pass] = field(repr=False)
    validationHistory: list[float] = field(default_factory=list)
    products: Gram | None = field(default=None, repr=False)

    def facts(self) -> dict[str, Any]:
        """What a job writes down."""
        return {
            "objective": self.objectiveHistory[-1],
            "iterations": self.totalIterations,
            "outcome": self.outcome,
        }

    def charts(self) -> list[dict[str, Any]]:
        """What a report draws."""
        lines = {"objective": self.objectiveHistory}
        if self.validationHistory:
            lines["loss of the rows held out"] = self.validationHistory
        return [chart("Objective", "iteration", "objective", lines)]


def fit_all(
    params: FitOptions,
    trials: Sequence[FitOptions],
    blocks: Blocks,
    loss: Loss,
    found: Survey | Gram,
    link: str,
    rungs: Rungs | None,
    **options: Any,
) -> Batch:
    """Fit linear models that differ in ``batched`` params alone, reporting every pass to the watcher of ``params``.

    Parameters
    ----------
    link : str
        Of the models: see :class:`treefold.algorithms.linear.batch.LinearBatch`.
    options
        As of :func:`treefold.algorithms.linear.fit`.

    Raises
    ------
    InputError
        If a param has been changed that nothing reads, or as ``fit`` does.
    """
    for trial in trials:
        trial.check_read()

    def each(name: str) -> np.ndarray:
        return np.array([trial.value(name) for trial in trials])

    seen = found.survey if isinstance(found, Gram) else found
    outputs = family(loss, seen).margins
    strength, l1 = each("regParam"), each("elasticNetParam")
    # pyspark.ml and glmnet mean the strength for a label of unit variance.
    unit = seen.moments.label_deviation if loss is squared else 1.0

    def batch(fitted: LinearFit) -> Batch:
        pures = [
            replace(trial.pure(coef, link), with_offset=params.with_offset)
            for trial, coef in zip(trials, fitted.coef, strict=True)
        ]
        held = fitted.held or [[]] * len(trials)
        products = [found if isinstance(found, Gram) and each == 0 else None for each in strength]
        return Batch(pures, fitted.objective, fitted.iterations, fitted.status, list(zip(held, products, strict=True)))

    fitted = fit(
        blocks,
        loss,
        found,
        ridge=(1 - l1) * strength / unit,
        lasso=l1 * strength,
        start=params.first(outputs, blocks.features),
        bounds=params.bounds_of(outputs, blocks.features),
        with_offset=params.with_offset,
        validation=params.split(),
        patience=params.value("earlyStoppingRounds"),
        intercept=params.value("fitIntercept"),
        standardize=params.value("standardization"),
        solver=params.solver_of(loss, blocks.features, each("stepSize"), int(each("maxIter").max()), params.validated),
        seed=params.value("seed"),
        max_iter=each("maxIter"),
        tol=each("tol"),
        on_step=lambda state: _report(params, state, blocks.passes[-1]),
        rungs=rungs and Rungs(rungs.at, lambda fitted: rungs.judge(batch(fitted))),
        **options,
    )
    return batch(fitted)


def summary_of(batch: Batch, passes: list[Pass]) -> TrainingSummary:
    """Summary of a batch of one."""
    outcome = MEANING[int(batch.status[0])]
    return TrainingSummary(batch.histories[0], int(batch.iterations[0]), outcome, passes, *batch.details[0])


def _report(params: FitOptions, state: Any, last: Pass) -> None:
    figures = {"objective": float(state.value.min()), "gradient": float(abs(state.gradient).max())}
    if len(state.value) > 1:
        figures["models running"] = int((state.status == RUNNING).sum())
    params.report(int(state.iteration.max()), figures, last)
