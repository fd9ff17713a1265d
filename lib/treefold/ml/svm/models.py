"""Fitted support vector machines as pyspark.ml Models."""

from typing import Any, Self

from pyspark.ml.classification import ClassificationModel
from pyspark.ml.linalg import DenseVector, Vector
from pyspark.ml.regression import RegressionModel
from pyspark.sql import DataFrame

from treefold.algorithms.svm import SvmModel
from treefold.interchange.svm import scikit_learn
from treefold.ml.attributes import class_attributes
from treefold.ml.base import LabelOptions
from treefold.ml.class_params import ClassOptions
from treefold.ml.model import SparkModel
from treefold.ml.summaries import evaluated, trained
from treefold.ml.summaries.kinds import SUPPORT_CLASSIFICATION, SUPPORT_REGRESSION, Kinds
from treefold.ml.svm.params import CostOptions, KernelOptions, OneClassOptions, RegressionOptions


class SupportVectorModel(SparkModel, KernelOptions):
    """A :class:`~treefold.algorithms.svm.SvmModel` as a pyspark.ml Model."""

    numpy_model: SvmModel

    @property
    def numFeatures(self) -> int:
        """Number of features."""
        return self.numpy_model.features

    @property
    def supportVectors(self) -> Any:
        """The support vectors, ``(support vectors, features)``; those of a standardised fit over the deviations."""
        return self.numpy_model.support

    @property
    def dualCoef(self) -> Any:
        """Coefficients, ``(support vectors, machines)``."""
        return self.numpy_model.coefficient

    @property
    def intercepts(self) -> DenseVector:
        """Bias of each machine."""
        return DenseVector(self.numpy_model.bias)

    def toSklearn(self) -> Any:
        """The model as scikit-learn's SVC, SVR or OneClassSVM, fitted.

        Raises
        ------
        InputError
            If scikit-learn is not installed, or there are no support vectors.
        """
        return scikit_learn(self.numpy_model)

    def predict(self, value: Vector) -> float:
        """Prediction for one vector of features."""
        return float(self.numpy_model.predict(value.toArray()[None])[0])


class SupervisedModel(SupportVectorModel, LabelOptions, CostOptions):
    """A machine with a label, which can be evaluated."""

    summary_kinds: Kinds

    def trained_on(self, data: DataFrame) -> Self:
        """The model with the summary of its training data, to be measured when it is asked."""
        self.training_summary = trained(self, data, self.training_summary)
        return self

    def evaluate(self, dataset: DataFrame) -> Any:
        """Summary of the model on a labelled data set: one pass. See :mod:`treefold.ml.summaries`."""
        return evaluated(self, dataset)


@ClassificationModel.register
class SVCModel(SupervisedModel, ClassOptions):
    """Fitted :class:`~treefold.ml.svm.estimators.SVC`."""

    outputs = ("rawPrediction", "prediction")
    summary_kinds = SUPPORT_CLASSIFICATION

    @property
    def numClasses(self) -> int:
        """Number of classes."""
        return self.numpy_model.classes

    def attributes(self) -> dict[str, dict[str, Any]]:
        """How many classes there are."""
        return class_attributes(self.outputs, self.numClasses)

    def predictRaw(self, value: Vector) -> DenseVector:
        """Scores by class for one vector of features."""
        return DenseVector(self.numpy_model.outputs(value.toArray()[None])["rawPrediction"][0])


@RegressionModel.register
class SVRModel(SupervisedModel, RegressionOptions):
    """Fitted :class:`~treefold.ml.svm.estimators.SVR`."""

    summary_kinds = SUPPORT_REGRESSION


class OneClassSVMModel(SupportVectorModel, OneClassOptions):
    """Fitted :class:`~treefold.ml.svm.estimators.OneClassSVM`: 1 inside, -1 outside."""

    outputs = ("prediction", "margin")
