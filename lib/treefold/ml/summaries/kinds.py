"""The summary classes of each model. Each is also a subclass of pyspark.ml's class of the same name."""

from typing import Any, NamedTuple

from pyspark.ml import classification as their_classification
from pyspark.ml import regression as their_regression

from treefold.algorithms.linear.gram import Gram
from treefold.ml.summaries.base import Trained
from treefold.ml.summaries.classification import BinaryClassificationSummary, ClassificationSummary
from treefold.ml.summaries.forest import ForestGrowth
from treefold.ml.summaries.linear import LinearRegressionSummary as LinearFigures
from treefold.ml.summaries.regression import RegressionSummary
from treefold.ml.summaries.svm import SupportVectorFigures

classification: Any = their_classification  # its type hints of labels and weightCol are wrong
regression: Any = their_regression


class Kinds(NamedTuple):
    """Classes of the summaries of a model: for labelled data, and for its training data.

    Attributes
    ----------
    evaluated, trained : class
        For a regression, or for more than two classes.
    binary, trained_binary : class, optional
        For two classes.
    """

    evaluated: Any
    trained: Any
    binary: Any = None
    trained_binary: Any = None

    def of(self, classes: int, *, training: bool) -> Any:
        """The class for a model of ``classes`` classes, 0 for a regression."""
        if classes == 2:
            return self.trained_binary if training else self.binary
        return self.trained if training else self.evaluated


class ClassificationTrainingSummary(Trained, ClassificationSummary):
    """A classifier on its training data."""


class BinaryTrainingSummary(Trained, BinaryClassificationSummary):
    """A classifier of two classes on its training data."""


class LogisticRegressionSummary(ClassificationSummary, classification.LogisticRegressionSummary):
    """A logistic regression on a labelled data set."""


class LogisticRegressionTrainingSummary(
    Trained, LogisticRegressionSummary, classification.LogisticRegressionTrainingSummary
):
    """A logistic regression on its training data."""


class BinaryLogisticRegressionSummary(
    BinaryClassificationSummary, LogisticRegressionSummary, classification.BinaryLogisticRegressionSummary
):
    """A logistic regression of two classes on a labelled data set."""


class BinaryLogisticRegressionTrainingSummary(
    LogisticRegressionTrainingSummary,
    BinaryLogisticRegressionSummary,
    classification.BinaryLogisticRegressionTrainingSummary,
):
    """A logistic regression of two classes on its training data."""


class LinearSVCSummary(BinaryClassificationSummary, classification.LinearSVCSummary):
    """A linear support vector classifier of two classes on a labelled data set."""


class LinearSVCTrainingSummary(Trained, LinearSVCSummary, classification.LinearSVCTrainingSummary):
    """A linear support vector classifier of two classes on its training data."""


class RandomForestClassificationSummary(ClassificationSummary, classification.RandomForestClassificationSummary):
    """A forest on a labelled data set."""


class RandomForestClassificationTrainingSummary(
    ForestGrowth, RandomForestClassificationSummary, classification.RandomForestClassificationTrainingSummary
):
    """A forest on its training data, and how it grew."""


class BinaryRandomForestClassificationSummary(
    BinaryClassificationSummary,
    RandomForestClassificationSummary,
    classification.BinaryRandomForestClassificationSummary,
):
    """A forest of two classes on a labelled data set."""


class BinaryRandomForestClassificationTrainingSummary(
    RandomForestClassificationTrainingSummary,
    BinaryRandomForestClassificationSummary,
    classification.BinaryRandomForestClassificationTrainingSummary,
):
    """A forest of two classes on its training data, and how it grew."""


class RandomForestRegressionTrainingSummary(ForestGrowth, RegressionSummary):
    """A forest on its training data, and how it grew; pyspark.ml has no summary of one."""


class MultilayerPerceptronClassificationSummary(
    ClassificationSummary, classification.MultilayerPerceptronClassificationSummary
):
    """A perceptron on a labelled data set."""


class MultilayerPerceptronClassificationTrainingSummary(
    Trained,
    MultilayerPerceptronClassificationSummary,
    classification.MultilayerPerceptronClassificationTrainingSummary,
):
    """A perceptron on its training data."""


class BinaryPerceptronSummary(BinaryClassificationSummary, MultilayerPerceptronClassificationSummary):
    """A perceptron of two classes on a labelled data set."""


class BinaryPerceptronTrainingSummary(BinaryPerceptronSummary, MultilayerPerceptronClassificationTrainingSummary):
    """A perceptron of two classes on its training data."""


class RegressionTrainingSummary(Trained, RegressionSummary):
    """A regression on its training data."""


class SVCTrainingSummary(SupportVectorFigures, ClassificationSummary):
    """Support vector machines of many classes on their training data; pyspark.ml has no such model."""


class BinarySVCTrainingSummary(SupportVectorFigures, BinaryClassificationSummary):
    """A support vector machine on its training data; pyspark.ml has no such model."""


class SVRTrainingSummary(SupportVectorFigures, RegressionSummary):
    """A support vector regression on its training data; pyspark.ml has no such model."""


class LinearRegressionSummary(LinearFigures, regression.LinearRegressionSummary):
    """A linear regression on a labelled data set."""


class LinearRegressionTrainingSummary(Trained, LinearRegressionSummary, regression.LinearRegressionTrainingSummary):
    """A linear regression on its training data."""

    def _products(self) -> Gram:
        return self.fit.products or super()._products()


LOGISTIC = Kinds(
    LogisticRegressionSummary,
    LogisticRegressionTrainingSummary,
    BinaryLogisticRegressionSummary,
    BinaryLogisticRegressionTrainingSummary,
)
SVC = Kinds(ClassificationSummary, ClassificationTrainingSummary, LinearSVCSummary, LinearSVCTrainingSummary)
FOREST = Kinds(
    RandomForestClassificationSummary,
    RandomForestClassificationTrainingSummary,
    BinaryRandomForestClassificationSummary,
    BinaryRandomForestClassificationTrainingSummary,
)
FOREST_REGRESSION = Kinds(RegressionSummary, RandomForestRegressionTrainingSummary)
CALIBRATED = Kinds(
    ClassificationSummary, ClassificationTrainingSummary, BinaryClassificationSummary, BinaryTrainingSummary
)
LINEAR = Kinds(LinearRegressionSummary, LinearRegressionTrainingSummary)
PERCEPTRON = Kinds(
    MultilayerPerceptronClassificationSummary,
    MultilayerPerceptronClassificationTrainingSummary,
    BinaryPerceptronSummary,
    BinaryPerceptronTrainingSummary,
)
PERCEPTRON_REGRESSION = Kinds(RegressionSummary, RegressionTrainingSummary)
SUPPORT_CLASSIFICATION = Kinds(
    ClassificationSummary, SVCTrainingSummary, BinaryClassificationSummary, BinarySVCTrainingSummary
)
SUPPORT_REGRESSION = Kinds(RegressionSummary, SVRTrainingSummary)
