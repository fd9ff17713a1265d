"""Regressions as pyspark.ml Estimators and Models."""

from pyspark.ml import Estimator
from pyspark.ml.linalg import DenseVector
from pyspark.sql import DataFrame

from treefold.algorithms.linear import LinearModel
from treefold.algorithms.survey import survey
from treefold.losses import squared
from treefold.ml.fitting import FitOptions, LinearOptions, fit_one, summary_of
from treefold.ml.model import LinearModelFace


class LinearRegression(FitOptions, Estimator):
    """Least squares with an L2 penalty.

    Minimises ``1 / (2 sum_i w_i) * sum_i w_i (x_i . coef + b - y_i)^2 + regParam / (2 sd(y)) * |coef|^2``, the penalty
    on coefficients of standardised features (deviations 1/n) if ``standardization``, the intercept free. The label's
    deviation under ``regParam`` is how glmnet and pyspark.ml mean it: the strength for a label of unit variance.
    """

    def _fit(self, dataset: DataFrame) -> "LinearRegressionModel":
        with self.open(dataset) as blocks:
            found = survey(blocks, classification=False)
            fitted = fit_one(self, blocks, squared, found, self.value("regParam") / found.moments.label_deviation)
            model = LinearRegressionModel(LinearModel(fitted.coef[0], "identity"), summary_of(fitted, blocks.passes))
            return model.taking(self, self.columns_of(dataset)).trained_on(dataset)


class LinearRegressionModel(LinearModelFace, LinearOptions):
    """Fitted :class:`LinearRegression`."""

    @property
    def coefficients(self) -> DenseVector:
        """Coefficients, ``(features,)``."""
        return DenseVector(self.pure.coef[0, :-1])

    @property
    def intercept(self) -> float:
        """Intercept; 0 without one."""
        return float(self.pure.coef[0, -1])
