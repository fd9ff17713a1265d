"""Train, validation and test: by hash of a key, or by time."""

from collections.abc import Collection
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f

from treefold.engine.reading.columns import column_named, hint
from treefold.errors import InputError

SPLIT = "split"
GRAIN = 1_000_000


def side_of(data: DataFrame, split: Any) -> Column:
    """The side of each row: ``train``, ``validation`` or ``test``.

    By key it is ``pmod(xxhash64(seed, keys), 10^6) / 10^6``, so all rows of a key are on one side whatever else there
    is. By time the last rows are the test, those before them the validation; the cuts are quantiles of the times, found
    in one pass.

    Parameters
    ----------
    data : DataFrame
        The data.
    split : treefold.cli.preparation_conf.Split
        How rows are split.

    Raises
    ------
    InputError
        If a column is missing.
    """
    for name in filter(None, [*split.key, split.time, split.column]):
        if name not in data.columns:
            raise InputError(f"split: there is no column '{name}': {hint(name, data.columns)}")
    if SPLIT in data.columns and split.column != SPLIT:
        raise InputError(
            f"the rows have a column '{SPLIT}': split by it (split.column = \"{SPLIT}\"), or read them from a view "
            "without it"
        )
    if split.column:
        return column_named(data, split.column).cast("string")
    if not split.test and not split.validation:
        return f.lit("train")
    if split.time:
        place, kept, ends = _times(data, split)
    else:
        place = f.pmod(f.xxhash64(f.lit(split.seed), *(column_named(data, name) for name in split.key)), f.lit(GRAIN))
        kept, ends = (round(share * GRAIN) - 1 for share in (1 - split.test - split.validation, 1 - split.test))
    return f.when(place > ends, "test").when(place > kept, "validation").otherwise("train")


def fold_of(data: DataFrame, split: Any, folds: int, random: Collection[str] = ()) -> Column:
    """A fold of each row for out-of-fold figures: by hash of its key, or of the whole row without one.

    Parameters
    ----------
    data : DataFrame
        Rows.
    split : Any
        Split of the conf, with ``key`` and ``seed``.
    folds : int
        Number of folds.
    random : collection of str, optional
        Columns that differ at each evaluation and take no part.

    Returns
    -------
    Column
        Number of the fold, from 0.
    """
    names = split.key or [name for name in data.columns if name not in random]
    return f.pmod(f.xxhash64(f.lit(split.seed + 1), *(column_named(data, name) for name in names)), f.lit(folds))


def _times(data: DataFrame, split: Any) -> tuple[Column, float, float]:
    place = column_named(data, split.time)
    if data.schema[split.time].dataType.simpleString() in ("date", "timestamp", "timestamp_ntz"):
        place = f.unix_micros(place.cast("timestamp"))
    shares = [1 - split.test - split.validation, 1 - split.test]
    found = data.select(f.percentile_approx(place, shares, f.lit(GRAIN))).collect()[0][0]
    if found is None:
        raise InputError(f"split.time: column '{split.time}' has no value: split by key instead")
    return place, *found
