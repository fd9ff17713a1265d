"""The base of linear classifiers and their models."""

from typing import Any

from numpy.typing import NDArray
from pyspark.ml.classification import ClassificationModel, Classifier
from pyspark.ml.linalg import DenseMatrix, DenseVector, Vector

from treefold.dataset.blocks import Blocks
from treefold.errors import InputError
from treefold.ml.attributes import class_attributes
from treefold.ml.class_params import ClassTrainable
from treefold.ml.linear.fitting import FitOptions
from treefold.ml.linear.model import LinearFace, LinearSparkModel
from treefold.statistics.label_summary import DataSummary, class_factors, data_summary, warn_of_labels, with_declared


@Classifier.register
class LinearClassifier(ClassTrainable, FitOptions):
    """An estimator of a linear classifier."""

    @property
    def private_classes(self) -> int:
        """The number of classes, which a private fit does not count; InputError if it is not given."""
        if not self.isSet("classes"):
            raise InputError("solver dpgd does not count the classes: set classes")
        return int(self.value("classes"))

    def data_summary_of(self, blocks: Blocks) -> tuple[DataSummary, NDArray | None]:
        """Summary of the data, with all classes, and the factors of the weights of each class."""
        found = data_summary(self.trained(blocks), classification=True)
        warn_of_labels(blocks, found.classes)
        found = with_declared(found, self.declared_classes)
        given = self.value("classWeight")
        return found, None if given is None else class_factors(given, found.classes)


@ClassificationModel.register
class LinearClassifierFace(LinearFace):
    """A fitted linear classifier, whatever fitted it."""

    @property
    def numClasses(self) -> int:
        """Number of classes."""
        return self.numpy_model.classes

    def about(self) -> dict[str, Any]:
        """See :class:`~treefold.ml.model.SparkModel`."""
        return {"numClasses": self.numClasses} | super().about()

    def attributes(self) -> dict[str, dict[str, Any]]:
        """The number of classes."""
        return class_attributes(self.outputs, self.numClasses)

    @property
    def coefficientMatrix(self) -> DenseMatrix:
        """Coefficients, ``(outputs, features)``; one output for a binomial model."""
        coef = self.numpy_model.coef[:, :-1]
        rows, columns = coef.shape
        return DenseMatrix(rows, columns, coef.T.ravel())

    @property
    def interceptVector(self) -> DenseVector:
        """Intercepts, ``(outputs,)``."""
        return DenseVector(self.numpy_model.coef[:, -1])

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
        return DenseVector(self.numpy_model.margin(value.toArray()[None])[0])

    def _binomial(self) -> Any:
        if len(self.numpy_model.coef) > 1:
            raise InputError("a multinomial model has no single vector: use coefficientMatrix and interceptVector")
        return self.numpy_model.coef[0]


class LinearClassifierModel(LinearClassifierFace, LinearSparkModel):
    """A linear classifier that one of the estimators of :mod:`treefold.ml.linear` has fitted."""
