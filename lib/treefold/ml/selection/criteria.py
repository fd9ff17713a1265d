"""What fitted models are judged by on rows they have not seen."""

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
from treefold.blocks import Blocks
from treefold.errors import InputError
from treefold.metrics import Metric, measure, named
from treefold.metrics.predictions import Several
from treefold.ml.base import Trainable
from treefold.ml.clusters import mean_silhouettes

SILHOUETTE = "silhouette"
BINS = 1 << 12  # of a ranking: exact up to so many scores; beyond, off by far less than folds differ


class Criterion(NamedTuple):
    """A score of models.

    Attributes
    ----------
    name : str
    larger_is_better : bool
    weighted : bool
        Whether rows count by their weight, or each as one.
    scores : (blocks, pure models) -> (models,)
        One pass; two for silhouettes.
    """

    name: str
    larger_is_better: bool
    weighted: bool
    scores: Callable[[Blocks, Sequence[Any]], NDArray]


def criterion(evaluator: Any, estimator: Trainable) -> Criterion:
    """The criterion that an evaluator of pyspark.ml, a metric or the name of one stands for.

    Raises
    ------
    InputError
        If the evaluator is of another kind, or looks at other columns than the estimator's.
    """
    if isinstance(evaluator, str):
        return (
            _silhouette(estimator, True)
            if evaluator == SILHOUETTE
            else _of(evaluator, named(evaluator, limit=BINS), True)
        )
    if isinstance(evaluator, Metric):
        return _of("score", evaluator, True)
    if not isinstance(evaluator, Evaluator):
        raise InputError("evaluator is an evaluator of pyspark.ml, the name of a metric, or a treefold.metrics.Metric")
    weighted = _check_columns(evaluator, estimator)
    name = str(evaluator.getMetricName())  # type: ignore[attr-defined]
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


def _check_columns(evaluator: Evaluator, estimator: Trainable) -> bool:
    """Whether the evaluator weighs rows; its columns must be those of the estimator."""
    if not isinstance(
        evaluator,
        BinaryClassificationEvaluator | MulticlassClassificationEvaluator | RegressionEvaluator | ClusteringEvaluator,
    ):
        raise InputError(
            f"{type(evaluator).__name__} cannot be computed in the passes: use an evaluator of pyspark.ml for "
            "classes, numbers or clusters, or write a treefold.metrics.Metric"
        )
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
    def scores(blocks: Blocks, pures: Sequence[Any]) -> NDArray:
        (sums,) = measure(blocks, Several.of(pures), metric.statistic)
        return np.asarray(metric.score(sums), np.float64)

    return Criterion(name, metric.larger_is_better, weighted, scores)


def _silhouette(estimator: Trainable, weighted: bool) -> Criterion:
    if not estimator.hasParam("distanceMeasure"):
        raise InputError(f"{type(estimator).__name__} has no silhouette: it makes no clusters")

    def scores(blocks: Blocks, pures: Sequence[Any]) -> NDArray:
        batch = Centres.of([pure.centres for pure in pures], pures[0].cosine)
        measured = mean_silhouettes(blocks, batch, blocks.sum(clusters, batch))
        return np.array([np.nan if exact is None else exact for exact, _ in measured])

    return Criterion(SILHOUETTE, True, weighted, scores)
