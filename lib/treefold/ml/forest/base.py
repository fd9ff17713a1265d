"""Forests and their trees as pyspark.ml Models."""

from dataclasses import replace
from typing import Any, Self, cast

import numpy as np
from pyspark.ml.classification import ProbabilisticClassificationModel
from pyspark.ml.linalg import DenseVector, SparseVector, Vector, Vectors
from pyspark.ml.regression import RegressionModel
from pyspark.sql import DataFrame, SparkSession

from treefold.algorithms import forest
from treefold.algorithms.forest.permutation import permutation_importances
from treefold.algorithms.forest.text import described
from treefold.errors import InputError
from treefold.interchange import forests
from treefold.ml.attributes import class_attributes
from treefold.ml.forest.params import ForestOptions, ValueOptions, VoteOptions
from treefold.ml.model import SparkModel
from treefold.ml.spark_params import one_column, with_params
from treefold.ml.summaries import evaluated, trained
from treefold.ml.summaries.kinds import FOREST, FOREST_REGRESSION, Kinds
from treefold.statistics.label_summary import label_summary


class ForestSparkModel(SparkModel, ForestOptions):
    """A forest as a pyspark.ml Model."""

    numpy_model: forest.ForestModel
    summary_kinds: Kinds
    tree_class: type[Any]

    def about(self) -> dict[str, Any]:
        """See :class:`~treefold.ml.model.SparkModel`."""
        classes = {"numClasses": self.numpy_model.classes} if self.numpy_model.classes else {}
        return {"numTrees": self.numpy_model.size} | classes | super().about()

    @property
    def numFeatures(self) -> int:
        """Number of features."""
        return self.numpy_model.features

    @property
    def getNumTrees(self) -> int:
        """Number of trees."""
        return self.numpy_model.size

    @property
    def totalNumNodes(self) -> int:
        """Number of nodes of all trees."""
        return len(self.numpy_model.feature)

    @property
    def treeWeights(self) -> list[float]:
        """Weight of each tree: 1."""
        return [1.0] * self.numpy_model.size

    @property
    def trees(self) -> list[Any]:
        """Each tree as a model; its ``numpy_model`` scores arrays and has its nodes as arrays."""
        return [self.tree_of(tree) for tree in self.numpy_model.trees]

    def tree_of(self, numpy_model: forest.ForestModel) -> Any:
        """The model of one tree, with the columns of this one."""
        made = self.tree_class(numpy_model)
        return self._copyValues(made)

    @property
    def featureImportances(self) -> SparseVector:
        """Importance of each feature, with sum 1: its share of the gains of a tree, averaged over the trees."""
        found = self.numpy_model.importances
        kept = np.flatnonzero(found)
        return cast(SparseVector, Vectors.sparse(len(found), kept.tolist(), found[kept].tolist()))

    def permutationImportances(self, dataset: DataFrame, repeats: int = 5, seed: int = 0) -> np.ndarray:
        """Decrease of accuracy, or increase of the mean squared error, without the values of a feature: two passes.

        The values of the feature are replaced by those of random rows.

        Parameters
        ----------
        dataset : DataFrame
            Labelled data, preferably not the training data.
        repeats : int, default 5
            Number of replacements of each feature.
        seed : int, default 0
            Seed of the replacements.

        Returns
        -------
        (features, repeats) float64
        """
        with self.open(dataset) as blocks:
            label_summary(blocks, classification=self.numpy_model.classes > 0)
            return permutation_importances(blocks, self.scoring(), repeats, seed)

    @property
    def toDebugString(self) -> str:
        """All trees as text."""
        return f"{self!r}\n{described(self.numpy_model)}"

    def predict(self, value: Vector) -> float:
        """Prediction for one vector of features."""
        return float(self.scoring().predict(value.toArray()[None])[0])

    def predictLeaf(self, value: Vector) -> DenseVector:
        """Number of the leaf in each tree for one vector of features."""
        return DenseVector(self.numpy_model.leaves(value.toArray()[None])[0])

    def attributes(self) -> dict[str, dict[str, Any]]:
        """The number of leaves of each tree."""
        leaves = np.add.reduceat((self.numpy_model.feature < 0).astype(int), self.numpy_model.roots)
        nominal = [{"idx": tree, "num_vals": int(count)} for tree, count in enumerate(leaves)]
        return {"leaf": {"ml_attr": {"num_attrs": self.numpy_model.size, "attrs": {"nominal": nominal}}}}

    def trained_on(self, data: DataFrame) -> Self:
        """The model with the summary of its training data, which is computed on demand."""
        self.training_summary = trained(self, data, self.training_summary)
        return self

    def evaluate(self, dataset: DataFrame) -> Any:
        """Summary of the model on a labelled data set: one pass. See :mod:`treefold.ml.summaries`."""
        return evaluated(self, dataset)

    def toSklearn(self) -> Any:
        """The model as scikit-learn's RandomForestClassifier or RandomForestRegressor, fitted."""
        return forests.scikit_learn(self.numpy_model)

    def toSpark(self, session: SparkSession) -> Any:
        """The model as pyspark.ml's, with the params that both have; it takes about a millisecond for each node.

        Parameters
        ----------
        session : SparkSession
            The session whose JVM builds the model.

        Returns
        -------
        pyspark.ml Model

        Raises
        ------
        InputError
            If the features are several columns: pyspark.ml takes one column of vectors.
        """
        one_column(self)
        return with_params(forests.mllib(self.numpy_model, session), self)

    def scoring(self) -> forest.ForestModel:
        """The NumPy model with the params that change its predictions."""
        return replace(self.numpy_model, with_leaves=bool(self.value("leafCol")))


@ProbabilisticClassificationModel.register
class ForestClassifierModel(ForestSparkModel, VoteOptions):
    """A classification forest as a pyspark.ml Model."""

    outputs = ("rawPrediction", "probability", "prediction", "leaf")
    summary_kinds = FOREST

    @property
    def numClasses(self) -> int:
        """Number of classes."""
        return self.numpy_model.classes

    def attributes(self) -> dict[str, dict[str, Any]]:
        """The number of classes, and the number of leaves of each tree."""
        return super().attributes() | class_attributes(self.outputs, self.numClasses)

    def predictRaw(self, value: Vector) -> DenseVector:
        """Votes by class for one vector of features."""
        return DenseVector(self.numpy_model.raw(value.toArray()[None])[0])

    def predictProbability(self, value: Vector) -> DenseVector:
        """Probabilities by class for one vector of features."""
        return DenseVector(self.numpy_model.probability(value.toArray()[None])[0])

    def scoring(self) -> forest.ForestModel:
        """The NumPy model with this model's thresholds."""
        chosen = self.value("thresholds")
        if chosen is None:
            return super().scoring()
        if len(chosen) != self.numpy_model.classes or sum(t == 0 for t in chosen) > 1:
            classes = self.numpy_model.classes
            raise InputError(f"thresholds are {chosen}: give one for each of {classes} classes, at most one of them 0")
        return replace(super().scoring(), thresholds=np.array(chosen))


@RegressionModel.register
class ForestRegressorModel(ForestSparkModel, ValueOptions):
    """A regression forest as a pyspark.ml Model."""

    outputs = ("prediction", "leaf")
    summary_kinds = FOREST_REGRESSION

    def attributes(self) -> dict[str, dict[str, Any]]:
        """The number of leaves of each tree."""
        return super().attributes() | {"prediction": {"ml_attr": {}}}
