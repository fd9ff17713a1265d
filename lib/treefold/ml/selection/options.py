"""Params of a search."""

from typing import Any

import numpy as np
from pyspark.ml.param import TypeConverters

from treefold.algorithms.search import Range
from treefold.ml.options import Option, Options, at_least, choice


def _as_is(value: Any) -> Any:
    return value


def _space(value: Any) -> dict[str, Any]:
    """By name of a param a list of values, or ``{low, high, log}``."""
    space = {}
    for name, values in value.items():
        if isinstance(values, dict):
            try:
                values = Range(**values)
            except TypeError as error:
                raise ValueError(f"{name} is a list of values, or low, high and log") from error
        if isinstance(values, Range) and not (0 if values.log else -np.inf) < values.low <= values.high < np.inf:
            raise ValueError(f"{name} ranges from {values.low} to {values.high}")
        if not isinstance(values, Range) and (not isinstance(values, list) or not values):
            raise ValueError(f"{name} is a list of values, or low, high and log")
        space[name] = values
    return space


class SearchOptions(Options):
    """What is tried, how it is judged, and who goes on.

    All trials are fitted at once, whatever ``parallelism`` says.
    """

    estimator = Option("estimator", "the estimator whose settings are tried", _as_is)
    estimatorParamMaps = Option(
        "estimatorParamMaps", "the settings, as pyspark.ml's ParamGridBuilder makes them", _as_is
    )
    space = Option("space", "instead, by param a list of values, or a range {low, high, log}", _space)
    trials = Option("trials", "the settings drawn from space, >= 1", at_least(1, TypeConverters.toInt), 20)
    strategy = Option(
        "strategy", "grid: every setting; random: settings drawn from space; halving: of either, only the best go on "
        "as iterations grow", choice("grid", "random", "halving"), "grid",
    )  # fmt: skip
    reduction = Option(
        "reduction", "one in so many goes on, with strategy halving, >= 2", at_least(2, TypeConverters.toInt), 3
    )
    scoreEvery = Option(
        "scoreEvery", "iterations after which all are judged on the way; 0 for only at the end",
        at_least(0, TypeConverters.toInt), 0,
    )  # fmt: skip
    stopping = Option(
        "stopping", "none, or median: on the way, settings worse than the median are stopped", choice("none", "median"),
        "none",
    )  # fmt: skip
    rule = Option(
        "rule", "the setting chosen: best, or oneStandardError, the simplest that is within an error of the best",
        choice("best", "oneStandardError"), "best",
    )  # fmt: skip
    evaluator = Option("evaluator", "the judge: an evaluator of pyspark.ml, a metric or its name", _as_is)
    parallelism = Option("parallelism", "of no account: all are fitted at once", at_least(1, TypeConverters.toInt), 1)
    collectSubModels = Option(
        "collectSubModels", "whether models of all folds are kept", TypeConverters.toBoolean, False
    )
    seed = Option("seed", "the seed of folds and draws", TypeConverters.toInt, 0)
