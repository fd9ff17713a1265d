"""The stages of an estimator."""

from typing import Any

from pyspark.ml import Pipeline
from pyspark.ml.classification import OneVsRest
from pyspark.ml.param import Params

from treefold.ml.tuning.params import SearchOptions


def stages_of(estimator: Any) -> dict[str, Params]:
    """By uid the estimator, the stages of a Pipeline, the classifier of a OneVsRest, and the stages of these."""
    inner: list[Any] = []
    if isinstance(estimator, Pipeline):
        inner = estimator.getStages()
    elif isinstance(estimator, OneVsRest):
        inner = [estimator.getClassifier()]
    elif isinstance(estimator, SearchOptions) and estimator.isDefined("estimator"):
        inner = [estimator.getOrDefault("estimator")]
    found = {estimator.uid: estimator}
    for stage in inner:
        found |= stages_of(stage)
    return found
