"""The stages of an estimator."""

from typing import Any

from pyspark.ml import Pipeline
from pyspark.ml.classification import OneVsRest
from pyspark.ml.param import Params

from treefold.ml.params import Options


def stages_of(estimator: Any) -> dict[str, Params]:
    """By uid the estimator and what it holds: stages of a Pipeline, the classifier of a OneVsRest or a calibration."""
    inner: list[Any] = []
    if isinstance(estimator, Pipeline):
        inner = estimator.getStages()
    elif isinstance(estimator, OneVsRest):
        inner = [estimator.getClassifier()]
    elif isinstance(estimator, Options) and estimator.hasParam("estimator") and estimator.isDefined("estimator"):
        inner = [estimator.getOrDefault("estimator")]
    found = {estimator.uid: estimator}
    for stage in inner:
        found |= stages_of(stage)
    return found
