"""Logistic regression as a pyspark.ml Estimator and Model."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pyspark.ml import Estimator
from pyspark.ml.classification import ProbabilisticClassificationModel, ProbabilisticClassifier
from pyspark.ml.linalg import DenseVector, Vector

from treefold.algorithms.linear import LinearModel
from treefold.algorithms.linear.losses import logistic, softmax
from treefold.dataset.blocks import Blocks, Pass
from treefold.errors import InputError
from treefold.ml.base import Batch
from treefold.ml.class_params import ProbabilityOptions
from treefold.ml.converters import Choice, class_thresholds, share
from treefold.ml.linear.classifiers import LinearClassifier, LinearClassifierModel
from treefold.ml.linear.fitting import fit_all
from treefold.ml.linear.params import OffsetOptions
from treefold.ml.linear.private_fit import PrivateClassOptions, fit_privately
from treefold.ml.linear.training_summary import summary_of
from treefold.ml.params import Option
from treefold.ml.summaries.kinds import LOGISTIC
from treefold.optim.iterate import Rungs
from treefold.optim.status import CONVERGED


class LogisticOptions(ProbabilityOptions, OffsetOptions, PrivateClassOptions):
    """Params of a logistic regression and its model, with their thresholds."""

    family = Option(
        "family", "auto, binomial or multinomial; auto is binomial for two classes",
        Choice("auto", "binomial", "multinomial", any_case=True), "auto",
    )  # fmt: skip
    threshold = Option("threshold", "the probability above which class 1 is predicted, in [0, 1]", share, 0.5)
    thresholds = Option(
        "thresholds", "a number >= 0 for each class: the greatest probability over its threshold is predicted",
        class_thresholds,
    )  # fmt: skip

    def setParams(self, **values: Any) -> Self:
        """Set params by keyword.

        Parameters
        ----------
        **values
            Values of params.

        Returns
        -------
        Self

        Raises
        ------
        InputError
            If there is no such param, a value is not valid, or threshold and thresholds disagree.
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
        """The threshold between two classes; ``1 / (1 + thresholds[0] / thresholds[1])`` if thresholds are set.

        Raises
        ------
        InputError
            If there are not two thresholds, or both params are set and disagree.
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
        """Thresholds by class; ``[1 - threshold, threshold]`` if threshold is set."""
        if not self.isSet("thresholds") and self.isSet("threshold"):
            threshold = self.getThreshold()
            return [1 - threshold, threshold]
        if not self.isSet("thresholds"):
            raise InputError("neither thresholds nor threshold is set: set one of them")
        return list(self.getOrDefault("thresholds"))

    def deciding(self, model: LinearModel) -> LinearModel:
        """The model with these thresholds; InputError unless there is one for each class."""
        if model.link == "logistic":
            return replace(model, threshold=self.getThreshold())
        if not self.isSet("thresholds"):
            return replace(model, thresholds=None)
        thresholds = tuple(self.getOrDefault("thresholds"))
        if len(thresholds) != model.classes:
            raise InputError(f"thresholds has {len(thresholds)} numbers: the model has {model.classes} classes")
        return replace(model, thresholds=thresholds)


@ProbabilisticClassifier.register
class LogisticRegression(LinearClassifier, LogisticOptions, Estimator):
    """Logistic and softmax regression with an elastic net.

    Labels are 0 .. classes - 1. If only one label occurs, it is predicted with probability 1, as in MLlib, unless there
    are bounds or no intercept.

    Parameters
    ----------
    **values
        Values of params by name; see ``explainParams()``.

    Notes
    -----
    Minimises ``1 / sum_i w_i * sum_i w_i log-loss_i + regParam * ((1 - a) / 2 * |coef|_2^2 + a * |coef|_1)`` with
    ``a = elasticNetParam``. With ``standardization`` the penalty applies to the coefficients of standardised features
    (deviations 1/n). The intercept is not penalised.

    References
    ----------
    Friedman, Hastie & Tibshirani, "Regularization paths for generalized linear models via coordinate descent", Journal
    of Statistical Software 33, 2010.

    Examples
    --------
    >>> from treefold.ml import LogisticRegression
    >>> rows = [(-2.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (1.0, 0.0), (2.0, 1.0), (3.0, 1.0)]
    >>> frame = spark.createDataFrame(rows, ["x", "label"])
    >>> model = LogisticRegression(featuresCol=["x"], regParam=0.1).fit(frame)
    >>> model.coefficients.size, model.numClasses
    (1, 2)
    >>> [row.prediction for row in model.transform(frame).sort("x").collect()]
    [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    >>> model.evaluate(frame).accuracy > 0.6
    True
    """

    def fit_batch(self, blocks: Blocks, trials: Sequence["LogisticRegression"], rungs: Rungs | None = None) -> Batch:
        """See :class:`~treefold.ml.base.Trainable`."""
        if self.private:
            many = self.value("family") == "multinomial" or self.private_classes > 2
            loss, link = (softmax, "softmax") if many else (logistic, "logistic")
            return fit_privately(self, trials, blocks, loss, link, self.private_classes)
        found, weights = self.data_summary_of(blocks)
        classes, family = len(found.classes), self.value("family")
        if family == "binomial" and classes > 2:
            raise InputError(f"family is binomial but '{self.value('labelCol')}' has {classes} classes: use auto")
        many = family == "multinomial" or classes > 2
        loss, link = (softmax, "softmax") if many else (logistic, "logistic")
        if many and self.with_offset:
            raise InputError("an offset moves the margins of all classes alike: clear offsetCol, or use two classes")
        occurring = np.flatnonzero(found.classes if weights is None else found.classes * weights)
        if len(occurring) == 1 and self.value("fitIntercept") and not self.bounded:
            return self._certain(trials, int(occurring[0]), classes if many else 1, blocks.features, link)
        return fit_all(self, trials, blocks, loss, found, link, rungs, by_class=weights)

    def _certain(
        self, trials: Sequence["LogisticRegression"], label: int, outputs: int, features: int, link: str
    ) -> Batch:
        """The limit of fits to a single label, which have no optimum: as in MLlib, that label has probability 1."""
        logging.getLogger(__name__).warning(
            "every row of '%s' has label %d: coefficients are 0, an intercept is infinite, and %d is always predicted",
            self.value("labelCol"), label, label,
        )  # fmt: skip
        coef, models = np.zeros((outputs, features + 1)), len(trials)
        coef[label if outputs > 1 else 0, -1] = np.inf if label or outputs > 1 else -np.inf
        numpy_models = [replace(trial.numpy_model(coef, link), with_offset=self.with_offset) for trial in trials]
        return Batch(
            numpy_models, [[0.0]] * models, np.zeros(models, int), np.full(models, CONVERGED), [([], None)] * models
        )

    def numpy_model(self, coef: NDArray, link: str) -> LinearModel:
        """The NumPy model of fitted coefficients."""
        return self.deciding(LinearModel(coef, link))

    def build_model(self, batch: Batch, passes: list[Pass]) -> "LogisticRegressionModel":
        """See :class:`~treefold.ml.base.Trainable`."""
        return LogisticRegressionModel(batch.numpy_models[0], summary_of(batch, passes))


@ProbabilisticClassificationModel.register
class LogisticRegressionModel(LinearClassifierModel, LogisticOptions):
    """Fitted :class:`LogisticRegression`."""

    outputs = ("rawPrediction", "probability", "prediction")
    summary_kinds = LOGISTIC

    def predictProbability(self, value: Vector) -> DenseVector:
        """Probabilities by class for one vector of features."""
        return DenseVector(self.numpy_model.probability(value.toArray()[None])[0])

    def scoring(self) -> LinearModel:
        """The NumPy model with this model's thresholds."""
        return self.deciding(super().scoring())
