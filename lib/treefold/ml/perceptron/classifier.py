"""Multilayer perceptrons for classes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pyspark.ml import Estimator
from pyspark.ml.classification import ProbabilisticClassificationModel, ProbabilisticClassifier
from pyspark.ml.linalg import DenseVector, Vector

from treefold.algorithms.perceptron import Network, PerceptronModel
from treefold.algorithms.perceptron.losses import CrossEntropy
from treefold.dataset.blocks import Blocks, Pass
from treefold.errors import InputError
from treefold.ml.attributes import class_attributes
from treefold.ml.base import Batch
from treefold.ml.class_params import ClassTrainable
from treefold.ml.perceptron.fitting import PerceptronTrainable, fit_all
from treefold.ml.perceptron.model import PerceptronFace
from treefold.ml.perceptron.params import PerceptronClassOptions
from treefold.ml.perceptron.private_fit import fit_privately
from treefold.ml.perceptron.summary import summary_of
from treefold.ml.summaries.kinds import PERCEPTRON
from treefold.optim.iterate import Rungs
from treefold.statistics.label_summary import class_factors, data_summary, warn_of_labels, with_declared


@ProbabilisticClassifier.register
class MultilayerPerceptronClassifier(PerceptronTrainable, ClassTrainable, PerceptronClassOptions, Estimator):
    """Multilayer perceptron for classes 0 .. classes - 1, with one output for each class and a softmax.

    With ``activation="sigmoid"`` and no penalty it is MLlib's perceptron.

    Parameters
    ----------
    **values
        Values of params by name; see ``explainParams()``.

    Notes
    -----
    Minimises ``1 / sum_i w_i * sum_i w_i log-loss_i + regParam / 2 * |weights|^2``. Biases are not penalised.

    References
    ----------
    Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.

    Examples
    --------
    >>> from treefold.ml import MultilayerPerceptronClassifier
    >>> rows = [(0.0, 0.0, 0.0), (0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0)]
    >>> frame = spark.createDataFrame(rows, ["x", "y", "label"])
    >>> model = MultilayerPerceptronClassifier(featuresCol=["x", "y"], layers=[2, 8, 2], seed=1).fit(frame)
    >>> model.transform(frame).filter("prediction = label").count()
    4
    """

    def fit_batch(
        self, blocks: Blocks, trials: Sequence["MultilayerPerceptronClassifier"], rungs: Rungs | None = None
    ) -> Batch:
        """See :class:`~treefold.ml.base.Trainable`."""
        if self.private:
            return fit_privately(self, trials, blocks, CrossEntropy())
        found = data_summary(blocks, classification=True)
        warn_of_labels(blocks, found.classes)
        layers = self.layers_for(blocks.features)
        declared = self.declared_classes
        if declared is not None and declared != layers.outputs:
            raise InputError(
                f"layers end with {layers.outputs}, but the label's metadata declare {declared} classes: let layers "
                f"end with {declared}"
            )
        if len(found.classes) > layers.outputs:
            raise InputError(
                f"layers end with {layers.outputs}, but label {len(found.classes) - 1} occurs: let layers end with the "
                "number of classes"
            )
        found, given = with_declared(found, layers.outputs), self.value("classWeight")
        factors = None if given is None else class_factors(given, found.classes)
        network = Network(layers, self.value("activation"), CrossEntropy())
        return fit_all(self, trials, blocks, network, factors, rungs)

    def build_model(self, batch: Batch, passes: list[Pass]) -> "MultilayerPerceptronClassificationModel":
        """See :class:`~treefold.ml.base.Trainable`."""
        return MultilayerPerceptronClassificationModel(batch.numpy_models[0], summary_of(batch, passes))


@ProbabilisticClassificationModel.register
class MultilayerPerceptronClassificationModel(PerceptronFace, PerceptronClassOptions):
    """Fitted :class:`MultilayerPerceptronClassifier`."""

    outputs = ("rawPrediction", "probability", "prediction")
    summary_kinds = PERCEPTRON

    def summary(self) -> Any:
        """How the fit went, and how well the model does on its training data: a method, as in pyspark.ml.

        Raises
        ------
        RuntimeError
            If the model was loaded: summaries are not saved.
        """
        return super().summary

    @property
    def numClasses(self) -> int:
        """Number of classes."""
        return self.numpy_model.classes

    def about(self) -> dict[str, Any]:
        """See :class:`~treefold.ml.model.SparkModel`."""
        layers, features = super().about().items()
        return dict([layers, ("numClasses", self.numClasses), features])

    def attributes(self) -> dict[str, dict[str, Any]]:
        """How many classes there are."""
        return class_attributes(self.outputs, self.numClasses)

    def predictRaw(self, value: Vector) -> DenseVector:
        """Outputs before the softmax for one vector of features."""
        return DenseVector(self.numpy_model.margin(value.toArray()[None])[0])

    def predictProbability(self, value: Vector) -> DenseVector:
        """Probabilities by class for one vector of features."""
        return DenseVector(self.numpy_model.probability(value.toArray()[None])[0])

    def scoring(self) -> PerceptronModel:
        """The pure model, with this model's thresholds.

        Raises
        ------
        InputError
            If there is not one threshold for each class.
        """
        chosen = self.value("thresholds")
        if chosen is not None and len(chosen) != self.numpy_model.classes:
            raise InputError(f"thresholds has {len(chosen)} numbers: the model has {self.numpy_model.classes} classes")
        return replace(self.numpy_model, thresholds=None if chosen is None else tuple(chosen))
