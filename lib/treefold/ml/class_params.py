"""Params of classifiers and their models, and the number of classes that the label declares."""

from typing import Self

from pyspark.ml.param import TypeConverters
from pyspark.sql import DataFrame

from treefold.ml.attributes import declared_classes
from treefold.ml.base import LabelOptions
from treefold.ml.converters import factors_by_class
from treefold.ml.labelled import LabelledTrainable
from treefold.ml.params import Option


class ClassOptions(LabelOptions):
    """Params that a classifier and its model share."""

    rawPredictionCol = Option(
        "rawPredictionCol", "the column of margins or votes by class", TypeConverters.toString, "rawPrediction"
    )
    classWeight = Option(
        "classWeight", "balanced, or factors >= 0 of the weights of rows by class: a list of one for each class, or a "
        "map from classes, of which the others have 1", factors_by_class,
    )  # fmt: skip


class ProbabilityOptions(ClassOptions):
    """Params that a classifier with probabilities and its model share."""

    probabilityCol = Option(
        "probabilityCol", "the column of class probabilities", TypeConverters.toString, "probability"
    )


class ClassTrainable(LabelledTrainable, ClassOptions):
    """An estimator of a classifier.

    Attributes
    ----------
    declared_classes : int or None
        The number of classes that the metadata of the label column declare, for example from StringIndexer.
    """

    labels_are_classes = True
    declared_classes: int | None = None

    def prepared(self, data: DataFrame) -> Self:
        """A copy that has read the number of classes from the metadata of the label."""
        ready = super().prepared(data).copy()
        ready.declared_classes = declared_classes(data, self.getOrDefault("labelCol"))
        return ready
