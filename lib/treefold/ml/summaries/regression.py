"""How far a regression is off."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql.functions import col

from treefold.errors import InputError
from treefold.metrics import regression
from treefold.metrics.predictions import Statistic
from treefold.metrics.regression import Errors, Residuals
from treefold.ml.base import chart
from treefold.ml.summaries.base import Summary, known

QUARTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
BARS, POINTS = 40, 30


class RegressionSummary(Summary):
    """A regression on a labelled data set."""

    reported = ("rows", "rmse", "mae", "r2")

    @property
    def rows(self) -> int:
        """Rows of positive weight."""
        return int(self._errors.rows[0])

    numInstances = rows

    @property
    def meanSquaredError(self) -> float:
        """Mean squared residual."""
        return float(regression.mse(self._errors)[0])

    @property
    def rootMeanSquaredError(self) -> float:
        """Root of the mean squared residual."""
        return float(regression.rmse(self._errors)[0])

    @property
    def meanAbsoluteError(self) -> float:
        """Mean absolute residual."""
        return float(regression.mae(self._errors)[0])

    mse, rmse, mae = meanSquaredError, rootMeanSquaredError, meanAbsoluteError

    @property
    def r2(self) -> float | None:
        """Share of the label's variance that is explained; None where the label does not vary."""
        return known(regression.r2(self._errors)[0])

    @property
    def explainedVariance(self) -> float:
        """Mean square of the predictions about the mean label."""
        return float(regression.explained_variance(self._errors)[0])

    @property
    def residuals(self) -> DataFrame:
        """Label less prediction, row by row: ``residuals``."""
        return self.predictions.select((col(self.labelCol) - col(self.predictionCol)).alias("residuals"))

    @property
    def devianceResiduals(self) -> list[float]:
        """Least and greatest residual times the root of its weight."""
        deviance = self._errors.deviance
        return [float(deviance.low[0]), float(deviance.high[0])]

    def residualQuantiles(self, shares: Sequence[float] = QUARTILES) -> list[float]:
        """Quantiles of the residuals; beyond 16,384 different ones to the width of a bin, but for the extremes."""
        found = self._residuals.residual[0].quantile(np.array(shares))
        ends = self._errors.residual
        return [
            float(ends.low[0] if share <= 0 else ends.high[0] if share >= 1 else value)
            for share, value in zip(shares, found, strict=True)
        ]

    def charts(self) -> list[dict[str, Any]]:
        """Residuals, and labels against predictions."""
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

    def _histogram(self) -> dict[str, Any]:
        sketch = self._residuals.residual[0]
        heights, edges = np.histogram(sketch.value, BARS, weights=sketch.weight[0])
        middles = (edges[1:] + edges[:-1]) / 2
        return chart(
            "Residuals", "label less prediction", "weight of rows", {"rows": (middles.tolist(), heights.tolist())},
            kind="bar",
        )  # fmt: skip

    def _agreement(self) -> dict[str, Any]:
        """Mean label of rows of about the same prediction."""
        sketch = self._residuals.predicted[0]
        weight, label = sketch.weight
        group = np.minimum((np.cumsum(weight) - weight / 2) * POINTS // weight.sum(), POINTS - 1).astype(int)
        total, values, labels = (np.bincount(group, part) for part in (weight, weight * sketch.value, label))
        some = total > 0
        x, y = values[some] / total[some], labels[some] / total[some]
        ends = [float(x.min()), float(x.max())]
        lines = {"mean label": (x.tolist(), y.tolist()), "label = prediction": (ends, ends)}
        return chart("Labels by prediction", "prediction", "mean label", lines)
