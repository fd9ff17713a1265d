"""Classifiers as pyspark.ml Estimators and Models."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
from pyspark.ml import Estimator
from pyspark.ml.linalg import DenseMatrix, DenseVector, Vector
from pyspark.ml.param import TypeConverters

from treefold.algorithms.linear import LinearModel
from treefold.algorithms.survey import Survey, survey
from treefold.blocks import Blocks, Pass
from treefold.errors import InputError
from treefold.iterate import Rungs
from treefold.losses import Hinge, logistic, softmax, squared_hinge
from treefold.ml.base import Batch, LabelOptions
from treefold.ml.fitting import FitOptions, LinearOptions, OffsetOptions, fit_all, smoothing, summary_of
from treefold.ml.model import LinearModelFace
from treefold.ml.options import Option, choice, class_thresholds, factors_by_class, share


class MarginOptions(LabelOptions):
    """The column that a classifier without probabilities writes."""

    rawPredictionCol = Option(
        "rawPredictionCol", "the column of margins by class", TypeConverters.toString, "rawPrediction"
    )


class ClassifierOptions(MarginOptions):
    """The columns a classifier writes."""

    probabilityCol = Option(
        "probabilityCol", "the column of class probabilities", TypeConverters.toString, "probability"
    )


class LogisticOptions(ClassifierOptions, OffsetOptions):
    """How a logistic regression decides."""

    family = Option(
        "family", "auto, binomial or multinomial; auto is binomial for two classes",
        choice("auto", "binomial", "multinomial"), "auto",
    )  # fmt: skip
    threshold = Option("threshold", "the probability above which class 1 is predicted, in [0, 1]", share, 0.5)
    thresholds = Option(
        "thresholds", "a number >= 0 for each class: the greatest probability over its threshold is predicted",
        class_thresholds,
    )  # fmt: skip

    def setParams(self, **values: Any) -> Self:
        """Set params by keyword.

        Raises
        ------
        InputError
            As for every object with params, and if threshold and thresholds do not agree.
        """
        super().setParams(**values)
        if self.isSet("threshold") and self.isSet("thresholds"):
            self.getThreshold()
        return self

    def setThreshold(self, value: float) -> Self:
        """Set threshold and clear thresholds; returns the object."""
        self.clear(self.getParam("thresholds"))
        return self.setParams(threshold=value)

    def setThresholds(self, value: list[float]) -> Self:
        """Set thresholds and clear threshold; returns the object."""
        self.clear(self.getParam("threshold"))
        return self.setParams(thresholds=value)

    def getThreshold(self) -> float:
        """The threshold between two classes: ``1 / (1 + thresholds[0] / thresholds[1])`` where those are set.

        Raises
        ------
        InputError
            If thresholds are not two, or both are set and do not agree.
        """
        if not self.isSet("thresholds"):
            return float(self.getOrDefault("threshold"))
        both = self.getOrDefault("thresholds")
        if len(both) != 2:
            raise InputError(f"thresholds has {len(both)} numbers: a model of two classes takes two")
        found = both[1] / (both[0] + both[1])
        if self.isSet("threshold") and abs(found - self.getOrDefault("threshold")) > 1e-5:
            raise InputError(
                f"threshold is {self.getOrDefault('threshold'):g}, but thresholds say {found:g}: set one of them"
            )
        return float(found)

    def getThresholds(self) -> list[float]:
        """Thresholds by class; of a threshold that is set ``[1 - threshold, threshold]``."""
        if not self.isSet("thresholds") and self.isSet("threshold"):
            threshold = self.getThreshold()
            return [1 - threshold, threshold]
        if not self.isSet("thresholds"):
            raise InputError("neither thresholds nor threshold is set: set one of them")
        return list(self.getOrDefault("thresholds"))

    def deciding(self, model: LinearModel) -> LinearModel:
        """The model with these thresholds.

        Raises
        ------
        InputError
            If there is not one threshold for each class.
        """
        if model.link == "logistic":
            return replace(model, threshold=self.getThreshold())
        if not self.isSet("thresholds"):
            return replace(model, thresholds=None)
        thresholds = tuple(self.getOrDefault("thresholds"))
        if len(thresholds) != model.classes:
            raise InputError(f"thresholds has {len(thresholds)} numbers: the model has {model.classes} classes")
        return replace(model, thresholds=thresholds)


class LinearClassifier(FitOptions):
    """An estimator of a linear classifier."""

    classWeight = Option(
        "classWeight", "balanced, or a map from classes to factors of the weights of their rows", factors_by_class
    )
    labels_are_classes = True

    def survey_of(self, blocks: Blocks) -> tuple[Survey, np.ndarray | None]:
        """Survey of the data, with two classes at least, and the factors of the weights of each class."""
        found = survey(self.trained(blocks), classification=True)
        found = found._replace(classes=np.pad(found.classes, (0, max(0, 2 - len(found.classes)))))
        given, weights = self.value("classWeight"), np.ones(len(found.classes))
        if given is None:
            return found, None
        if given == "balanced":
            seen = found.classes > 0
            return found, np.divide(found.classes.sum() / seen.sum(), found.classes, out=weights, where=seen)
        for label, weight in given.items():
            if int(label) >= len(weights):
                raise InputError(f"classWeight names class {label}, but there are {len(weights)} classes: leave it out")
            weights[int(label)] = weight
        return found, weights


class LogisticRegression(LinearClassifier, LogisticOptions, Estimator):
    """Logistic and softmax regression with an elastic net.

    Minimises ``1 / sum_i w_i * sum_i w_i log-loss_i + regParam * ((1 - a) / 2 * |coef|_2^2 + a * |coef|_1)`` with
    ``a = elasticNetParam``, the penalty on coefficients of standardised features (deviations 1/n) if
    ``standardization``, the intercept free. Labels are 0 .. classes - 1.

    Examples
    --------
    >>> model = LogisticRegression(featuresCol=["x0", "x1"], regParam=0.01).fit(frame)  # doctest: +SKIP
    """

    def fit_batch(self, blocks: Blocks, trials: Sequence["LogisticRegression"], rungs: Rungs | None = None) -> Batch:
        """See :class:`~treefold.ml.base.Trainable`."""
        found, weights = self.survey_of(blocks)
        classes, family = len(found.classes), self.value("family")
        if family == "binomial" and classes > 2:
            raise InputError(f"family is binomial but '{self.value('labelCol')}' has {classes} classes: use auto")
        many = family == "multinomial" or classes > 2
        loss, link = (softmax, "softmax") if many else (logistic, "logistic")
        if many and self.with_offset:
            raise InputError("an offset moves the margins of all classes alike: clear offsetCol, or use two classes")
        return fit_all(self, trials, blocks, loss, found, link, rungs, by_class=weights)

    def pure(self, coef: np.ndarray, link: str) -> LinearModel:
        """The pure model of fitted coefficients."""
        return self.deciding(LinearModel(coef, link))

    def made(self, batch: Batch, passes: list[Pass]) -> "LogisticRegressionModel":
        """See :class:`~treefold.ml.base.Trainable`."""
        return LogisticRegressionModel(batch.pures[0], summary_of(batch, passes))


class LinearClassifierFace(LinearModelFace):
    """A fitted linear classifier."""

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

    def _binomial(self) -> Any:
        if len(self.pure.coef) > 1:
            raise InputError("a multinomial model has no single vector: use coefficientMatrix and interceptVector")
        return self.pure.coef[0]


class LogisticRegressionModel(LinearClassifierFace, LogisticOptions):
    """Fitted :class:`LogisticRegression`."""

    outputs = ("rawPrediction", "probability", "prediction")

    def predictProbability(self, value: Vector) -> DenseVector:
        """Probabilities by class for one vector of features."""
        return DenseVector(self.pure.probability(value.toArray()[None])[0])

    def scoring(self) -> LinearModel:
        """The pure model, with this model's thresholds."""
        return self.deciding(super().scoring())


class SVCOptions(LinearOptions, MarginOptions):
    """What a support vector classifier minimises, and how it decides."""

    loss = Option("loss", "hinge or squaredHinge", choice("hinge", "squaredHinge"), "hinge")
    threshold = Option("threshold", "the margin above which class 1 of two is predicted", TypeConverters.toFloat, 0.0)
    smoothing = smoothing("margins; for loss hinge")


class LinearSVC(LinearClassifier, SVCOptions, Estimator):
    """Linear support vector classifier with an elastic net; of many classes one against the rest, in the same passes.

    Minimises ``1 / sum_i w_i * sum_i w_i max(0, 1 - s_i m_i) + regParam * ((1 - a) / 2 * |coef|_2^2 + a * |coef|_1)``
    with margins ``m_i = x_i . coef + b``, ``s_i`` 1 or -1 and ``a = elasticNetParam``, to within ``smoothing / 2``;
    with ``loss="squaredHinge"`` the squares of those, exactly. Of many classes the greatest margin is predicted.
    """

    def fit_batch(self, blocks: Blocks, trials: Sequence["LinearSVC"], rungs: Rungs | None = None) -> Batch:
        """See :class:`~treefold.ml.base.Trainable`."""
        found, weights = self.survey_of(blocks)
        if self.value("loss") == "hinge" and self.value("solver") == "newton":
            raise InputError("loss hinge has no solver newton: use auto, lbfgs or gd")
        if self.value("loss") == "squaredHinge" and self.changed("smoothing"):
            raise InputError("loss squaredHinge has no kink: leave smoothing out, or use loss hinge")
        loss = squared_hinge if self.value("loss") == "squaredHinge" else Hinge()
        return fit_all(
            self, trials, blocks, loss, found, "margin", rungs, by_class=weights, smoothing=self.value("smoothing")
        )

    def pure(self, coef: np.ndarray, link: str) -> LinearModel:
        """The pure model of fitted coefficients."""
        return LinearModel(coef, link, self.value("threshold"))

    def made(self, batch: Batch, passes: list[Pass]) -> "LinearSVCModel":
        """See :class:`~treefold.ml.base.Trainable`."""
        return LinearSVCModel(batch.pures[0], summary_of(batch, passes))


class LinearSVCModel(LinearClassifierFace, SVCOptions):
    """Fitted :class:`LinearSVC`."""

    outputs = ("rawPrediction", "prediction")

    def scoring(self) -> LinearModel:
        """The pure model, with this model's threshold."""
        return replace(super().scoring(), threshold=self.value("threshold"))
