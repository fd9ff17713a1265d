"""Classifiers as pyspark.ml Estimators and Models."""

from typing import Any

import numpy as np
from pyspark.ml import Estimator
from pyspark.ml.linalg import DenseMatrix, DenseVector, Vector
from pyspark.ml.param import TypeConverters
from pyspark.sql import DataFrame

from treefold.algorithms.linear import LinearModel
from treefold.algorithms.survey import survey
from treefold.errors import InputError
from treefold.losses import logistic, softmax
from treefold.ml.base import LabelOptions
from treefold.ml.evaluation import Evaluation, evaluate
from treefold.ml.fitting import FitOptions, fit_one, summary_of
from treefold.ml.model import LinearModelFace
from treefold.ml.options import Option, choice, share


class ClassifierOptions(LabelOptions):
    """The columns a classifier writes, and how it decides."""

    probabilityCol = Option(
        "probabilityCol", "the column of class probabilities", TypeConverters.toString, "probability"
    )
    rawPredictionCol = Option(
        "rawPredictionCol", "the column of margins by class", TypeConverters.toString, "rawPrediction"
    )
    threshold = Option("threshold", "the probability above which class 1 is predicted, in [0, 1]", share, 0.5)


class LogisticRegression(FitOptions, ClassifierOptions, Estimator):
    """Logistic and softmax regression with an elastic net.

    Minimises ``1 / sum_i w_i * sum_i w_i log-loss_i + regParam * ((1 - a) / 2 * |coef|_2^2 + a * |coef|_1)`` with
    ``a = elasticNetParam``, the penalty on coefficients of standardised features (deviations 1/n) if
    ``standardization``, the intercept free. Labels are 0 .. classes - 1.

    Examples
    --------
    >>> model = LogisticRegression(featuresCol=["x0", "x1"], regParam=0.01).fit(frame)  # doctest: +SKIP
    """

    family = Option(
        "family", "auto, binomial or multinomial; auto is binomial for two classes",
        choice("auto", "binomial", "multinomial"), "auto",
    )  # fmt: skip

    labels_are_classes = True

    def _fit(self, dataset: DataFrame) -> "LogisticRegressionModel":
        with self.open(dataset) as blocks:
            found = survey(blocks, classification=True)
            found = found._replace(classes=np.pad(found.classes, (0, max(0, 2 - len(found.classes)))))
            classes, family = len(found.classes), self.value("family")
            if family == "binomial" and classes > 2:
                raise InputError(f"family is binomial but '{self.value('labelCol')}' has {classes} classes: use auto")
            many = family == "multinomial" or classes > 2
            fitted = fit_one(self, blocks, softmax if many else logistic, found)
            pure = LinearModel(fitted.coef[0], "softmax" if many else "logistic", self.value("threshold"))
            model = LogisticRegressionModel(pure, summary_of(fitted, blocks.passes))
            return model.taking(self, self.columns_of(dataset))


class LogisticRegressionModel(LinearModelFace, ClassifierOptions):
    """Fitted :class:`LogisticRegression`."""

    reads_sparse = True

    outputs = ("rawPrediction", "probability", "prediction")

    @property
    def numClasses(self) -> int:
        """Number of classes."""
        return self.pure.classes

    @property
    def coefficientMatrix(self) -> DenseMatrix:
        """Coefficients, ``(outputs, features)``; one output for a binomial model."""
        coef = self.pure.coef[:, :-1]
        rows, columns = coef.shape
        return DenseMatrix(rows, columns, coef.T.ravel())

    @property
    def interceptVector(self) -> DenseVector:
        """Intercepts, ``(outputs,)``."""
        return DenseVector(self.pure.coef[:, -1])

    @property
    def coefficients(self) -> DenseVector:
        """Coefficients of a binomial model."""
        return DenseVector(self._binomial()[:-1])

    @property
    def intercept(self) -> float:
        """Intercept of a binomial model."""
        return float(self._binomial()[-1])

    def predictRaw(self, value: Vector) -> DenseVector:
        """Margins by class for one vector of features."""
        return DenseVector(self.pure.margin(value.toArray()[None])[0])

    def predictProbability(self, value: Vector) -> DenseVector:
        """Probabilities by class for one vector of features."""
        return DenseVector(self.pure.probability(value.toArray()[None])[0])

    def evaluate(self, dataset: DataFrame) -> Evaluation:
        """Log-loss, accuracy, precision and recall by label, confusion matrix: one pass."""
        return evaluate(self, dataset)

    def scoring(self) -> LinearModel:
        """The pure model, with this model's threshold."""
        return LinearModel(self.pure.coef, self.pure.link, self.value("threshold"))

    def _binomial(self) -> Any:
        if self.pure.link != "logistic":
            raise InputError("a multinomial model has no single vector: use coefficientMatrix and interceptVector")
        return self.pure.coef[0]
