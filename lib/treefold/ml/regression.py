"""Regressions as pyspark.ml Estimators and Models."""

from collections.abc import Sequence

from pyspark.ml import Estimator
from pyspark.ml.linalg import DenseVector

from treefold.algorithms.survey import survey
from treefold.blocks import Blocks, Pass
from treefold.iterate import Rungs
from treefold.losses import squared
from treefold.ml.base import Batch
from treefold.ml.fitting import FitOptions, LinearOptions, fit_all, summary_of
from treefold.ml.model import LinearModelFace


class LinearRegression(FitOptions, Estimator):
    """Least squares with an elastic net.

    Minimises ``1 / (2 sum_i w_i) * sum_i w_i (x_i . coef + b - y_i)^2 + regParam * ((1 - a) / (2 sd(y)) * |coef|_2^2 +
    a * |coef|_1)`` with ``a = elasticNetParam``, the penalty on coefficients of standardised features (deviations 1/n)
    if ``standardization``, the intercept free. The label's deviation under the squares is how glmnet and pyspark.ml
    mean ``regParam``: the strength for a label of unit variance.
    """

    def fit_batch(self, blocks: Blocks, trials: Sequence["LinearRegression"], rungs: Rungs | None = None) -> Batch:
        """See :class:`~treefold.ml.base.Trainable`."""
        found = survey(blocks, classification=False)
        unit = found.moments.label_deviation
        return fit_all(self, trials, blocks, squared, found, "identity", label_unit=unit, rungs=rungs)

    def made(self, batch: Batch, passes: list[Pass]) -> "LinearRegressionModel":
        """See :class:`~treefold.ml.base.Trainable`."""
        return LinearRegressionModel(batch.pures[0], summary_of(batch, passes))


class LinearRegressionModel(LinearModelFace, LinearOptions):
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
