"""Linear regression as a pyspark.ml Estimator and Model."""

import numpy as np
from pyspark.ml import Estimator

from treefold.algorithms.linear import LinearModel
from treefold.algorithms.linear.losses import Huber, Loss, squared
from treefold.dataset.blocks import Pass
from treefold.errors import InputError
from treefold.ml.base import Batch
from treefold.ml.converters import Choice, at_least
from treefold.ml.linear.params import OffsetOptions
from treefold.ml.linear.private_fit import PrivateLinearOptions
from treefold.ml.linear.regressors import LinearRegressorModel, Regression
from treefold.ml.linear.solver_params import BY_GRADIENT, GRAM_ROWS
from treefold.ml.linear.training_summary import summary_of
from treefold.ml.params import Option


class RegressionOptions(OffsetOptions, PrivateLinearOptions):
    """Params of LinearRegression and its model."""

    solver = Option(
        "solver", "auto, normal, lbfgs, newton, gd, sgd, localsgd, or dpgd under differential privacy; auto is normal "
        "for squared errors and up to 4096 features",
        Choice("auto", "normal", "lbfgs", "newton", *BY_GRADIENT, "dpgd"), "auto",
    )  # fmt: skip
    loss = Option("loss", "squaredError or huber", Choice("squaredError", "huber"), "squaredError")
    epsilon = Option("epsilon", "where the squares of loss huber end, in scales, > 1", at_least(1 + 1e-12), 1.35)


class LinearRegression(Regression, RegressionOptions, Estimator):
    """Least squares, or Huber's robust regression, with an elastic net.

    Parameters
    ----------
    **values
        Values of params by name; see ``explainParams()``.

    Notes
    -----
    Minimises ``1 / (2 sum_i w_i) * sum_i w_i (x_i . coef + b - y_i)^2 + regParam * ((1 - a) / (2 sd(y)) * |coef|_2^2 +
    a * |coef|_1)`` with ``a = elasticNetParam``. With ``standardization`` the penalty applies to the coefficients of
    standardised features (deviations 1/n). The intercept is not penalised. Because of the label's deviation in the
    formula, ``regParam`` has the meaning that it has in glmnet and pyspark.ml: the strength for a label of unit
    variance.

    With ``loss="huber"`` the loss is :class:`~treefold.algorithms.linear.losses.Huber`, whose scale is fitted as well,
    and ``regParam`` is used unchanged.

    References
    ----------
    Friedman, Hastie & Tibshirani, "Regularization paths for generalized linear models via coordinate descent", Journal
    of Statistical Software 33, 2010.

    Examples
    --------
    >>> from treefold.ml import LinearRegression
    >>> frame = spark.createDataFrame([(0.0, 1.0), (1.0, 3.0), (2.0, 5.0), (3.0, 7.0)], ["x", "label"])
    >>> model = LinearRegression(featuresCol=["x"]).fit(frame)
    >>> model.coefficients.toArray().round(6).tolist(), round(model.intercept, 6)
    ([2.0], 1.0)
    >>> round(model.evaluate(frame).r2, 6)
    1.0
    """

    @property
    def partial_rows(self) -> int:  # type: ignore[override]
        """More rows if the matrix of the products of all features may be summed."""
        return GRAM_ROWS if self.value("solver") in ("auto", "normal", "newton") else 1

    def loss_of(self) -> Loss:
        """The loss to minimise."""
        if self.value("loss") == "squaredError":
            if self.changed("epsilon"):
                raise InputError("loss squaredError reads no epsilon: leave it out, or use loss huber")
            return squared
        if self.bounded:
            raise InputError("loss huber takes no bounds: leave them out, or use squared errors")
        if self.value("solver") in ("normal", "newton"):
            raise InputError(f"loss huber has no solver {self.value('solver')}: use auto, lbfgs or gd")
        return Huber(self.value("epsilon"))

    def numpy_model(self, coef: np.ndarray, link: str) -> LinearModel:
        """The NumPy model; for Huber's loss the second row of ``coef`` is the scale."""
        return LinearModel(coef[:1], link, scale=float(coef[1, -1]) if len(coef) > 1 else 1.0)

    def build_model(self, batch: Batch, passes: list[Pass]) -> "LinearRegressionModel":
        """See :class:`~treefold.ml.base.Trainable`."""
        return LinearRegressionModel(batch.numpy_models[0], summary_of(batch, passes))


class LinearRegressionModel(LinearRegressorModel, RegressionOptions):
    """Fitted :class:`LinearRegression`."""

    @property
    def scale(self) -> float:
        """Scale of the residuals that loss huber has fitted; else 1."""
        return float(self.numpy_model.scale)
