"""Scores of fitted models on rows that they have not seen."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyspark.ml.evaluation import (
    BinaryClassificationEvaluator,
    ClusteringEvaluator,
    Evaluator,
    MulticlassClassificationEvaluator,
    RegressionEvaluator,
)

from treefold.algorithms.kmeans.centres import Centres
from treefold.algorithms.kmeans.clusters import clusters
from treefold.dataset.blocks import Blocks
from treefold.errors import InputError
from treefold.metrics import Metric, measure, named
from treefold.metrics.named import OF_NUMBERS
from treefold.metrics.predictions import Several
from treefold.ml.base import Trainable
from treefold.ml.clustering.clustering_fit import mean_silhouettes

SILHOUETTE = "silhouette"
EVALUATORS: tuple[type, ...] = (
    BinaryClassificationEvaluator, MulticlassClassificationEvaluator, RegressionEvaluator, ClusteringEvaluator,
)  # fmt: skip
AREAS = ("areaUnderROC", "areaUnderPR")
BINS = 1 << 12  # bins of a ranking: exact for so many scores; beyond that far more exact than folds differ


class Criterion(NamedTuple):
    """A score of models.

    Attributes
    ----------
    name : str
    larger_is_better : bool
    weighted : bool
        Whether rows count by their weight, or each as one.
    scores : (blocks, NumPy models) -> (models,)
        One pass; two for silhouettes.
    """

    name: str
    larger_is_better: bool
    weighted: bool
    scores: Callable[[Blocks, Sequence[Any]], NDArray]

    @property
    def of_two_classes(self) -> bool:
        """Whether it compares rows of label 1 with rows of label 0, and is NaN if one of them is missing."""
        return self.name in AREAS


def criterion(evaluator: Any, estimator: Trainable) -> Criterion:
    """The criterion that an evaluator of pyspark.ml, a metric, or the name of a metric stands for.

    Parameters
    ----------
    evaluator : Evaluator, Metric or str
        Evaluator, metric, or name of a metric.
    estimator : Trainable
        The estimator.

    Returns
    -------
    Criterion

    Raises
    ------
    InputError
        If the evaluator is of another kind, or reads other columns than the estimator's.
    """
    if isinstance(evaluator, str):
        return (
            _silhouette(estimator, True)
            if evaluator == SILHOUETTE
            else _of(evaluator, named(evaluator, limit=BINS), True)
        )
    if isinstance(evaluator, Metric):
        return _of("score", evaluator, True)
    if type(evaluator) not in EVALUATORS:
        raise InputError("evaluator is an evaluator of pyspark.ml, the name of a metric, or a treefold.metrics.Metric")
    weighted = _check_columns(evaluator, estimator)
    name = str(evaluator.getMetricName())
    if isinstance(evaluator, ClusteringEvaluator):
        wanted = "cosine" if estimator.getOrDefault("distanceMeasure") == "cosine" else "squaredEuclidean"
        if evaluator.getDistanceMeasure() != wanted:
            raise InputError(f"the evaluator's distanceMeasure must be {wanted}, as the estimator's")
        return _silhouette(estimator, weighted)
    if isinstance(evaluator, MulticlassClassificationEvaluator):
        extra = {"label": int(evaluator.getMetricLabel()), "beta": evaluator.getBeta(), "eps": evaluator.getEps()}
        return _of(name, named(name, **extra), weighted)  # type: ignore[arg-type]
    if isinstance(evaluator, RegressionEvaluator):
        return _of(name, named(name, through_origin=evaluator.getThroughOrigin()), weighted)
    return _of(name, named(name, limit=BINS), weighted)


def check_measures(name: str, estimator: Trainable) -> None:
    """Check that a metric measures what an estimator predicts.

    Parameters
    ----------
    name : str
        Name of the metric.
    estimator : Trainable
        The estimator.

    Raises
    ------
    InputError
        If it is a metric of numbers and the estimator predicts classes, or the reverse, or the estimator is a
        clustering.
    """
    kind = type(estimator).__name__
    if name == SILHOUETTE:
        return
    if not estimator.hasParam("labelCol"):
        raise InputError(f"{kind} makes clusters, of which {name} is no measure: use {SILHOUETTE}")
    classes = bool(getattr(estimator, "labels_are_classes", False))
    if classes == (name in OF_NUMBERS):
        what, use = ("classes", "accuracy, f1 or logLoss") if classes else ("numbers", "rmse, mae or r2")
        raise InputError(f"{kind} predicts {what}, of which {name} is no measure: use {use}")


def _check_columns(evaluator: Evaluator, estimator: Trainable) -> bool:
    """Whether the evaluator weights rows; its columns must be those of the estimator."""
    for name in ("labelCol", "predictionCol", "rawPredictionCol", "probabilityCol"):
        if evaluator.hasParam(name) and estimator.hasParam(name):
            theirs, ours = evaluator.getOrDefault(name), estimator.getOrDefault(name)
            ranks_alike = name == "rawPredictionCol" and theirs == estimator.getOrDefault("probabilityCol")
            if theirs != ours and not ranks_alike:
                raise InputError(f"the evaluator's {name} is '{theirs}', the estimator's '{ours}': make them agree")
    weight = evaluator.getOrDefault("weightCol") if evaluator.isDefined("weightCol") else None
    if weight and weight != estimator.value("weightCol"):
        raise InputError(f"the evaluator's weightCol is '{weight}': it must be the estimator's, or unset")
    return bool(weight)


def _of(name: str, metric: Metric, weighted: bool) -> Criterion:
    def scores(blocks: Blocks, numpy_models: Sequence[Any]) -> NDArray:
        (sums,) = measure(blocks, Several.of(numpy_models), metric.statistic)
        return np.asarray(metric.score(sums), np.float64).reshape(len(numpy_models), -1).mean(axis=1)  # over outputs

    return Criterion(name, metric.larger_is_better, weighted, scores)


def _silhouette(estimator: Trainable, weighted: bool) -> Criterion:
    if not estimator.hasParam("distanceMeasure"):
        raise InputError(f"{type(estimator).__name__} has no silhouette: it makes no clusters")

    def scores(blocks: Blocks, numpy_models: Sequence[Any]) -> NDArray:
        batch = Centres.of([numpy_model.centres for numpy_model in numpy_models], numpy_models[0].cosine)
        measured = mean_silhouettes(blocks, batch, blocks.sum(clusters, batch))
        return np.array([np.nan if exact is None else exact for exact, _ in measured])

    return Criterion(SILHOUETTE, True, weighted, scores)
