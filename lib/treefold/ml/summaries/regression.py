"""Summaries of regressions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pyspark.ml.functions import vector_to_array
from pyspark.ml.linalg import VectorUDT
from pyspark.sql import DataFrame
from pyspark.sql.functions import zip_with
from pyspark.sql.types import ArrayType

from treefold.engine.reading.columns import column_named
from treefold.errors import InputError
from treefold.metrics import regression
from treefold.metrics.predictions import Statistic
from treefold.metrics.regression import Errors, Residuals
from treefold.ml.summaries.base import Summary
from treefold.report.charts import BarChart, Chart, LineChart

QUARTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
BARS, POINTS = 40, 30


class RegressionSummary(Summary):
    """A regression on a labelled data set.

    Of a model of several outputs, figures are means over the outputs, and residuals are those of all of them.
    """

    reported = ("rows", "rmse", "mae", "r2")

    @property
    def rows(self) -> int:
        """Rows of positive weight."""
        return int(self._errors.rows[0])

    numInstances = rows

    @property
    def meanSquaredError(self) -> float:
        """Mean squared residual."""
        return float(regression.mse(self._errors).mean())

    @property
    def rootMeanSquaredError(self) -> float:
        """Root of the mean squared residual."""
        return float(regression.rmse(self._errors).mean())

    @property
    def meanAbsoluteError(self) -> float:
        """Mean absolute residual."""
        return float(regression.mae(self._errors).mean())

    mse, rmse, mae = meanSquaredError, rootMeanSquaredError, meanAbsoluteError

    @property
    def r2(self) -> float:
        """Share of the label's variance that is explained; NaN if the label does not vary."""
        return float(regression.r2(self._errors).mean())

    @property
    def explainedVariance(self) -> float:
        """Mean square of the predictions about the mean label."""
        return float(regression.explained_variance(self._errors).mean())

    @property
    def residuals(self) -> DataFrame:
        """Label minus prediction of each row: ``residuals``."""
        found = self.predictions
        label, prediction = (column_named(found, name) for name in (self.labelCol, self.predictionCol))
        kind = found.schema[self.predictionCol].dataType
        if not isinstance(kind, ArrayType):
            return found.select((label - prediction).alias("residuals"))
        if isinstance(found.select(label).schema[0].dataType, VectorUDT):
            label = vector_to_array(label)
        return found.select(zip_with(label, prediction, lambda truth, said: truth - said).alias("residuals"))

    @property
    def devianceResiduals(self) -> list[float]:
        """Least and greatest residual times the square root of its weight."""
        deviance = self._errors.deviance
        return [float(deviance.low.min()), float(deviance.high.max())]

    def residualQuantiles(self, shares: Sequence[float] = QUARTILES) -> list[float]:
        """Quantiles of the residuals.

        Beyond 16,384 distinct residuals they are exact to the width of a bin, and the extremes are exact.
        """
        found = self._residuals.residual.sum().quantile(np.array(shares))
        ends = self._errors.residual
        return [
            float(ends.low.min() if share <= 0 else ends.high.max() if share >= 1 else value)
            for share, value in zip(shares, found, strict=True)
        ]

    def charts(self) -> list[Chart]:
        """Charts of the residuals, and of labels against predictions."""
        return [self._histogram(), self._agreement()]

    @property
    def _errors(self) -> Errors:
        sums: Errors = self._measured[0][0]
        return sums

    @property
    def _residuals(self) -> Residuals:
        sums: Residuals = self._measured[0][1]
        return sums

    def _statistics(self) -> tuple[Statistic, ...]:
        return (regression.errors, regression.residuals)

    def _check(self, sums: Any) -> None:
        if not sums[0].label.weight[0] > 0:
            raise InputError("every row has weight 0: give at least one row a positive weight")

    def _histogram(self) -> BarChart:
        sketch = self._residuals.residual.sum()
        heights, edges = np.histogram(sketch.value, BARS, weights=sketch.weight[0])
        middles = (edges[1:] + edges[:-1]) / 2
        bars = {"rows": (middles.tolist(), heights.tolist())}
        return BarChart("Residuals", "label less prediction", "weight of rows", bars)

    def _agreement(self) -> LineChart:
        """Chart of the mean label of rows of about the same prediction."""
        sketch = self._residuals.predicted.sum()
        weight, label = sketch.weight
        group = np.minimum((np.cumsum(weight) - weight / 2) * POINTS // weight.sum(), POINTS - 1).astype(int)
        total, values, labels = (np.bincount(group, part) for part in (weight, weight * sketch.value, label))
        some = total > 0
        x, y = values[some] / total[some], labels[some] / total[some]
        ends = [float(x.min()), float(x.max())]
        lines = {"mean label": (x.tolist(), y.tolist()), "label = prediction": (ends, ends)}
        return LineChart("Labels by prediction", "prediction", "mean label", lines)
