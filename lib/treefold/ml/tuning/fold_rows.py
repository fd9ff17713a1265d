"""The rows on which fits are made, transformed by the stages before the estimator.

Stages that are not fitted transform the rows of all folds at once. Stages that are fitted are fitted to the training
rows of each fold, so each fold has transformed rows of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from pyspark.ml import Estimator, Pipeline, PipelineModel
from pyspark.sql import Column, DataFrame
from pyspark.sql.functions import col, floor, least, lit, rand, when

from treefold.errors import InputError
from treefold.ml.tuning.split_plan import Plan

HELD_OUT = "treefold_fold"  # 0 in held-out rows, 1 in training rows


class FoldRows(NamedTuple):
    """Rows of which some folds are held out in turn.

    Attributes
    ----------
    data : DataFrame
        Transformed by the stages before the estimator.
    plan : Plan
        How these rows are split.
    folds : list of int
        The folds of the search that are held out.
    before : PipelineModel
        The stages before the estimator.
    """

    data: DataFrame
    plan: Plan
    folds: list[int]
    before: PipelineModel

    @property
    def whole(self) -> bool:
        """Whether the fit to all rows uses these rows as well."""
        return self.plan.only is None


def learns(before: list[Any]) -> bool:
    """Whether any of the stages is fitted."""
    return any(isinstance(stage, Estimator) for stage in before)


def fold_rows(before: list[Any], data: DataFrame, plan: Plan) -> Iterator[FoldRows]:
    """Rows for the fits of all folds.

    Parameters
    ----------
    before : list of Any
        Stages before the estimator.
    data : DataFrame
        Rows; with a column of the folds, from :func:`divided`, if a stage is fitted.
    plan : Plan
        Folds of the search.

    Returns
    -------
    iterator of FoldRows
    """
    if not learns(before):
        made = PipelineModel(before)
        yield FoldRows(made.transform(data), plan, list(range(plan.held_out)), made)
        return
    for fold in range(plan.held_out):
        train, test = split_rows(data, plan, fold)
        made = Pipeline(stages=before).fit(train)
        rows = [made.transform(part).withColumn(HELD_OUT, lit(flag)) for part, flag in ((test, 0), (train, 1))]
        yield FoldRows(rows[0].unionByName(rows[1]), plan.for_fold(fold, HELD_OUT), [fold], made)


@contextmanager
def divided(data: DataFrame, plan: Plan) -> Iterator[DataFrame]:
    """The rows with a column of folds, drawn from the seed as pyspark.ml does, cached within a ``with`` statement.

    Raises
    ------
    InputError
        If a fold of the user's column is not valid.
    """
    if plan.column:
        _check_folds(data, plan)
        marked = data
    else:
        marked = data.withColumn(HELD_OUT, _drawn(plan))
    cached = data.is_cached and marked is data
    if not cached:
        marked.persist()
    try:
        yield marked
    finally:
        if not cached:
            marked.unpersist()


def split_rows(data: DataFrame, plan: Plan, fold: int) -> tuple[DataFrame, DataFrame]:
    """Training rows and held-out rows of a fold.

    Parameters
    ----------
    data : DataFrame
        Rows from :func:`divided`.
    plan : Plan
        Folds of the search.
    fold : int
        Number of the fold that is held out.

    Returns
    -------
    tuple of DataFrame
        Training rows and held-out rows.
    """
    column = col(f"`{plan.column or HELD_OUT}`")
    parts = data.where(column != fold), data.where(column == fold)
    return parts if plan.column else (parts[0].drop(HELD_OUT), parts[1].drop(HELD_OUT))


def _drawn(plan: Plan) -> Column:
    if plan.train_share is not None:
        return when(rand(plan.seed) < plan.train_share, 1).otherwise(0)
    return least(floor(rand(plan.seed) / (1.0 / plan.folds)), lit(plan.folds - 1))


def _check_folds(data: DataFrame, plan: Plan) -> None:
    column = col(f"`{plan.column}`")
    if plan.column not in data.columns:
        raise InputError(f"there is no column '{plan.column}': it has {', '.join(data.columns)}")
    valid = column.isNotNull() & (column >= 0) & (column < plan.folds) & (column == floor(column))
    if outside := data.where(~valid).count():
        raise InputError(plan.outside(outside))
