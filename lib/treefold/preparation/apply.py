"""Raw columns become feature columns, by Spark's SQL functions and pyspark.ml's transformers."""

from collections.abc import Iterable
from itertools import chain

from pyspark.ml.feature import FeatureHasher, HashingTF, Tokenizer
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f

from treefold.engine.reading.columns import column_named, hint
from treefold.errors import InputError
from treefold.preparation.learned import (
    MISSING,
    OTHERS,
    Dates,
    Hashed,
    Levels,
    Numeric,
    Preparation,
    Step,
    Target,
    feature_name,
)  # fmt: skip

PARTS = {
    "year": f.year,
    "month": f.month,
    "day": f.dayofmonth,
    "weekday": f.dayofweek,
    "hour": f.hour,
}
DATE_PARTS = ["year", "month", "day", "weekday"]


def prepared(data: DataFrame, preparation: Preparation, kept: Iterable[str], fold: Column | None = None) -> DataFrame:
    """Features of raw rows, after the columns that are kept.

    Parameters
    ----------
    data : DataFrame
        The data.
    preparation : Preparation
        What has been learned from the training rows.
    kept : columns that go through as they are
        Columns that are copied.
    fold : Column, optional
        Of training rows: the fold whose rows a target encoding leaves out; null for other rows.

    Raises
    ------
    InputError
        If a column is missing.
    """
    for name in preparation.columns:
        if name not in data.columns:
            raise InputError(f"the preparation reads a column '{name}', which there is not: {hint(name, data.columns)}")
    carried = [column_named(data, name) for name in dict.fromkeys(kept)]
    made, vectors = carried, []
    for step in preparation.steps:
        if isinstance(step, Hashed):
            data, name = _hashed(data, step)
            vectors.append(f.col(name))
        else:
            made = [*made, *_features(data, step, fold)]
    found = data.select(*made, *vectors)
    twice = sorted(name for name in set(found.columns) if found.columns.count(name) > 1)
    if twice:
        raise InputError(f"two features have the name '{twice[0]}': rename one of their columns")
    return found


def level_of(data: DataFrame, name: str) -> Column:
    """The level of a column as text, missing values one level."""
    return f.coalesce(column_named(data, name).cast("string"), f.lit(MISSING))


def number_of(data: DataFrame, name: str) -> Column:
    """A number, null where it is missing or NaN."""
    value = column_named(data, name).cast("double")
    return f.when(~f.isnan(value), value)


def indexed(preparation: Preparation, data: DataFrame) -> Column:
    """The label as an index where it is text, else as it is."""
    assert preparation.label is not None
    label = column_named(data, preparation.label)
    if preparation.labels is None:
        return label
    return _lookup({level: float(i) for i, level in enumerate(preparation.labels)}, label.cast("string")).cast("int")


def _features(data: DataFrame, step: Step, fold: Column | None) -> list[Column]:
    if isinstance(step, Numeric):
        return _numeric(data, step)
    if isinstance(step, Levels):
        return _levels(data, step)
    if isinstance(step, Target):
        return [_target(data, step, fold).alias(feature_name(step.column, "target"))]
    assert isinstance(step, Dates)
    column = column_named(data, step.column)
    return [f.coalesce(PARTS[part](column), f.lit(0)).alias(feature_name(step.column, part)) for part in step.parts]


def _numeric(data: DataFrame, step: Numeric) -> list[Column]:
    value = number_of(data, step.column)
    filled = (f.coalesce(value, f.lit(step.fill)) - f.lit(step.centre)) / f.lit(step.scale)
    made = [filled.alias(feature_name(step.column))]
    if step.indicator:
        made.append(value.isNull().cast("double").alias(feature_name(step.column, "missing")))
    return made


def _levels(data: DataFrame, step: Levels) -> list[Column]:
    level = level_of(data, step.column)
    if step.unseen == "error":
        message = f.concat(f.lit(f"column '{step.column}' has a level that the training rows had not: "), level)
        level = f.when(level.isin(step.levels), level).otherwise(f.raise_error(message).cast("string"))
    if not step.onehot:
        index = _lookup({name: float(i) for i, name in enumerate(step.levels)}, level)
        return [f.coalesce(index, f.lit(float(len(step.levels)))).alias(feature_name(step.column, "index"))]
    made: dict[str, Column] = {}
    for number, name in enumerate(step.levels):
        of_level = feature_name(step.column, name)  # levels that differ in signs alone have one name
        made[f"{of_level}_{number}" if of_level in made else of_level] = level.eqNullSafe(f.lit(name))
    made[feature_name(step.column, OTHERS)] = ~level.isin(step.levels) if step.levels else f.lit(True)
    return [column.cast("double").alias(name) for name, column in made.items()]


def _target(data: DataFrame, step: Target, fold: Column | None) -> Column:
    level = level_of(data, step.column)
    value = f.coalesce(_lookup(step.means, level), f.lit(step.prior))
    if fold is None:
        return value
    for number, (means, prior) in enumerate(zip(step.folds, step.priors, strict=True)):
        without = f.coalesce(_lookup(means, level), f.lit(prior))
        value = f.when(fold == number, without).otherwise(value)
    return value


def _lookup(values: dict[str, float], level: Column) -> Column:
    if not values:
        return f.lit(None).cast("double")
    pairs = [(f.lit(name), f.lit(value)) for name, value in values.items()]
    return f.create_map(*chain.from_iterable(pairs))[level]


def _hashed(data: DataFrame, step: Hashed) -> tuple[DataFrame, str]:
    """A column of sparse vectors more."""
    name = feature_name("hashed", *(step.columns if step.text else []))
    if not step.text:
        levels = {f"{column}_level": level_of(data, column) for column in step.columns}
        hasher = FeatureHasher(inputCols=list(levels), outputCol=name, numFeatures=step.numFeatures)
        return hasher.transform(data.withColumns(levels)), name
    (column,) = step.columns
    words = f"{name}_words"
    text = data.withColumn(f"{name}_text", f.coalesce(column_named(data, column), f.lit("")))
    tokens = Tokenizer(inputCol=f"{name}_text", outputCol=words).transform(text)
    return HashingTF(inputCol=words, outputCol=name, numFeatures=step.numFeatures).transform(tokens), name
