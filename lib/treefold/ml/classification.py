"""Classifiers, their models and summaries, under the name that this module has in pyspark.ml."""

from treefold.ml.calibration import CalibratedClassifier, CalibratedClassifierModel
from treefold.ml.forest.estimators import RandomForestClassifier
from treefold.ml.forest.models import DecisionTreeClassificationModel, RandomForestClassificationModel
from treefold.ml.ftrl.classifier import FTRLClassificationModel, FTRLClassifier
from treefold.ml.linear.logistic import LogisticRegression, LogisticRegressionModel
from treefold.ml.linear.svc import LinearSVC, LinearSVCModel
from treefold.ml.perceptron.classifier import (
    MultilayerPerceptronClassificationModel,
    MultilayerPerceptronClassifier,
)
from treefold.ml.summaries.kinds import (
    BinaryLogisticRegressionSummary,
    BinaryLogisticRegressionTrainingSummary,
    BinaryRandomForestClassificationSummary,
    BinaryRandomForestClassificationTrainingSummary,
    LinearSVCSummary,
    LinearSVCTrainingSummary,
    LogisticRegressionSummary,
    LogisticRegressionTrainingSummary,
    MultilayerPerceptronClassificationSummary,
    MultilayerPerceptronClassificationTrainingSummary,
    RandomForestClassificationSummary,
    RandomForestClassificationTrainingSummary,
)
from treefold.ml.svm import SVC, SVCModel

__all__ = [
    "SVC",
    "BinaryLogisticRegressionSummary",
    "BinaryLogisticRegressionTrainingSummary",
    "BinaryRandomForestClassificationSummary",
    "BinaryRandomForestClassificationTrainingSummary",
    "CalibratedClassifier",
    "CalibratedClassifierModel",
    "DecisionTreeClassificationModel",
    "FTRLClassificationModel",
    "FTRLClassifier",
    "LinearSVC",
    "LinearSVCModel",
    "LinearSVCSummary",
    "LinearSVCTrainingSummary",
    "LogisticRegression",
    "LogisticRegressionModel",
    "LogisticRegressionSummary",
    "LogisticRegressionTrainingSummary",
    "MultilayerPerceptronClassificationModel",
    "MultilayerPerceptronClassificationSummary",
    "MultilayerPerceptronClassificationTrainingSummary",
    "MultilayerPerceptronClassifier",
    "RandomForestClassificationModel",
    "RandomForestClassificationSummary",
    "RandomForestClassificationTrainingSummary",
    "RandomForestClassifier",
    "SVCModel",
]
