"""The summary of a linear regression, with standard errors of its coefficients."""

from functools import cached_property
from typing import Any

import numpy as np

from treefold.algorithms.linear.gram import Gram, gram
from treefold.algorithms.linear.inference import MOST_FEATURES, Inference, infer
from treefold.errors import InputError
from treefold.metrics import regression
from treefold.ml.summaries.regression import RegressionSummary


class LinearRegressionSummary(RegressionSummary):
    """A linear regression on a labelled data set."""

    @property
    def r2(self) -> float:
        """Share of the label's variance that is explained, or without an intercept of its squares, as in pyspark.ml.

        NaN if the label does not vary.
        """
        return float(regression.r2(self._errors, through_origin=not self.model.value("fitIntercept"))[0])

    @property
    def r2adj(self) -> float:
        """R2 adjusted for the degrees of freedom; NaN if none are left or the label does not vary."""
        if self.degreesOfFreedom <= 0:
            return float("nan")
        return 1 - (1 - self.r2) * (self.rows - bool(self.model.value("fitIntercept"))) / self.degreesOfFreedom

    @property
    def degreesOfFreedom(self) -> int:
        """Number of rows minus number of coefficients, including the intercept."""
        return self.rows - int(self.model.numFeatures) - bool(self.model.value("fitIntercept"))

    @property
    def coefficientStandardErrors(self) -> list[float]:
        """Standard errors of the coefficients; that of the intercept, if there is one, is last.

        They need the products of the features. A fit by normal equations has them for its own rows; otherwise they take
        one more pass.

        Raises
        ------
        InputError
            If the fit is not one of least squares or was penalised, features are collinear or more than 4096, or no
            degree of freedom is left.
        """
        return self._inference.errors.tolist()

    @property
    def tValues(self) -> list[float]:
        """Coefficients divided by their standard errors."""
        return self._inference.t.tolist()

    @property
    def pValues(self) -> list[float]:
        """Two-sided p values: the probability of a t at least as large if the coefficient were 0."""
        return self._inference.p.tolist()

    @cached_property
    def _inference(self) -> Inference:
        self._check_inference()
        squares = self._errors.residual.squares_about(np.zeros(1))[0]
        return infer(
            self._products(),
            self.model.numpy_model.coef[0],
            intercept=self.model.value("fitIntercept"),
            variance=float(squares) / self.degreesOfFreedom,
            freedom=self.degreesOfFreedom,
        )

    def _products(self) -> Gram:
        with self.model.open(self.data) as blocks:
            found: Any = gram(blocks, MOST_FEATURES)
            return found

    def _check_inference(self) -> None:
        if not self.model.hasParam("loss") or self.model.value("loss") != "squaredError":
            raise InputError("standard errors are those of least squares, and this is a fit of another loss")
        if self.model.value("regParam") > 0:
            raise InputError("standard errors are those of least squares: fit with regParam = 0 to have them")
        if self.model.numFeatures > MOST_FEATURES:
            raise InputError(f"standard errors take a matrix of features squared: at most {MOST_FEATURES} features")
        if self.degreesOfFreedom <= 0:
            raise InputError(f"{self.rows} rows leave no degree of freedom for standard errors: give more rows")
