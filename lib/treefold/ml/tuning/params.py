"""Params of a search."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from pyspark.ml.param import TypeConverters

from treefold.ml.converters import Choice, at_least, between
from treefold.ml.params import Option, Options
from treefold.ml.tuning.search_space import Range


def _as_is(value: Any) -> Any:
    return value


def _space(value: Any) -> dict[str, Any]:
    """A space: by name of a param a list of values, or ``{low, high, log}``."""
    if not isinstance(value, Mapping):
        raise TypeError("not a map from params to values")
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
    """Params of a search: settings, score, and stopping.

    All trials are fitted at once, whatever ``parallelism`` says.
    """

    estimator = Option("estimator", "the estimator whose settings are tried", _as_is)
    estimatorParamMaps = Option(
        "estimatorParamMaps", "the settings, as pyspark.ml's ParamGridBuilder makes them", _as_is
    )
    space = Option("space", "instead, by param a list of values, or a range {low, high, log}", _space)
    trials = Option("trials", "the settings drawn from space, >= 1", at_least(1, TypeConverters.toInt), 20)
    strategy = Option(
        "strategy", "grid: every setting; random: settings drawn from space; halving: of either, only the best "
        "continue as iterations grow", Choice("grid", "random", "halving"), "grid",
    )  # fmt: skip
    reduction = Option(
        "reduction", "with strategy halving, one trial in so many continues, >= 2", at_least(2, TypeConverters.toInt), 3
    )
    scoreEvery = Option(
        "scoreEvery", "iterations after which all trials are scored; 0 for only at the end",
        at_least(0, TypeConverters.toInt), 0,
    )  # fmt: skip
    stopping = Option(
        "stopping", "none, or median: settings worse than the median are stopped early", Choice("none", "median"),
        "none",
    )  # fmt: skip
    rule = Option(
        "rule", "the setting chosen: best, or oneStandardError, the simplest within one standard error of the best",
        Choice("best", "oneStandardError"), "best",
    )  # fmt: skip
    evaluator = Option("evaluator", "the score: an evaluator of pyspark.ml, a metric or its name", _as_is)
    parallelism = Option(
        "parallelism", "ignored: all settings are fitted at once", at_least(1, TypeConverters.toInt), 1
    )
    collectSubModels = Option(
        "collectSubModels", "whether models of all folds are kept", TypeConverters.toBoolean, False
    )
    seed = Option("seed", "the seed of folds and draws", TypeConverters.toInt, 0)


class FoldOptions(SearchOptions):
    """Params of the folds."""

    numFolds = Option("numFolds", "the folds, >= 2", at_least(2, TypeConverters.toInt), 3)
    foldCol = Option("foldCol", "the column of folds 0 .. numFolds - 1; drawn if empty", TypeConverters.toString, "")
    stratified = Option(
        "stratified", "whether folds have the same number of rows of every label", TypeConverters.toBoolean, False
    )


class SplitOptions(SearchOptions):
    """Params of a single split."""

    trainRatio = Option("trainRatio", "the share of the rows that are trained on, in (0, 1)", between(0, 1), 0.75)
