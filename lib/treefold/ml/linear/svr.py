"""Linear support vector regression as a pyspark.ml Estimator and Model."""

from pyspark.ml import Estimator

from treefold.algorithms.linear.losses import EpsilonInsensitive, Loss
from treefold.dataset.blocks import Pass
from treefold.ml.base import Batch
from treefold.ml.converters import Choice, at_least
from treefold.ml.linear.params import OffsetOptions, smoothing
from treefold.ml.linear.regressors import LinearRegressorModel, Regression
from treefold.ml.linear.solver_params import BY_GRADIENT
from treefold.ml.linear.training_summary import summary_of
from treefold.ml.params import Option


class SVROptions(OffsetOptions):
    """Params of LinearSVR and its model."""

    solver = Option(
        "solver", "auto, lbfgs, gd, sgd or localsgd; auto is lbfgs", Choice("auto", "lbfgs", *BY_GRADIENT), "auto"
    )
    epsilon = Option("epsilon", "the error up to which the loss is 0, in units of the label, >= 0", at_least(0), 0.0)
    smoothing = smoothing("deviations of the label")


class LinearSVR(Regression, SVROptions, Estimator):
    """Linear support vector regression, with an elastic net.

    Parameters
    ----------
    **values
        Values of params by name; see ``explainParams()``.

    Notes
    -----
    Minimises the mean of ``max(0, |x_i . coef + b - y_i| - epsilon)`` plus the penalty of :class:`PoissonRegression`,
    to within ``smoothing / 2`` deviations of the label.

    References
    ----------
    Smola & Schölkopf, "A tutorial on support vector regression", Statistics and Computing 14, 2004.

    Examples
    --------
    >>> from treefold.ml import LinearSVR
    >>> frame = spark.createDataFrame([(0.0, 1.0), (1.0, 3.0), (2.0, 5.0), (3.0, 7.0)], ["x", "label"])
    >>> model = LinearSVR(featuresCol=["x"]).fit(frame)
    >>> model.coefficients.toArray().round(1).tolist(), round(model.intercept, 1)
    ([2.0], 1.0)
    """

    def loss_of(self) -> Loss:
        """The loss to minimise."""
        return EpsilonInsensitive(self.value("epsilon"))

    def build_model(self, batch: Batch, passes: list[Pass]) -> "LinearSVRModel":
        """See :class:`~treefold.ml.base.Trainable`."""
        return LinearSVRModel(batch.numpy_models[0], summary_of(batch, passes))


class LinearSVRModel(LinearRegressorModel, SVROptions):
    """Fitted :class:`LinearSVR`."""
