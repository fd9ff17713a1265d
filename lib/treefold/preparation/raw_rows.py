"""Raw rows, each with the reason for which it is rejected, if there is one."""

from typing import Any

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as f

from treefold.engine.reading.columns import column_named, hint
from treefold.errors import InputError
from treefold.ml.read import read_files, read_source
from treefold.privacy.columns import protected
from treefold.privacy.policies import Privacy

CORRUPT = "_corrupt_record"
REASON = "_reason"
TEXT_FORMATS = ("csv", "json")


def read_raw(spark: SparkSession, source: Any, privacy: Privacy | None = None) -> DataFrame:
    """Rows of a source with a column ``_reason``, null where a row is good.

    Parameters
    ----------
    spark : SparkSession
        The session.
    source : treefold.cli.preparation_conf.Raw
        The rows to read.
    privacy : Privacy, optional
        Policies of private columns, which checks see after them.

    Raises
    ------
    InputError
        If there is nothing to read, a check is no condition, or the label is no column.
    """
    data = (
        _with_corrupt_records(spark, source)
        if source.format in TEXT_FORMATS and source.path
        else read_source(spark, source)
    )
    data = protected(data, privacy)
    reasons = [f.when(f.col(CORRUPT).isNotNull(), "cannot be read as its types")] if CORRUPT in data.columns else []
    for role in ("label", "weight"):
        name = getattr(source, role)
        if name is not None:
            if name not in data.columns:
                raise InputError(f"data.{role}: there is no column '{name}': {hint(name, data.columns)}")
            reasons.append(f.when(column_named(data, name).isNull(), f"{role} is null"))
    for name, condition in source.checks.items():
        reasons.append(f.when(~f.coalesce(_condition(data, name, condition), f.lit(False)), name))
    return data.withColumn(REASON, f.coalesce(*reasons, f.lit(None)) if reasons else f.lit(None).cast("string"))


def rejected(rows: DataFrame, privacy: Privacy | None = None) -> DataFrame:
    """The rows that have a reason.

    With private columns, a row that could not be read has its reason alone: nothing tells in which column a value of it
    stands.
    """
    found = rows.where(f.col(REASON).isNotNull())
    if privacy is None or CORRUPT not in rows.columns:
        return found
    others = [name for name in rows.columns if name not in (CORRUPT, REASON)]
    kept = [f.when(f.col(CORRUPT).isNull(), column_named(rows, name)).alias(name) for name in others]
    return found.select(*kept, REASON)


def accepted(rows: DataFrame) -> DataFrame:
    """The rows that have none, without the columns about it."""
    return rows.where(f.col(REASON).isNull()).drop(REASON, CORRUPT)


def _with_corrupt_records(spark: SparkSession, source: Any) -> DataFrame:
    """Files of text: rows that do not fit the schema keep their text in ``_corrupt_record``.

    The schema is the one that is declared, or Spark infers it in a first reading.
    """
    options = {"inferSchema": True, **source.options} if source.format == "csv" else dict(source.options)
    schema = source.schema
    if schema is None:
        first = read_files(spark, [source.path], source.format, options)
        known = [field for field in first.schema if field.name != CORRUPT]
        schema = ", ".join(f"`{field.name.replace('`', '``')}` {field.dataType.simpleString()}" for field in known)
    options |= {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": CORRUPT}
    options.pop("inferSchema", None)
    return read_files(spark, [source.path], source.format, options, f"{schema}, {CORRUPT} STRING")


def _condition(data: DataFrame, name: str, condition: str) -> Column:
    found = f.expr(condition)
    try:
        kind = data.select(found).schema[0].dataType.simpleString()
    except AnalysisException as error:
        raise InputError(f"data.checks.{name}: {str(error).strip().splitlines()[0]}") from error
    if kind != "boolean":
        raise InputError(f'data.checks.{name} is of type {kind}: write a condition, such as "age > 0"')
    return found
