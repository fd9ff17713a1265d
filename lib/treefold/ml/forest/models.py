"""Random forests and their trees as pyspark.ml Models."""

from typing import Any

from pyspark.ml.linalg import Vector

from treefold.algorithms.forest.text import described
from treefold.ml.forest.base import ForestClassifierModel, ForestRegressorModel, ForestSparkModel


class TreeModel(ForestSparkModel):
    """One tree of a forest, with pyspark.ml's names for trees."""

    def about(self) -> dict[str, Any]:
        """See :class:`~treefold.ml.model.SparkModel`."""
        forest = super().about()
        forest.pop("numTrees")
        return {"depth": self.depth, "numNodes": self.numNodes} | forest

    @property
    def numNodes(self) -> int:
        """Number of nodes."""
        return self.totalNumNodes

    @property
    def depth(self) -> int:
        """Depth of the deepest leaf."""
        return self.numpy_model.depth

    @property
    def toDebugString(self) -> str:
        """The tree as text."""
        return f"{self!r}\n{described(self.numpy_model).partition(chr(10))[2]}"

    def predictLeaf(self, value: Vector) -> float:  # type: ignore[override]
        """Number of the leaf, from left to right, for one vector of features."""
        return float(super().predictLeaf(value)[0])


class DecisionTreeClassificationModel(TreeModel, ForestClassifierModel):
    """A tree of a :class:`RandomForestClassificationModel`. ``predictRaw`` returns the shares of the classes."""


class DecisionTreeRegressionModel(TreeModel, ForestRegressorModel):
    """A tree of a :class:`RandomForestRegressionModel`."""


class RandomForestClassificationModel(ForestClassifierModel):
    """Fitted :class:`~treefold.ml.forest.estimators.RandomForestClassifier`."""

    tree_class = DecisionTreeClassificationModel


class RandomForestRegressionModel(ForestRegressorModel):
    """Fitted :class:`~treefold.ml.forest.estimators.RandomForestRegressor`."""

    tree_class = DecisionTreeRegressionModel
