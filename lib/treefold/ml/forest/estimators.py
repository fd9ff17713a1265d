"""Random forests as pyspark.ml Estimators."""

from typing import Any

from pyspark.ml import Estimator
from pyspark.ml.classification import ProbabilisticClassifier
from pyspark.ml.regression import Regressor

from treefold.algorithms import forest
from treefold.ml.class_params import ClassTrainable
from treefold.ml.forest.models import RandomForestClassificationModel, RandomForestRegressionModel
from treefold.ml.forest.params import ForestFitOptions, ValueOptions, VoteOptions


@ProbabilisticClassifier.register
class RandomForestClassifier(ForestFitOptions, ClassTrainable, VoteOptions, Estimator):
    """Random forest for classes 0 .. classes - 1.

    Each tree grows on a Poisson bootstrap sample of the rows. A node splits by the best of a few features that are
    drawn for it. All trees grow in the same passes, and they do not depend on the partitioning. Features may be
    missing.

    Parameters
    ----------
    **values
        Values of params by name; see ``explainParams()``.

    References
    ----------
    Breiman, "Random forests", Machine Learning 45, 2001.

    Examples
    --------
    >>> from treefold.ml import RandomForestClassifier
    >>> frame = spark.createDataFrame([(float(x), float(x >= 10)) for x in range(20)], ["x", "label"])
    >>> model = RandomForestClassifier(featuresCol=["x"], numTrees=10, maxDepth=2, seed=1).fit(frame)
    >>> model.getNumTrees, model.numClasses
    (10, 2)
    >>> model.transform(frame).filter("prediction = label").count()
    20
    """

    model_class = RandomForestClassificationModel

    def settings(self, **others: Any) -> forest.Settings:
        """The params as settings of the algorithm."""
        return super().settings(
            class_weight=self.value("classWeight"), declared_classes=self.declared_classes, **others
        )


@Regressor.register
class RandomForestRegressor(ForestFitOptions, ValueOptions, Estimator):
    """Random forest for a number: each leaf predicts the mean label of its rows.

    See :class:`RandomForestClassifier`.

    Parameters
    ----------
    **values
        Values of params by name; see ``explainParams()``.

    References
    ----------
    Breiman, "Random forests", Machine Learning 45, 2001.

    Examples
    --------
    >>> from treefold.ml import RandomForestRegressor
    >>> frame = spark.createDataFrame([(float(x), float(x >= 10)) for x in range(20)], ["x", "label"])
    >>> forest = RandomForestRegressor(featuresCol=["x"], numTrees=1, subsamplingRate=1.0, bootstrap=False, maxDepth=1)
    >>> model = forest.fit(frame)
    >>> model.totalNumNodes
    3
    >>> [row.prediction for row in model.transform(frame).sort("x").collect()][8:12]
    [0.0, 0.0, 1.0, 1.0]
    """

    model_class = RandomForestRegressionModel
