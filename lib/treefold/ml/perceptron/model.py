"""A fitted perceptron as a pyspark.ml Model."""

from typing import Any, Self

from pyspark.ml.linalg import DenseVector, Vector
from pyspark.sql import DataFrame, SparkSession

from treefold.algorithms.perceptron import PerceptronModel
from treefold.interchange import perceptrons
from treefold.ml.model import SparkModel
from treefold.ml.perceptron.params import PerceptronOptions
from treefold.ml.spark_params import one_column, with_params
from treefold.ml.summaries import evaluated, trained
from treefold.ml.summaries.kinds import Kinds


class PerceptronFace(SparkModel, PerceptronOptions):
    """A :class:`~treefold.algorithms.perceptron.PerceptronModel` as a pyspark.ml Model.

    Attributes
    ----------
    summary_kinds : Kinds
        Which summaries it has.
    """

    numpy_model: PerceptronModel
    summary_kinds: Kinds

    def about(self) -> dict[str, Any]:
        """See :class:`~treefold.ml.model.SparkModel`."""
        return {"numLayers": len(self.numpy_model.sizes)} | super().about()

    def with_params_of(self, estimator: Any, data: DataFrame) -> Self:
        """See :class:`~treefold.ml.model.SparkModel`; the first weights are not kept."""
        made = super().with_params_of(estimator, data)
        made.clear(made.getParam("initialWeights"))
        return made

    @property
    def weights(self) -> DenseVector:
        """Weights and biases in MLlib's order: see :class:`~treefold.algorithms.perceptron.layers.Layers`."""
        return DenseVector(self.numpy_model.weights)

    @property
    def numFeatures(self) -> int:
        """Number of features."""
        return self.numpy_model.features

    def predict(self, value: Vector) -> float | DenseVector:
        """Prediction for one vector of features: a number, or a vector of several outputs."""
        found = self.scoring().predict(value.toArray()[None])[0]
        return DenseVector(found) if found.ndim else float(found)

    def trained_on(self, data: DataFrame) -> Self:
        """The model with the summary of its training data, to be measured when it is asked."""
        self.training_summary = trained(self, data, self.training_summary)
        return self

    def evaluate(self, dataset: DataFrame) -> Any:
        """Summary of the model on a labelled data set: one pass. See :mod:`treefold.ml.summaries`."""
        return evaluated(self, dataset)

    def toSklearn(self) -> Any:
        """The model as scikit-learn's MLPClassifier or MLPRegressor, fitted.

        Raises
        ------
        InputError
            If scikit-learn is not installed, or has no such model.
        """
        return perceptrons.scikit_learn(self.scoring())

    def toSpark(self, session: SparkSession) -> Any:
        """The model as pyspark.ml's, with the params that both have.

        Raises
        ------
        InputError
            If pyspark.ml has no such model, or the features are several columns: it takes one column of vectors.
        """
        one_column(self)
        return with_params(perceptrons.mllib(self.scoring(), session), self)
