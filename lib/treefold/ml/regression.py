"""Regressions as pyspark.ml Estimators and Models."""

from collections.abc import Sequence

import numpy as np
from pyspark.ml import Estimator
from pyspark.ml.linalg import DenseVector

from treefold.algorithms.linear import LinearModel
from treefold.algorithms.linear.gram import gram
from treefold.algorithms.survey import survey
from treefold.blocks import Blocks, Pass
from treefold.errors import InputError
from treefold.iterate import Rungs
from treefold.losses import Huber, Loss, Quantile, Tube, poisson, squared
from treefold.ml.base import Batch
from treefold.ml.fitting import FitOptions, OffsetOptions, fit_all, smoothing, summary_of
from treefold.ml.model import LinearModelFace
from treefold.ml.options import Option, at_least, between, choice
from treefold.ml.steps import BY_GRADIENT, GRAM_ROWS


class RegressionOptions(OffsetOptions):
    """How values are regressed."""

    solver = Option(
        "solver", "auto, normal, lbfgs, newton, gd, sgd or localsgd; auto is normal for squared errors and up to 4096 "
        "features", choice("auto", "normal", "lbfgs", "newton", *BY_GRADIENT), "auto",
    )  # fmt: skip
    loss = Option("loss", "squaredError or huber", choice("squaredError", "huber"), "squaredError")
    epsilon = Option("epsilon", "where the squares of loss huber end, in scales, > 1", at_least(1 + 1e-12), 1.35)


class Regression(FitOptions, OffsetOptions):
    """An estimator that fits one loss to values."""

    link = "identity"

    def loss_of(self) -> Loss:
        """What is minimised."""
        raise NotImplementedError

    def fit_batch(self, blocks: Blocks, trials: Sequence["Regression"], rungs: Rungs | None = None) -> Batch:
        """See :class:`~treefold.ml.base.Trainable`."""
        options = {"smoothing": self.value("smoothing")} if self.hasParam("smoothing") else {}
        loss, rows = self.loss_of(), self.trained(blocks)
        at_once = self.is_normal(loss, blocks.features, len(trials)) and not (self.with_offset or self.validated)
        found = gram(rows) if at_once else survey(rows, classification=False)
        return fit_all(self, trials, blocks, loss, found, self.link, rungs, **options)


class LinearRegression(Regression, RegressionOptions, Estimator):
    """Least squares, or Huber's robust regression, with an elastic net.

    Minimises ``1 / (2 sum_i w_i) * sum_i w_i (x_i . coef + b - y_i)^2 + regParam * ((1 - a) / (2 sd(y)) * |coef|_2^2 +
    a * |coef|_1)`` with ``a = elasticNetParam``, the penalty on coefficients of standardised features (deviations 1/n)
    if ``standardization``, the intercept free. The label's deviation under the squares is how glmnet and pyspark.ml
    mean ``regParam``: the strength for a label of unit variance. With ``loss="huber"`` it is
    :class:`~treefold.losses.Huber` instead, its scale fitted as well, and ``regParam`` is taken as it is.
    """

    @property
    def partial_rows(self) -> int:  # type: ignore[override]
        """More where a matrix of all features by all features may be added up."""
        return GRAM_ROWS if self.value("solver") in ("auto", "normal", "newton") else 1

    def loss_of(self) -> Loss:
        """What is minimised."""
        if self.value("loss") == "squaredError":
            if self.changed("epsilon"):
                raise InputError("loss squaredError reads no epsilon: leave it out, or use loss huber")
            return squared
        if self.bounded:
            raise InputError("loss huber takes no bounds: leave them out, or use squared errors")
        if self.value("solver") in ("normal", "newton"):
            raise InputError(f"loss huber has no solver {self.value('solver')}: use auto, lbfgs or gd")
        return Huber(self.value("epsilon"))

    def pure(self, coef: np.ndarray, link: str) -> LinearModel:
        """The pure model; of Huber's loss the second row is the scale."""
        return LinearModel(coef[:1], link, scale=float(coef[1, -1]) if len(coef) > 1 else 1.0)

    def made(self, batch: Batch, passes: list[Pass]) -> "LinearRegressionModel":
        """See :class:`~treefold.ml.base.Trainable`."""
        return LinearRegressionModel(batch.pures[0], summary_of(batch, passes))


class RegressionFace(LinearModelFace):
    """A fitted regression."""

    @property
    def coefficients(self) -> DenseVector:
        """Coefficients, ``(features,)``."""
        return DenseVector(self.pure.coef[0, :-1])

    @property
    def intercept(self) -> float:
        """Intercept; 0 without one."""
        return float(self.pure.coef[0, -1])


class LinearRegressionModel(RegressionFace, RegressionOptions):
    """Fitted :class:`LinearRegression`."""

    @property
    def scale(self) -> float:
        """Scale of the residuals that loss huber has fitted; else 1."""
        return float(self.pure.scale)


class PoissonRegression(Regression, Estimator):
    """Regression of counts with a log link and an elastic net.

    Minimises ``1 / sum_i w_i * sum_i w_i (exp(m_i) - y_i m_i) + regParam * ((1 - a) / 2 * |coef|_2^2 + a * |coef|_1)``
    with ``m_i = x_i . coef + b`` and ``a = elasticNetParam``; the prediction is ``exp(m_i)``. pyspark.ml has it as
    ``GeneralizedLinearRegression(family="poisson")``, scikit-learn as ``PoissonRegressor``.
    """

    link = "log"

    def loss_of(self) -> Loss:
        """What is minimised."""
        return poisson

    def made(self, batch: Batch, passes: list[Pass]) -> "PoissonRegressionModel":
        """See :class:`~treefold.ml.base.Trainable`."""
        return PoissonRegressionModel(batch.pures[0], summary_of(batch, passes))


class PoissonRegressionModel(RegressionFace, OffsetOptions):
    """Fitted :class:`PoissonRegression`."""


class QuantileOptions(OffsetOptions):
    """Which quantile is fitted, and how nearly."""

    solver = Option(
        "solver", "auto, lbfgs, gd, sgd or localsgd; auto is lbfgs", choice("auto", "lbfgs", *BY_GRADIENT), "auto"
    )
    quantile = Option("quantile", "the quantile to predict, within (0, 1)", between(0, 1), 0.5)
    smoothing = smoothing("deviations of the label")


class QuantileRegression(Regression, QuantileOptions, Estimator):
    """Regression of a quantile of the label, with an elastic net.

    Minimises the mean of :class:`~treefold.losses.Quantile` and the penalty of :class:`PoissonRegression`, to within
    ``smoothing / 2`` deviations of the label.
    """

    def loss_of(self) -> Loss:
        """What is minimised."""
        return Quantile(self.value("quantile"))

    def made(self, batch: Batch, passes: list[Pass]) -> "QuantileRegressionModel":
        """See :class:`~treefold.ml.base.Trainable`."""
        return QuantileRegressionModel(batch.pures[0], summary_of(batch, passes))


class QuantileRegressionModel(RegressionFace, QuantileOptions):
    """Fitted :class:`QuantileRegression`."""


class SVROptions(OffsetOptions):
    """Which errors count, and how nearly the least is found."""

    solver = Option(
        "solver", "auto, lbfgs, gd, sgd or localsgd; auto is lbfgs", choice("auto", "lbfgs", *BY_GRADIENT), "auto"
    )
    epsilon = Option("epsilon", "the error up to which nothing is lost, in units of the label, >= 0", at_least(0), 0.0)
    smoothing = smoothing("deviations of the label")


class LinearSVR(Regression, SVROptions, Estimator):
    """Linear support vector regression, with an elastic net.

    Minimises the mean of ``max(0, |x_i . coef + b - y_i| - epsilon)`` and the penalty of :class:`PoissonRegression`, to
    within ``smoothing / 2`` deviations of the label.
    """

    def loss_of(self) -> Loss:
        """What is minimised."""
        return Tube(self.value("epsilon"))

    def made(self, batch: Batch, passes: list[Pass]) -> "LinearSVRModel":
        """See :class:`~treefold.ml.base.Trainable`."""
        return LinearSVRModel(batch.pures[0], summary_of(batch, passes))


class LinearSVRModel(RegressionFace, SVROptions):
    """Fitted :class:`LinearSVR`."""
