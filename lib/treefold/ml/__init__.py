"""The face: pyspark.ml Estimators and Models over treefold's engine.

Names and defaults of params are pyspark.ml's. A param that is not here raises; none is ignored.
"""

from typing import Any

from treefold.errors import InputError
from treefold.ml.base import Progress, Trainable
from treefold.ml.classification import LinearSVC, LinearSVCModel, LogisticRegression, LogisticRegressionModel
from treefold.ml.clustering import KMeans, KMeansModel
from treefold.ml.forest import (
    RandomForestClassificationModel,
    RandomForestClassifier,
    RandomForestRegressionModel,
    RandomForestRegressor,
)
from treefold.ml.model import ModelFace, fill
from treefold.ml.read import read_parquet
from treefold.ml.regression import (
    LinearRegression,
    LinearRegressionModel,
    LinearSVR,
    LinearSVRModel,
    PoissonRegression,
    PoissonRegressionModel,
    QuantileRegression,
    QuantileRegressionModel,
)
from treefold.ml.selection import (
    CrossValidator,
    CrossValidatorModel,
    TrainValidationSplit,
    TrainValidationSplitModel,
    validator,
)

ESTIMATORS: dict[str, type[Trainable]] = {
    "KMeans": KMeans,
    "LinearRegression": LinearRegression,
    "LinearSVC": LinearSVC,
    "LinearSVR": LinearSVR,
    "LogisticRegression": LogisticRegression,
    "PoissonRegression": PoissonRegression,
    "QuantileRegression": QuantileRegression,
    "RandomForestClassifier": RandomForestClassifier,
    "RandomForestRegressor": RandomForestRegressor,
}


def estimator(name: str, **params: Any) -> Trainable:
    """The estimator of that name, with params.

    Raises
    ------
    InputError
        If there is no such estimator or param, or a value is not of its kind.
    """
    if name not in ESTIMATORS:
        raise InputError(f"there is no model '{name}': there are {', '.join(ESTIMATORS)}")
    return ESTIMATORS[name](**params)


__all__ = [
    "CrossValidator",
    "CrossValidatorModel",
    "KMeans",
    "KMeansModel",
    "LinearRegression",
    "LinearRegressionModel",
    "LinearSVC",
    "LinearSVCModel",
    "LinearSVR",
    "LinearSVRModel",
    "LogisticRegression",
    "LogisticRegressionModel",
    "ModelFace",
    "PoissonRegression",
    "PoissonRegressionModel",
    "Progress",
    "QuantileRegression",
    "QuantileRegressionModel",
    "RandomForestClassificationModel",
    "RandomForestClassifier",
    "RandomForestRegressionModel",
    "RandomForestRegressor",
    "TrainValidationSplit",
    "TrainValidationSplitModel",
    "estimator",
    "fill",
    "read_parquet",
    "validator",
]
