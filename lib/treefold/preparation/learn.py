"""Learning a preparation from training rows: one aggregation of the numbers, one of the levels."""

from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f
from pyspark.sql import types as t

from treefold import __version__
from treefold.engine.reading.columns import hint, numeric
from treefold.errors import InputError
from treefold.ml.feature_patterns import features_named
from treefold.preparation.apply import DATE_PARTS, level_of, number_of
from treefold.preparation.learned import FORMAT, Dates, Hashed, Levels, Numeric, Preparation, Step, Target

KINDS = ("numeric", "onehot", "ordinal", "target", "hashing", "dates", "text")
TIMES = (t.DateType, t.TimestampType, t.TimestampNTZType)


def columns_by_kind(data: DataFrame, features: Any, reserved: set[str]) -> dict[str, list[str]]:
    """The columns of each kind, patterns resolved.

    Parameters
    ----------
    data : DataFrame
        The data.
    features : treefold.cli.preparation_conf.Features
        The encoding of each column.
    reserved : columns that no pattern names
        Columns that are not features.

    Raises
    ------
    InputError
        If a column is missing, or of a type that the kind cannot take.
    """
    asked = {kind: getattr(features, kind) for kind in KINDS}
    if not any(asked.values()):
        free = [field for field in data.schema if field.name not in reserved]
        asked["numeric"] = [field.name for field in free if numeric(field.dataType)]
        asked["onehot"] = [field.name for field in free if isinstance(field.dataType, t.StringType)]
        asked["dates"] = [field.name for field in free if isinstance(field.dataType, TIMES)]
    found = {kind: features_named(names, data.columns, reserved) for kind, names in asked.items()}
    for kind, names in found.items():
        for name in names:
            if name not in data.columns:
                raise InputError(f"features.{kind}: there is no column '{name}': {hint(name, data.columns)}")
            of_type = data.schema[name].dataType
            wrong = (kind == "numeric" and not numeric(of_type)) or (kind == "dates" and not isinstance(of_type, TIMES))
            if wrong:
                raise InputError(
                    f"features.{kind}: column '{name}' is of type {of_type.simpleString()}: name it under another "
                    "kind, or declare its type in data.schema"
                )
    return found


def labels_of(rows: DataFrame, label: str | None) -> list[str] | None:
    """The levels of a label of text, in the order of their indices; None of any other.

    They are those of all rows: a class that is in the test rows alone is a class that the model cannot know, and no
    missing label.
    """
    if label is None or not isinstance(rows.schema[label].dataType, t.StringType):
        return None
    return sorted(row[0] for row in rows.select(f"`{label}`").distinct().collect())


def learn(
    train: DataFrame, conf: Any, by_kind: dict[str, list[str]], fold: Column, labels: list[str] | None
) -> Preparation:
    """What the training rows teach.

    Parameters
    ----------
    train : DataFrame
        Training rows.
    by_kind : dict[str, list[str]]
        Columns by kind.
    labels : list of str, optional
        See :func:`labels_of`.
    conf : treefold.cli.preparation_conf.Prepare
        Conf of the job.
    fold : Column
        Of the rows, for target encoding.

    Raises
    ------
    InputError
        If a column has no value or too many levels, or target encoding has no label.
    """
    encoding, label = conf.encoding, conf.data.label
    of_text = labels is not None
    if by_kind["target"] and (label is None or of_text):
        raise InputError("features.target: target encoding needs data.label, and a label that is a number")
    steps: list[Step] = _numbers(train, by_kind["numeric"], encoding)
    levels = [*by_kind["onehot"], *by_kind["ordinal"]]
    counted = _levels(train, list(dict.fromkeys([*levels, *by_kind["target"]])), None if of_text else label, fold)
    for name in levels:
        common = sorted(level for level, rows in _rows(counted[name]).items() if rows >= encoding.minCount)
        if len(common) > encoding.maxLevels:
            kind = "onehot" if name in by_kind["onehot"] else "ordinal"
            raise InputError(
                f"features.{kind}: column '{name}' has {len(common)} levels of at least {encoding.minCount} rows, more "
                "than encoding.maxLevels: raise encoding.minCount, or name the column under hashing or target"
            )
        steps.append(Levels(name, common, name in by_kind["onehot"], encoding.unseen))
    steps += [_target(name, counted[name], encoding) for name in by_kind["target"]]
    for name in by_kind["dates"]:
        hours = not isinstance(train.schema[name].dataType, t.DateType)
        steps.append(Dates(name, [*DATE_PARTS, *(["hour"] if hours else [])]))
    if by_kind["hashing"]:
        steps.append(Hashed(by_kind["hashing"], encoding.numFeatures, False))
    steps += [Hashed([name], encoding.numFeatures, True) for name in by_kind["text"]]
    return Preparation(FORMAT, __version__, steps, label, labels)


def _numbers(train: DataFrame, names: list[str], encoding: Any) -> list[Step]:
    if not names:
        return []
    asked = []
    for i, name in enumerate(names):
        value = number_of(train, name)
        asked += [f.mean(value).alias(f"mean{i}"), f.stddev_pop(value).alias(f"scale{i}")]
        asked += [f.percentile_approx(value, 0.5, f.lit(10_000)).alias(f"median{i}"), f.count(value).alias(f"rows{i}")]
    figures = train.agg(f.count(f.lit(1)).alias("all"), *asked).first()
    assert figures is not None
    steps: list[Step] = []
    for i, name in enumerate(names):
        if not figures[f"rows{i}"]:
            raise InputError(f"features.numeric: column '{name}' has no value in the training rows: leave it out")
        mean, scale = float(figures[f"mean{i}"]), float(figures[f"scale{i}"])
        fill = mean if encoding.imputation == "mean" else float(figures[f"median{i}"])
        centre, by = (mean, scale or 1.0) if encoding.standardize else (0.0, 1.0)
        steps.append(Numeric(name, fill, centre, by, encoding.indicators and figures[f"rows{i}"] < figures["all"]))
    return steps


def _levels(
    train: DataFrame, names: list[str], label: str | None, fold: Column
) -> dict[str, list[tuple[str, int, int, float]]]:
    """Level, fold, rows and sum of the label, of each column: one aggregation."""
    if not names:
        return {}
    y = f.lit(0.0) if label is None else f.col(f"`{label}`").cast("double")
    pairs = f.array(*(f.struct(f.lit(name).alias("column"), level_of(train, name).alias("level")) for name in names))
    each = train.select(f.explode(pairs).alias("pair"), fold.alias("fold"), y.alias("y"))
    grouped = each.groupBy("pair.column", "pair.level", "fold").agg(f.count(f.lit(1)), f.sum("y"))
    found: dict[str, list[tuple[str, int, int, float]]] = {name: [] for name in names}
    for column, level, number, rows, total in grouped.collect():
        found[column].append((level, number, rows, float(total or 0.0)))
    return found


def _rows(counted: list[tuple[str, int, int, float]]) -> dict[str, int]:
    """Rows of each level."""
    found: dict[str, int] = {}
    for level, _, rows, _ in counted:
        found[level] = found.get(level, 0) + rows
    return found


def _target(name: str, counted: list[tuple[str, int, int, float]], encoding: Any) -> Target:
    """Means ``(sum + smoothing prior) / (rows + smoothing)`` of all rows, and of the rows outside of each fold."""

    def means(kept: list[tuple[str, int, int, float]]) -> tuple[dict[str, float], float]:
        rows, sums = _rows(kept), dict[str, float]()
        for level, _, _, total in kept:
            sums[level] = sums.get(level, 0.0) + total
        prior = sum(sums.values()) / max(1, sum(rows.values()))
        return {k: (sums[k] + encoding.smoothing * prior) / (rows[k] + encoding.smoothing) for k in rows}, prior

    every, prior = means(counted)
    parts = [means([each for each in counted if each[1] != fold]) for fold in range(encoding.folds)]
    return Target(name, every, prior, [part[0] for part in parts], [part[1] for part in parts])
