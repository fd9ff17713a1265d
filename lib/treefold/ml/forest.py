"""Random forests as pyspark.ml Estimators and Models."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
from pyspark.ml import Estimator
from pyspark.ml.linalg import DenseVector, SparseVector, Vector, Vectors
from pyspark.sql import DataFrame, SparkSession

from treefold.algorithms import forest
from treefold.algorithms.forest.census import check_labels
from treefold.algorithms.forest.permutation import permutation_importances
from treefold.algorithms.forest.text import described
from treefold.blocks import Pass
from treefold.errors import InputError
from treefold.interchange import forests
from treefold.ml.base import Batch
from treefold.ml.forest_options import ForestFitOptions, ForestOptions, VoteOptions
from treefold.ml.model import ModelFace
from treefold.ml.options import Option, choice, class_weights
from treefold.ml.summaries import evaluated


class ForestFace(ModelFace, ForestOptions):
    """A forest as a pyspark.ml Model."""

    pure: forest.ForestModel

    @property
    def numFeatures(self) -> int:
        """Number of features."""
        return self.pure.features

    @property
    def getNumTrees(self) -> int:
        """Number of trees."""
        return self.pure.size

    @property
    def totalNumNodes(self) -> int:
        """Number of nodes of all trees."""
        return len(self.pure.feature)

    @property
    def treeWeights(self) -> list[float]:
        """Weight of each tree: 1."""
        return [1.0] * self.pure.size

    @property
    def trees(self) -> list[forest.ForestModel]:
        """Each tree as a forest of one, which scores arrays: ``depth``, ``feature``, ``threshold``, ``predict`` ..."""
        return self.pure.trees

    @property
    def featureImportances(self) -> SparseVector:
        """Importance of each feature, summing to 1: its share of the gains of a tree, averaged over the trees."""
        found = self.pure.importances
        kept = np.flatnonzero(found)
        return cast(SparseVector, Vectors.sparse(len(found), kept.tolist(), found[kept].tolist()))

    def permutationImportances(self, dataset: DataFrame, repeats: int = 5, seed: int = 0) -> np.ndarray:
        """By how much accuracy falls, or the mean squared error rises, without a feature: ``(features, repeats)``.

        Two passes over labelled data, best not that of the fit.
        """
        with self.open(dataset) as blocks:
            check_labels(blocks, self.pure.classes > 0)
            return permutation_importances(blocks, self.scoring(), repeats, seed)

    @property
    def toDebugString(self) -> str:
        """All trees in words."""
        about = f"numTrees={self.pure.size}, numFeatures={self.pure.features}"
        return f"{type(self).__name__}: uid={self.uid}, {about}\n{described(self.pure)}"

    def predict(self, value: Vector) -> float:
        """Prediction for one vector of features."""
        return float(self.scoring().predict(value.toArray()[None])[0])

    def predictLeaf(self, value: Vector) -> DenseVector:
        """Number of the leaf in each tree for one vector of features."""
        return DenseVector(self.pure.leaves(value.toArray()[None])[0])

    def evaluate(self, dataset: DataFrame) -> Any:
        """Summary of the model on a labelled data set: one pass. See :mod:`treefold.ml.summaries`."""
        return evaluated(self, dataset)

    def toSklearn(self) -> Any:
        """The model as scikit-learn's RandomForestClassifier or RandomForestRegressor, fitted."""
        return forests.scikit_learn(self.pure)

    def toSpark(self, session: SparkSession) -> Any:
        """The model as pyspark.ml's, with the same columns; about a millisecond a node.

        Raises
        ------
        InputError
            If the features are several columns: pyspark.ml takes one column of vectors.
        """
        features = self.value("featuresCol")
        if not isinstance(features, str):
            raise InputError("pyspark.ml's forest takes one column of vectors: setFeaturesCol to its name first")
        made = forests.mllib(self.pure, session).setFeaturesCol(features).setLeafCol(self.value("leafCol"))
        for name in (f"{output}Col" for output in self.outputs if output != "leaf"):
            made._set(**{name: self.value(name)})
        if self.hasParam("thresholds") and self.isSet("thresholds"):
            made._set(thresholds=self.value("thresholds"))
        return made

    def scoring(self) -> forest.ForestModel:
        """The pure model, with what params have changed of it."""
        return replace(self.pure, with_leaves=bool(self.value("leafCol")))


class RandomForestClassifier(ForestFitOptions, VoteOptions, Estimator):
    """Random forest for classes 0 .. classes - 1.

    Each tree grows on a Poisson bootstrap sample of the rows; a node splits by the best of a few features drawn for
    it. All trees grow in the same passes, and are the same for any partitioning. Values may be missing.

    Examples
    --------
    >>> model = RandomForestClassifier(featuresCol=["x*"], numTrees=100, maxDepth=12).fit(frame)  # doctest: +SKIP
    """

    labels_are_classes = True
    impurity = Option("impurity", "gini or entropy", choice("gini", "entropy"), "gini")
    classWeight = Option(
        "classWeight", "balanced, or a number >= 0 for each class, by which weights are multiplied", class_weights
    )

    def made(self, batch: Batch, passes: list[Pass]) -> "RandomForestClassificationModel":
        """See :class:`~treefold.ml.base.Trainable`."""
        return RandomForestClassificationModel(batch.pures[0], self.summary_of(batch, passes))

    def settings(self, categorical: tuple[int, ...], **others: Any) -> forest.Settings:
        """The params as the algorithm takes them."""
        return super().settings(categorical, class_weight=self.value("classWeight"), **others)


class RandomForestClassificationModel(ForestFace, VoteOptions):
    """Fitted :class:`RandomForestClassifier`."""

    outputs = ("rawPrediction", "probability", "prediction", "leaf")

    @property
    def numClasses(self) -> int:
        """Number of classes."""
        return self.pure.classes

    def predictRaw(self, value: Vector) -> DenseVector:
        """Votes by class for one vector of features."""
        return DenseVector(self.pure.raw(value.toArray()[None])[0])

    def predictProbability(self, value: Vector) -> DenseVector:
        """Probabilities by class for one vector of features."""
        return DenseVector(self.pure.probability(value.toArray()[None])[0])

    def scoring(self) -> forest.ForestModel:
        """The pure model, with this model's thresholds."""
        chosen = self.value("thresholds")
        if chosen is None:
            return super().scoring()
        if len(chosen) != self.pure.classes or sum(t == 0 for t in chosen) > 1:
            classes = self.pure.classes
            raise InputError(f"thresholds are {chosen}: give one for each of {classes} classes, at most one of them 0")
        return replace(super().scoring(), thresholds=np.array(chosen))


class RandomForestRegressor(ForestFitOptions, Estimator):
    """Random forest for a number, each tree's leaves predicting the mean of their rows: see RandomForestClassifier."""

    impurity = Option("impurity", "variance", choice("variance"), "variance")

    def made(self, batch: Batch, passes: list[Pass]) -> "RandomForestRegressionModel":
        """See :class:`~treefold.ml.base.Trainable`."""
        return RandomForestRegressionModel(batch.pures[0], self.summary_of(batch, passes))


class RandomForestRegressionModel(ForestFace):
    """Fitted :class:`RandomForestRegressor`."""

    outputs = ("prediction", "leaf")
