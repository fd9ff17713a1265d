"""Regressions as pyspark.ml Estimators and Models."""

from pyspark.ml import Estimator
from pyspark.ml.linalg import DenseVector
from pyspark.sql import DataFrame

from treefold.algorithms.linear import LinearModel
from treefold.algorithms.survey import survey
from treefold.losses import squared
from treefold.ml.base import LabelOptions
from treefold.ml.evaluation import Evaluation, evaluate
from treefold.ml.fitting import FitOptions, fit_one, summary_of
from treefold.ml.model import LinearModelFace


class LinearRegression(FitOptions, Estimator):
    """Least squares with an elastic net.

    Minimises ``1 / (2 sum_i w_i) * sum_i w_i (x_i . coef + b - y_i)^2 + regParam * ((1 - a) / (2 sd(y)) * |coef|_2^2 +
    a * |coef|_1)`` with ``a = elasticNetParam``, the penalty on coefficients of standardised features (deviations 1/n)
    if ``standardization``, the intercept free. The label's deviation under the squares is how glmnet and pyspark.ml
    mean ``regParam``: the strength for a label of unit variance.
    """

    def _fit(self, dataset: DataFrame) -> "LinearRegressionModel":
        with self.open(dataset) as blocks:
            found = survey(blocks, classification=False)
            fitted = fit_one(self, blocks, squared, found, found.moments.label_deviation)
            model = LinearRegressionModel(LinearModel(fitted.coef[0], "identity"), summary_of(fitted, blocks.passes))
            return model.taking(self, self.columns_of(dataset))


class LinearRegressionModel(LinearModelFace, LabelOptions):
    """Fitted :class:`LinearRegression`."""

    reads_sparse = True

    @property
    def coefficients(self) -> DenseVector:
        """Coefficients, ``(features,)``."""
        return DenseVector(self.pure.coef[0, :-1])

    @property
    def intercept(self) -> float:
        """Intercept; 0 without one."""
        return float(self.pure.coef[0, -1])

    def evaluate(self, dataset: DataFrame) -> Evaluation:
        """Root mean squared error, mean absolute error and R2: two passes."""
        return evaluate(self, dataset)
