"""How far a regression is off, and how sure its coefficients are."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql.functions import col

from treefold.algorithms.linear.inference import MOST_FEATURES, Inference, infer
from treefold.errors import InputError
from treefold.metrics import regression
from treefold.metrics.predictions import Statistic
from treefold.metrics.regression import Errors, Residuals
from treefold.ml.base import chart
from treefold.ml.summaries.base import Summary, known

QUARTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
BARS, POINTS = 40, 30


class RegressionSummary(Summary):
    """A regression on a labelled data set. Without an intercept R2 is that through the origin, as in pyspark.ml."""

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
        return known(regression.r2(self._errors, not self.model.value("fitIntercept"))[0])

    @property
    def r2adj(self) -> float | None:
        """R2 for the degrees of freedom that are left."""
        if self.r2 is None or self.degreesOfFreedom <= 0:
            return None
        return 1 - (1 - self.r2) * (self.rows - bool(self.model.value("fitIntercept"))) / self.degreesOfFreedom

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

    @property
    def degreesOfFreedom(self) -> int:
        """Rows less coefficients, the intercept among them."""
        return self.rows - int(self.model.numFeatures) - bool(self.model.value("fitIntercept"))

    @property
    def coefficientStandardErrors(self) -> list[float]:
        """Standard errors of the coefficients, the intercept's last if there is one: two more passes.

        Raises
        ------
        InputError
            If the fit was penalised, features are collinear or more than 4096, or no degree of freedom is left.
        """
        return self._inference.errors.tolist()

    @property
    def tValues(self) -> list[float]:
        """Coefficients over their standard errors."""
        return self._inference.t.tolist()

    @property
    def pValues(self) -> list[float]:
        """Two-sided chance of as large a t if the coefficient were 0."""
        return self._inference.p.tolist()

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

    @cached_property
    def _inference(self) -> Inference:
        self._check_inference()
        squares = self._errors.residual.squares_about(np.zeros(1))[0]
        with self.model.open(self.data) as blocks:
            return infer(
                blocks,
                self.model.pure.coef[0],
                intercept=self.model.value("fitIntercept"),
                variance=float(squares) / self.degreesOfFreedom,
                freedom=self.degreesOfFreedom,
            )

    def _check_inference(self) -> None:
        if self.model.value("regParam") > 0:
            raise InputError("standard errors are those of least squares: fit with regParam = 0 to have them")
        if self.model.numFeatures > MOST_FEATURES:
            raise InputError(f"standard errors take a matrix of features squared: at most {MOST_FEATURES} features")
        if self.degreesOfFreedom <= 0:
            raise InputError(f"{self.rows} rows leave no degree of freedom for standard errors: give more rows")

    def _statistics(self) -> tuple[Statistic, ...]:
        return (regression.errors, regression.residuals)

    def _check(self, sums: Any) -> None:
        if not sums[0].label.weight[0] > 0:
            raise InputError("every row has weight 0: give at least one row a positive weight")

    def _histogram(self) -> dict[str, Any]:
        tally = self._residuals.residual[0]
        heights, edges = np.histogram(tally.value, BARS, weights=tally.weight[0])
        middles = (edges[1:] + edges[:-1]) / 2
        return chart(
            "Residuals", "label less prediction", "weight of rows", {"rows": (middles.tolist(), heights.tolist())},
            kind="bar",
        )  # fmt: skip

    def _agreement(self) -> dict[str, Any]:
        """Mean label of rows of about the same prediction."""
        tally = self._residuals.predicted[0]
        weight, label = tally.weight
        group = np.minimum((np.cumsum(weight) - weight / 2) * POINTS // weight.sum(), POINTS - 1).astype(int)
        total, values, labels = (np.bincount(group, part) for part in (weight, weight * tally.value, label))
        some = total > 0
        x, y = values[some] / total[some], labels[some] / total[some]
        ends = [float(x.min()), float(x.max())]
        lines = {"mean label": (x.tolist(), y.tolist()), "label = prediction": (ends, ends)}
        return chart("Labels by prediction", "prediction", "mean label", lines)
