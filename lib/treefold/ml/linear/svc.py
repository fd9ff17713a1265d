"""The linear support vector classifier as a pyspark.ml Estimator and Model."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from pyspark.ml import Estimator

from treefold.algorithms.linear import LinearModel
from treefold.algorithms.linear.losses import Hinge, squared_hinge
from treefold.dataset.blocks import Blocks, Pass
from treefold.errors import InputError
from treefold.ml.base import Batch
from treefold.ml.class_params import ClassOptions
from treefold.ml.converters import Choice, number_or_infinity
from treefold.ml.linear.classifiers import LinearClassifier, LinearClassifierModel
from treefold.ml.linear.fitting import fit_all
from treefold.ml.linear.params import LinearOptions, smoothing
from treefold.ml.linear.private_fit import PrivateClassOptions, fit_privately
from treefold.ml.linear.training_summary import summary_of
from treefold.ml.params import Option
from treefold.ml.summaries.kinds import SVC
from treefold.optim.iterate import Rungs


class SVCOptions(ClassOptions, LinearOptions, PrivateClassOptions):
    """Params of LinearSVC and its model."""

    loss = Option("loss", "hinge or squaredHinge", Choice("hinge", "squaredHinge"), "hinge")
    threshold = Option("threshold", "the margin above which class 1 of two is predicted", number_or_infinity, 0.0)
    smoothing = smoothing("margins; for loss hinge")


class LinearSVC(LinearClassifier, SVCOptions, Estimator):
    """Linear support vector classifier with an elastic net.

    Several classes are fitted one versus rest, in the same passes.

    Parameters
    ----------
    **values
        Values of params by name; see ``explainParams()``.

    Notes
    -----
    Minimises ``1 / sum_i w_i * sum_i w_i max(0, 1 - s_i m_i) + regParam * ((1 - a) / 2 * |coef|_2^2 + a * |coef|_1)``
    with margins ``m_i = x_i . coef + b``, ``s_i`` 1 or -1 and ``a = elasticNetParam``, to within ``smoothing / 2``.
    With ``loss="squaredHinge"`` the hinges are squared, and the minimum is exact. Of several classes the one of
    greatest margin is predicted.

    References
    ----------
    Cortes & Vapnik, "Support-vector networks", Machine Learning 20, 1995.

    Examples
    --------
    >>> from treefold.ml import LinearSVC
    >>> frame = spark.createDataFrame([(-2.0, 0.0), (-1.0, 0.0), (1.0, 1.0), (2.0, 1.0)], ["x", "label"])
    >>> model = LinearSVC(featuresCol=["x"], regParam=0.01).fit(frame)
    >>> [row.prediction for row in model.transform(frame).sort("x").collect()]
    [0.0, 0.0, 1.0, 1.0]
    """

    def fit_batch(self, blocks: Blocks, trials: Sequence["LinearSVC"], rungs: Rungs | None = None) -> Batch:
        """See :class:`~treefold.ml.base.Trainable`."""
        if self.private:
            loss = squared_hinge if self.value("loss") == "squaredHinge" else Hinge()
            return fit_privately(self, trials, blocks, loss, "margin", self.private_classes)
        found, weights = self.data_summary_of(blocks)
        if self.value("loss") == "hinge" and self.value("solver") == "newton":
            raise InputError("loss hinge has no solver newton: use auto, lbfgs or gd")
        if self.value("loss") == "squaredHinge" and self.changed("smoothing"):
            raise InputError("loss squaredHinge has no kink: leave smoothing out, or use loss hinge")
        loss = squared_hinge if self.value("loss") == "squaredHinge" else Hinge()
        return fit_all(
            self, trials, blocks, loss, found, "margin", rungs, by_class=weights, smoothing=self.value("smoothing")
        )

    def numpy_model(self, coef: np.ndarray, link: str) -> LinearModel:
        """The NumPy model of fitted coefficients."""
        return LinearModel(coef, link, self.value("threshold"))

    def build_model(self, batch: Batch, passes: list[Pass]) -> "LinearSVCModel":
        """See :class:`~treefold.ml.base.Trainable`."""
        return LinearSVCModel(batch.numpy_models[0], summary_of(batch, passes))


class LinearSVCModel(LinearClassifierModel, SVCOptions):
    """Fitted :class:`LinearSVC`."""

    outputs = ("rawPrediction", "prediction")
    summary_kinds = SVC

    def summary(self) -> Any:
        """Summary of the fit, and of the model on its training data. It is a method, as in pyspark.ml.

        Raises
        ------
        RuntimeError
            If the model was loaded: summaries are not saved.
        """
        return super().summary

    def scoring(self) -> LinearModel:
        """The NumPy model with this model's threshold."""
        return replace(super().scoring(), threshold=self.value("threshold"))
