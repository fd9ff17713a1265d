"""Quantile regression as a pyspark.ml Estimator and Model."""

from pyspark.ml import Estimator

from treefold.algorithms.linear.losses import Loss, Quantile
from treefold.dataset.blocks import Pass
from treefold.ml.base import Batch
from treefold.ml.converters import Choice, between
from treefold.ml.linear.params import OffsetOptions, smoothing
from treefold.ml.linear.regressors import LinearRegressorModel, Regression
from treefold.ml.linear.solver_params import BY_GRADIENT
from treefold.ml.linear.training_summary import summary_of
from treefold.ml.params import Option


class QuantileOptions(OffsetOptions):
    """Params of QuantileRegression and its model."""

    solver = Option(
        "solver", "auto, lbfgs, gd, sgd or localsgd; auto is lbfgs", Choice("auto", "lbfgs", *BY_GRADIENT), "auto"
    )
    quantile = Option("quantile", "the quantile to predict, within (0, 1)", between(0, 1), 0.5)
    smoothing = smoothing("deviations of the label")


class QuantileRegression(Regression, QuantileOptions, Estimator):
    """Regression of a quantile of the label, with an elastic net.

    Parameters
    ----------
    **values
        Values of params by name; see ``explainParams()``.

    Notes
    -----
    Minimises the mean of :class:`~treefold.algorithms.linear.losses.Quantile` plus the penalty of
    :class:`PoissonRegression`, to within ``smoothing / 2`` deviations of the label.

    References
    ----------
    Koenker & Bassett, "Regression quantiles", Econometrica 46, 1978.

    Examples
    --------
    >>> from treefold.ml import QuantileRegression
    >>> frame = spark.createDataFrame([(1.0, float(y)) for y in range(11)], ["x", "label"])
    >>> model = QuantileRegression(featuresCol=["x"], quantile=0.8).fit(frame)
    >>> round(model.intercept)
    8
    """

    def loss_of(self) -> Loss:
        """The loss to minimise."""
        return Quantile(self.value("quantile"))

    def build_model(self, batch: Batch, passes: list[Pass]) -> "QuantileRegressionModel":
        """See :class:`~treefold.ml.base.Trainable`."""
        return QuantileRegressionModel(batch.numpy_models[0], summary_of(batch, passes))


class QuantileRegressionModel(LinearRegressorModel, QuantileOptions):
    """Fitted :class:`QuantileRegression`."""
