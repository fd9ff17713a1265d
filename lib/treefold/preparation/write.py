"""A preparation from raw rows to published Parquet."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from treefold.engine.reading.planned_table import tables_of
from treefold.errors import InputError
from treefold.preparation.apply import indexed, prepared
from treefold.preparation.learn import columns_by_kind, labels_of, learn
from treefold.preparation.learned import PREPARATION
from treefold.preparation.raw_rows import REASON, accepted, read_raw, rejected
from treefold.preparation.splitting import SPLIT, fold_of, side_of
from treefold.privacy.anonymity import check_k_anonymity

DATA, REJECTS, SUMMARY = "data", "rejects", "prepare.json"
FOLD = "treefold_fold"


def write_prepared(spark: SparkSession, conf: Any, folder: Path) -> dict[str, Any]:
    """Prepare raw rows into a folder: ``data/split=...``, ``rejects/``, ``preparation.json``, ``prepare.json``.

    Parameters
    ----------
    spark : SparkSession
        The session.
    conf : treefold.cli.preparation_conf.Prepare
        Conf of the job.
    folder : Path
        Where to write.

    Returns
    -------
    dict
        Rows of each side, rejected rows by reason, features: what ``prepare.json`` says.

    Raises
    ------
    InputError
        If the rows cannot be read or prepared, or more are rejected than the conf allows.
    """
    # A row that could not be read may hold a private value in any column: it must not reach a disk.
    level = StorageLevel.MEMORY_ONLY if conf.privacy else StorageLevel.MEMORY_AND_DISK
    with _kept(read_raw(spark, conf.data, conf.privacy), level) as raw:
        return _write_all(raw, conf, folder)


@contextmanager
def _kept(rows: DataFrame, level: StorageLevel) -> Iterator[DataFrame]:
    """The rows, read once and kept by the executors while they are counted, learned from and written.

    Spark parses only the columns of a text file that a query asks for. A row with a bad value would be bad in one query
    and good in the next, and neither written nor rejected.
    """
    rows.persist(level)
    try:
        yield rows
    finally:
        rows.unpersist()


def _write_all(raw: DataFrame, conf: Any, folder: Path) -> dict[str, Any]:
    reasons = {row[0]: row[1] for row in raw.groupBy(REASON).agg(f.count(f.lit(1))).collect()}
    good = reasons.pop(None, 0)
    _check(conf, good, reasons)
    if reasons:
        rejected(raw, conf.privacy).write.parquet(str(folder / REJECTS))
    kept = [name for name in dict.fromkeys([*conf.data.key, *conf.split.key, conf.data.weight]) if name]
    rows = accepted(raw)
    anonymity = check_k_anonymity(rows, conf.privacy)
    reserved = {*kept, conf.data.label, conf.split.time, conf.split.column} - {None}
    by_kind = columns_by_kind(rows, conf.features, reserved)
    random = conf.privacy.random if conf.privacy else []
    fold = fold_of(rows, conf.split, conf.encoding.folds, random)
    sided = rows.withColumns({SPLIT: side_of(rows, conf.split), FOLD: fold})
    train = sided.where(f.col(SPLIT) == "train")
    if conf.split.column and train.isEmpty():
        raise InputError(f"split.column: column '{conf.split.column}' says 'train' of no row")
    preparation = learn(train, conf, by_kind, f.col(FOLD), labels_of(rows, conf.data.label))
    if conf.data.label:
        sided = sided.withColumn(conf.data.label, indexed(preparation, sided))
        kept.append(conf.data.label)
    of_train = f.when(f.col(SPLIT) == "train", f.col(FOLD))
    features = prepared(sided, preparation, [*kept, SPLIT], of_train)
    _write(features, conf.output, folder / DATA)
    (folder / PREPARATION).write_bytes(preparation.encoded())
    described = {
        "input": conf.data.name,
        "rows": _rows_by_side(folder / DATA),
        "rejects": reasons,
        "features": [name for name in features.columns if name not in (*kept, SPLIT)],
        "labels": preparation.labels,
        "k_anonymity": anonymity,
        **tables_of(raw),
    }
    (folder / SUMMARY).write_text(json.dumps(described, indent=2) + "\n")
    for file in [*folder.rglob("_SUCCESS"), *folder.rglob(".*.crc")]:
        file.unlink()
    return described


def _check(conf: Any, good: int, reasons: dict[str, int]) -> None:
    bad, limit = sum(reasons.values()), conf.data.maxRejects
    described = ", ".join(
        f"{rows:,} rows: {reason}" for reason, rows in sorted(reasons.items(), key=lambda each: -each[1])
    )
    most = limit if limit is None or limit >= 1 else limit * (good + bad)
    if most is not None and bad > most:
        raise InputError(
            f"{bad:,} of {good + bad:,} rows of {conf.data.name} are rejected ({described}), more than data.maxRejects"
        )
    if not good:
        raise InputError(
            f"{conf.data.name} has no rows{f' that are good ({described})' if bad else ''}: check the input"
        )


def _write(features: DataFrame, output: Any, folder: Path) -> None:
    if output.files:
        features = features.repartition(output.files)
    writer = features.write.partitionBy(SPLIT).option("parquet.block.size", output.rowGroupBytes)
    if output.rowsPerFile:
        writer = writer.option("maxRecordsPerFile", output.rowsPerFile)
    writer.parquet(str(folder))


def _rows_by_side(folder: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for file in sorted(folder.rglob("*.parquet")):
        side = file.parent.name.removeprefix(f"{SPLIT}=")
        found[side] = found.get(side, 0) + pq.read_metadata(file).num_rows
    return found
