"""A fitted calibrated classifier as a pyspark.ml Model."""

from typing import Any, Self

from pyspark.ml.classification import ProbabilisticClassificationModel
from pyspark.ml.linalg import DenseVector, Vector
from pyspark.sql import DataFrame

from treefold.algorithms.calibration import CalibratedModel
from treefold.interchange.calibrated import scikit_learn
from treefold.ml.attributes import class_attributes
from treefold.ml.calibration.params import CalibrationOptions
from treefold.ml.model import SparkModel
from treefold.ml.summaries import evaluated, trained
from treefold.ml.summaries.kinds import CALIBRATED


@ProbabilisticClassificationModel.register
class CalibratedClassifierModel(SparkModel, CalibrationOptions):
    """Fitted :class:`~treefold.ml.calibration.estimator.CalibratedClassifier`."""

    numpy_model: CalibratedModel
    outputs = ("rawPrediction", "probability", "prediction")
    summary_kinds = CALIBRATED

    @property
    def reads_sparse(self) -> bool:  # type: ignore[override]
        """Whether the classifier takes CSR rows."""
        return self.numpy_model.reads_sparse

    @property
    def numFeatures(self) -> int:
        """Number of features."""
        return self.numpy_model.features

    @property
    def numClasses(self) -> int:
        """Number of classes."""
        return self.numpy_model.classes

    def attributes(self) -> dict[str, dict[str, Any]]:
        """How many classes there are."""
        return class_attributes(self.outputs, self.numClasses)

    def toSklearn(self) -> Any:
        """The model as scikit-learn's CalibratedClassifierCV around its classifier, fitted.

        Raises
        ------
        InputError
            If scikit-learn is not installed, or has no such model.
        """
        return scikit_learn(self.numpy_model)

    def predict(self, value: Vector) -> float:
        """Prediction for one vector of features."""
        return float(self.numpy_model.predict(value.toArray()[None])[0])

    def predictRaw(self, value: Vector) -> DenseVector:
        """Scores of the classifier by class for one vector of features."""
        return DenseVector(self.numpy_model.outputs(value.toArray()[None])["rawPrediction"][0])

    def predictProbability(self, value: Vector) -> DenseVector:
        """Probabilities by class for one vector of features."""
        return DenseVector(self.numpy_model.outputs(value.toArray()[None])["probability"][0])

    def trained_on(self, data: DataFrame) -> Self:
        """The model with the summary of its training data: of its own figures, and of the fit to all rows."""
        self.training_summary = trained(self, data, self.training_summary)
        return self

    def evaluate(self, dataset: DataFrame) -> Any:
        """Summary of the model on a labelled data set: one pass. See :mod:`treefold.ml.summaries`."""
        return evaluated(self, dataset)
