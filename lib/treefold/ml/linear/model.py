"""A fitted linear model as a pyspark.ml Model."""

from dataclasses import replace
from typing import Any, Self

from pyspark.ml.linalg import Vector
from pyspark.sql import DataFrame, SparkSession

from treefold.algorithms.linear import LinearModel
from treefold.errors import InputError
from treefold.interchange import mllib, scikit
from treefold.ml.linear.params import LinearOptions
from treefold.ml.model import SparkModel
from treefold.ml.spark_params import one_column, take_params, with_params
from treefold.ml.summaries import evaluated, trained
from treefold.ml.summaries.kinds import Kinds


class LinearFace(SparkModel):
    """A :class:`~treefold.algorithms.linear.LinearModel` as a pyspark.ml Model, whatever fitted it.

    Attributes
    ----------
    summary_kinds : Kinds
        Classes of its summaries.
    """

    summary_kinds: Kinds

    def predict(self, value: Vector) -> float:
        """Prediction for one vector of features."""
        return float(self.scoring().predict(value.toArray()[None])[0])

    def toSklearn(self) -> Any:
        """The model as scikit-learn's LinearRegression, LogisticRegression or LinearSVC.

        Raises
        ------
        InputError
            If scikit-learn is not installed, or has no such model.
        """
        return scikit.linear(self.exporting())

    def toSpark(self, session: SparkSession) -> Any:
        """The model as pyspark.ml's, with the params that both have.

        Raises
        ------
        InputError
            If pyspark.ml has no such model, or the features are several columns: it takes one column of vectors.
        """
        one_column(self)
        return with_params(mllib.linear(self.exporting(), session), self)

    @property
    def numFeatures(self) -> int:
        """Number of features."""
        return self.numpy_model.features

    def trained_on(self, data: DataFrame) -> Self:
        """The model with the summary of its training data, which is computed on demand."""
        self.training_summary = trained(self, data, self.training_summary)
        return self

    def evaluate(self, dataset: DataFrame) -> Any:
        """Summary of the model on a labelled data set: one pass. See :mod:`treefold.ml.summaries`."""
        return evaluated(self, dataset)


class LinearSparkModel(LinearFace, LinearOptions):
    """A linear model that one of the estimators of :mod:`treefold.ml.linear` has fitted."""

    def scoring(self) -> LinearModel:
        """The NumPy model, with or without offsets."""
        return replace(self.numpy_model, with_offset=self.with_offset)

    def exporting(self) -> LinearModel:
        """The NumPy model for an export; InputError if rows have an offset, which exports do not support."""
        if self.with_offset:
            raise InputError("offsetCol is set, and an exported model knows no offsets: clear it to export without")
        return self.scoring()

    @classmethod
    def fromSpark(cls, model: Any) -> Self:
        """A model from pyspark.ml's model of the same name, with the params that both have.

        Parameters
        ----------
        model : pyspark.ml Model
            The fitted model.

        Returns
        -------
        Self

        Raises
        ------
        InputError
            If it is another kind of model.
        """
        if type(model).__name__ != cls.__name__:
            raise InputError(f"a {type(model).__name__} is no {cls.__name__}: load it with its own class")
        made = cls(mllib.linear_model(model))
        take_params(made, model)
        return made
