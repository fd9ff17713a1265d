"""Regressors, their models and summaries, under the name that this module has in pyspark.ml."""

from treefold.ml.forest.estimators import RandomForestRegressor
from treefold.ml.forest.models import DecisionTreeRegressionModel, RandomForestRegressionModel
from treefold.ml.ftrl.regressor import FTRLRegressionModel, FTRLRegressor
from treefold.ml.linear.linear_regression import LinearRegression, LinearRegressionModel
from treefold.ml.linear.poisson import PoissonRegression, PoissonRegressionModel
from treefold.ml.linear.quantile import QuantileRegression, QuantileRegressionModel
from treefold.ml.linear.svr import LinearSVR, LinearSVRModel
from treefold.ml.perceptron.regressor import MultilayerPerceptronRegressionModel, MultilayerPerceptronRegressor
from treefold.ml.summaries.kinds import LinearRegressionSummary, LinearRegressionTrainingSummary
from treefold.ml.svm import SVR, SVRModel

__all__ = [
    "SVR",
    "DecisionTreeRegressionModel",
    "FTRLRegressionModel",
    "FTRLRegressor",
    "LinearRegression",
    "LinearRegressionModel",
    "LinearRegressionSummary",
    "LinearRegressionTrainingSummary",
    "LinearSVR",
    "LinearSVRModel",
    "MultilayerPerceptronRegressionModel",
    "MultilayerPerceptronRegressor",
    "PoissonRegression",
    "PoissonRegressionModel",
    "QuantileRegression",
    "QuantileRegressionModel",
    "RandomForestRegressionModel",
    "RandomForestRegressor",
    "SVRModel",
]
