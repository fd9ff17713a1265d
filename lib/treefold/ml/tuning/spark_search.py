"""Search without shared passes: pyspark.ml fits and scores every setting on every fold separately."""

from typing import Any, NamedTuple

import numpy as np
from pyspark.ml import tuning
from pyspark.ml.evaluation import Evaluator
from pyspark.sql import DataFrame

from treefold.errors import InputError
from treefold.ml.tuning.candidates import ParamMap
from treefold.ml.tuning.params import SearchOptions

SHARED = ("seed", "parallelism", "collectSubModels")
JOINT_ONLY = ("reduction", "scoreEvery", "stopping", "rule", "stratified")


class Found(NamedTuple):
    """Results of a search: the best model, the scores by setting, and the models of the folds if collected."""

    best: Any
    scores: dict[str, Any]
    sub_models: Any


def search_by_spark(search: SearchOptions, settings: list[ParamMap], data: DataFrame, why: str) -> Found:
    """Search with pyspark.ml's CrossValidator or TrainValidationSplit.

    Parameters
    ----------
    search : SearchOptions
        The search, whose params apply.
    settings : list of dict
        Values by param.
    data : DataFrame
        The data.
    why : str
        Why there are no shared passes, for messages.

    Returns
    -------
    Found

    Raises
    ------
    InputError
        If a param is set that needs shared passes, or the score is not an Evaluator.
    """
    for name in JOINT_ONLY:
        if search.changed(name):
            raise InputError(f"{name} is set, but {why}: clear it")
    if search.value("strategy") == "halving":
        raise InputError(f"strategy is halving, but {why}: use grid or random")
    evaluator: Any = search.getOrDefault("evaluator")
    if not isinstance(evaluator, Evaluator):
        raise InputError(f"{why}, so it takes an evaluator such as pyspark.ml's, not the name of a metric or a Metric")
    single = search.hasParam("trainRatio")
    kind, own = (
        (tuning.TrainValidationSplit, ["trainRatio"]) if single else (tuning.CrossValidator, ["numFolds", "foldCol"])
    )
    params = {name: search.value(name) for name in (*SHARED, *own)}
    estimator: Any = search.getOrDefault("estimator")
    found: Any = kind(estimator=estimator, estimatorParamMaps=settings, evaluator=evaluator, **params).fit(data)
    means = np.array(found.validationMetrics if single else found.avgMetrics, np.float64)
    deviations = np.zeros(len(means)) if single else np.array(found.stdMetrics, np.float64)
    best = found.bestModel
    if np.isnan(means).any():  # pyspark.ml would choose the first NaN as the best
        if np.isnan(means).all():
            raise InputError(f"no setting has a score: {type(evaluator).__name__} is NaN for all")
        number = int(np.nanargmax(means) if evaluator.isLargerBetter() else np.nanargmin(means))
        best = estimator.fit(data, settings[number])
    metric = evaluator.getMetricName() if hasattr(evaluator, "getMetricName") else type(evaluator).__name__
    scores = {"metric": metric, "mean": means.tolist(), "deviation": deviations.tolist()}
    return Found(best, scores, found.subModels)
