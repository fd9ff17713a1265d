"""pyspark.ml Estimators and Models on treefold's engine.

Names and defaults of params are those of pyspark.ml. An unknown param raises an error. Params that say how MLlib stores
and sends intermediate results (``aggregationDepth``, ``checkpointInterval`` and so on) are accepted without effect.
"""

from difflib import get_close_matches
from typing import Any

from treefold.errors import InputError
from treefold.ml.base import Trainable
from treefold.ml.calibration import CalibratedClassifier, CalibratedClassifierModel
from treefold.ml.clustering.kmeans import KMeans
from treefold.ml.clustering.model import KMeansModel
from treefold.ml.clustering.summary import KMeansSummary
from treefold.ml.forest.estimators import RandomForestClassifier, RandomForestRegressor
from treefold.ml.forest.models import (
    DecisionTreeClassificationModel,
    DecisionTreeRegressionModel,
    RandomForestClassificationModel,
    RandomForestRegressionModel,
)
from treefold.ml.from_conf import params_of, with_columns
from treefold.ml.ftrl.classifier import FTRLClassificationModel, FTRLClassifier
from treefold.ml.ftrl.regressor import FTRLRegressionModel, FTRLRegressor
from treefold.ml.linear.linear_regression import LinearRegression, LinearRegressionModel
from treefold.ml.linear.logistic import LogisticRegression, LogisticRegressionModel
from treefold.ml.linear.poisson import PoissonRegression, PoissonRegressionModel
from treefold.ml.linear.quantile import QuantileRegression, QuantileRegressionModel
from treefold.ml.linear.svc import LinearSVC, LinearSVCModel
from treefold.ml.linear.svr import LinearSVR, LinearSVRModel
from treefold.ml.model import SparkModel, fill, made_of
from treefold.ml.perceptron.classifier import (
    MultilayerPerceptronClassificationModel,
    MultilayerPerceptronClassifier,
)
from treefold.ml.perceptron.regressor import MultilayerPerceptronRegressionModel, MultilayerPerceptronRegressor
from treefold.ml.progress import Progress
from treefold.ml.read import read_parquet, read_source
from treefold.ml.summaries.kinds import (
    BinaryLogisticRegressionSummary,
    BinaryLogisticRegressionTrainingSummary,
    BinaryRandomForestClassificationSummary,
    BinaryRandomForestClassificationTrainingSummary,
    LinearRegressionSummary,
    LinearRegressionTrainingSummary,
    LinearSVCSummary,
    LinearSVCTrainingSummary,
    LogisticRegressionSummary,
    LogisticRegressionTrainingSummary,
    MultilayerPerceptronClassificationSummary,
    MultilayerPerceptronClassificationTrainingSummary,
    RandomForestClassificationSummary,
    RandomForestClassificationTrainingSummary,
)
from treefold.ml.svm import SVC, SVR, OneClassSVM, OneClassSVMModel, SVCModel, SVRModel
from treefold.ml.tuning import (
    CrossValidator,
    CrossValidatorModel,
    TrainValidationSplit,
    TrainValidationSplitModel,
    validator,
)
from treefold.persistence import model_io

ESTIMATORS: dict[str, type[Trainable]] = {
    "CalibratedClassifier": CalibratedClassifier,
    "FTRLClassifier": FTRLClassifier,
    "FTRLRegressor": FTRLRegressor,
    "KMeans": KMeans,
    "LinearRegression": LinearRegression,
    "LinearSVC": LinearSVC,
    "LinearSVR": LinearSVR,
    "LogisticRegression": LogisticRegression,
    "MultilayerPerceptronClassifier": MultilayerPerceptronClassifier,
    "MultilayerPerceptronRegressor": MultilayerPerceptronRegressor,
    "OneClassSVM": OneClassSVM,
    "PoissonRegression": PoissonRegression,
    "QuantileRegression": QuantileRegression,
    "RandomForestClassifier": RandomForestClassifier,
    "RandomForestRegressor": RandomForestRegressor,
    "SVC": SVC,
    "SVR": SVR,
}


def estimator(name: str, **params: Any) -> Trainable:
    """The estimator with a name, with params.

    Parameters
    ----------
    name : str
        Name of the class, such as ``LogisticRegression``.
    **params
        Values of its params. An estimator among them may be a map of its ``name`` and its params.

    Returns
    -------
    Trainable

    Raises
    ------
    InputError
        If there is no such estimator or param, or a value is not valid.
    """
    if name not in ESTIMATORS:
        close = get_close_matches(name, ESTIMATORS, 1)
        hint = f"did you mean '{close[0]}'?" if close else f"there are {', '.join(ESTIMATORS)}"
        raise InputError(f"there is no model '{name}': {hint}")
    inner = params.get("estimator")
    if isinstance(inner, dict) and isinstance(inner.get("name"), str):
        params["estimator"] = estimator(**inner)
    return ESTIMATORS[name](**params)


def estimator_of(conf: Any) -> Trainable:
    """The estimator that the conf of a job names, with its params and columns.

    Parameters
    ----------
    conf : treefold.cli.config.Train
        Conf of the job.

    Returns
    -------
    Trainable

    Raises
    ------
    InputError
        As :func:`estimator`, or if the estimator has no such column.
    """
    return with_columns(estimator(conf.model.name, **conf.model.params), conf.data.params())


def load_model(path: str) -> SparkModel:
    """The model saved at a path or URI, whatever its class.

    Parameters
    ----------
    path : str
        A path, or a URI that :func:`treefold.locations.opened` takes.

    Returns
    -------
    SparkModel

    Raises
    ------
    InputError
        If there is no complete model.
    """
    saved = model_io.load_saved(path)
    name = str(saved.face.get("class", "")).rpartition(".")[2]
    cls = globals().get(name)
    if not (isinstance(cls, type) and issubclass(cls, SparkModel)):
        raise InputError(f"{path} holds a {name or 'model without a class'}: load it with that class")
    return made_of(saved, cls)


__all__ = [
    "SVC",
    "SVR",
    "BinaryLogisticRegressionSummary",
    "BinaryLogisticRegressionTrainingSummary",
    "BinaryRandomForestClassificationSummary",
    "BinaryRandomForestClassificationTrainingSummary",
    "CalibratedClassifier",
    "CalibratedClassifierModel",
    "CrossValidator",
    "CrossValidatorModel",
    "DecisionTreeClassificationModel",
    "DecisionTreeRegressionModel",
    "FTRLClassificationModel",
    "FTRLClassifier",
    "FTRLRegressionModel",
    "FTRLRegressor",
    "KMeans",
    "KMeansModel",
    "KMeansSummary",
    "LinearRegression",
    "LinearRegressionModel",
    "LinearRegressionSummary",
    "LinearRegressionTrainingSummary",
    "LinearSVC",
    "LinearSVCModel",
    "LinearSVCSummary",
    "LinearSVCTrainingSummary",
    "LinearSVR",
    "LinearSVRModel",
    "LogisticRegression",
    "LogisticRegressionModel",
    "LogisticRegressionSummary",
    "LogisticRegressionTrainingSummary",
    "MultilayerPerceptronClassificationModel",
    "MultilayerPerceptronClassificationSummary",
    "MultilayerPerceptronClassificationTrainingSummary",
    "MultilayerPerceptronClassifier",
    "MultilayerPerceptronRegressionModel",
    "MultilayerPerceptronRegressor",
    "OneClassSVM",
    "OneClassSVMModel",
    "PoissonRegression",
    "PoissonRegressionModel",
    "Progress",
    "QuantileRegression",
    "QuantileRegressionModel",
    "RandomForestClassificationModel",
    "RandomForestClassificationSummary",
    "RandomForestClassificationTrainingSummary",
    "RandomForestClassifier",
    "RandomForestRegressionModel",
    "RandomForestRegressor",
    "SVCModel",
    "SVRModel",
    "SparkModel",
    "TrainValidationSplit",
    "TrainValidationSplitModel",
    "estimator",
    "estimator_of",
    "fill",
    "load_model",
    "params_of",
    "read_parquet",
    "read_source",
    "validator",
]

for _name in __all__:  # saved models name their class by this module, whichever module defines it
    if isinstance(globals()[_name], type):
        globals()[_name].__module__ = __name__
