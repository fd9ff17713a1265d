"""Poisson regression as a pyspark.ml Estimator and Model."""

from pyspark.ml import Estimator

from treefold.algorithms.linear.losses import Loss, poisson
from treefold.dataset.blocks import Pass
from treefold.ml.base import Batch
from treefold.ml.linear.params import OffsetOptions
from treefold.ml.linear.regressors import LinearRegressorModel, Regression
from treefold.ml.linear.training_summary import summary_of


class PoissonRegression(Regression, Estimator):
    """Regression of counts with a log link and an elastic net.

    pyspark.ml has it as ``GeneralizedLinearRegression(family="poisson")``, scikit-learn as ``PoissonRegressor``.

    Parameters
    ----------
    **values
        Values of params by name; see ``explainParams()``.

    Notes
    -----
    Minimises ``1 / sum_i w_i * sum_i w_i (exp(m_i) - y_i m_i) + regParam * ((1 - a) / 2 * |coef|_2^2 + a * |coef|_1)``
    with ``m_i = x_i . coef + b`` and ``a = elasticNetParam``. The prediction is ``exp(m_i)``.

    References
    ----------
    McCullagh & Nelder, Generalized Linear Models, 2nd ed., 1989, ch. 6.

    Examples
    --------
    >>> from treefold.ml import PoissonRegression
    >>> frame = spark.createDataFrame([(0.0, 1.0), (1.0, 2.0), (2.0, 4.0), (3.0, 8.0)], ["x", "label"])
    >>> model = PoissonRegression(featuresCol=["x"]).fit(frame)
    >>> [round(row.prediction, 1) for row in model.transform(frame).sort("x").collect()]
    [1.0, 2.0, 4.0, 8.0]
    """

    link = "log"

    def loss_of(self) -> Loss:
        """The loss to minimise."""
        return poisson

    def build_model(self, batch: Batch, passes: list[Pass]) -> "PoissonRegressionModel":
        """See :class:`~treefold.ml.base.Trainable`."""
        return PoissonRegressionModel(batch.numpy_models[0], summary_of(batch, passes))


class PoissonRegressionModel(LinearRegressorModel, OffsetOptions):
    """Fitted :class:`PoissonRegression`."""
