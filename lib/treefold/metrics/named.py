"""Metrics by their names in pyspark.ml's evaluators."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.errors import InputError
from treefold.metrics import classification, ranking, regression
from treefold.metrics.predictions import Statistic
from treefold.statistics.histogram_sketch import LIMIT

OF_NUMBERS = frozenset({"rmse", "mse", "mae", "r2", "var"})  # metrics of numeric labels; all others are of classes

Score = Callable[[Any], NDArray]


class Metric(NamedTuple):
    """A statistic, the function that turns its sums into scores ``(models,)``, and whether a larger score is better."""

    statistic: Statistic
    score: Score
    larger_is_better: bool


def named(
    name: str,
    *,
    label: int = 0,
    beta: float = 1.0,
    eps: float = classification.EPS,
    through_origin: bool = False,
    limit: int = LIMIT,
) -> Metric:
    """The metric with a name of pyspark.ml.

    Parameters
    ----------
    name : str
        ``accuracy``, ``f1``, ``rmse``, ``areaUnderROC`` and so on.
    label, beta, eps, through_origin
        As ``metricLabel``, ``beta``, ``eps`` and ``throughOrigin`` of pyspark.ml's evaluators.
    limit : int
        Bins of a ranking; see :mod:`treefold.metrics.ranking`.

    Returns
    -------
    Metric

    Raises
    ------
    InputError
        If there is no such metric.
    """
    counted = partial(classification.label_counts, eps=eps)
    ranked = partial(ranking.ranking, limit=limit)
    by_label = _by_label(beta)
    weighted = {f"weighted{word[0].upper()}{word[1:]}": partial(_weighted, score) for word, score in by_label.items()}
    of_label = {f"{word}ByLabel": partial(_of_label, score, label) for word, score in by_label.items()}
    plain: dict[str, Score] = {
        "f1": partial(_weighted, classification.f_measure),
        "accuracy": classification.accuracy,
        "hammingLoss": classification.hamming_loss,
        "logLoss": classification.log_loss,
    }
    errors: dict[str, Score] = {
        "rmse": regression.rmse,
        "mse": regression.mse,
        "mae": regression.mae,
        "r2": partial(regression.r2, through_origin=through_origin),
        "var": regression.explained_variance,
    }
    areas = {"areaUnderROC": ranking.area_under_roc, "areaUnderPR": ranking.area_under_pr}
    larger = name not in {"rmse", "mse", "mae", "hammingLoss", "logLoss"} and "alsePositiveRate" not in name
    if name in (counts := plain | weighted | of_label):
        return Metric(counted, counts[name], larger)
    if name in errors:
        return Metric(regression.errors, errors[name], larger)
    if name in areas:
        return Metric(ranked, partial(_area, areas[name]), larger)
    raise InputError(f"there is no metric '{name}': there are {', '.join([*counts, *errors, *areas])}")


def _by_label(beta: float) -> dict[str, Score]:
    return {
        "precision": classification.precision,
        "recall": classification.recall,
        "truePositiveRate": classification.recall,
        "falsePositiveRate": classification.false_positive_rate,
        "fMeasure": partial(classification.f_measure, beta=beta),
    }


def _weighted(score: Score, counts: classification.LabelCounts) -> NDArray:
    return classification.weighted(counts, score(counts))


def _of_label(score: Score, label: int, counts: classification.LabelCounts) -> NDArray:
    return score(counts)[:, label]


def _area(score: Callable[[ranking.Curve], ranking.Area], sums: ranking.Ranking) -> NDArray:
    return np.array([score(ranking.curve(sketch)).value for sketch in sums.sketch])
