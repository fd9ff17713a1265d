"""Reading of the data that a conf names."""

from typing import Any

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession

from treefold.engine.reading.delta_table import delta_table
from treefold.engine.reading.hadoop_folders import HadoopFolders
from treefold.engine.reading.iceberg_table import iceberg_table
from treefold.engine.reading.planned_table import PlannedTable, Version
from treefold.engine.reading.spark_errors import no_storage, unreadable_file
from treefold.engine.reading.table_formats import DELTA, ICEBERG, refuse_table_folders, table_format
from treefold.errors import InputError
from treefold.locations import answered

OF_FILES = {"parquet", "orc", "avro", "csv", "json", "text", "xml"}


def read_parquet(spark: SparkSession, path: str, version: Version | None = None) -> DataFrame:
    """``spark.read.parquet(path)`` with errors of one line, or the live rows of a table of Delta Lake or Iceberg.

    Parameters
    ----------
    spark : SparkSession
        The session.
    path : str
        A path or URI of files, or the folder of a table.
    version : int or datetime, optional
        The version of the table, by its number (of Iceberg the id of a snapshot) or a time; by default the newest.

    Returns
    -------
    DataFrame

    Raises
    ------
    InputError
        If there is nothing at ``path``, no Parquet, or a table that cannot be read.
    """
    table = _table(spark, path, version)
    return table.rows(spark, {}) if table else read_files(spark, [path], "parquet")


def read_source(
    spark: SparkSession, source: Any, partitions: dict[str, str] | None = None, version: Version | None = None
) -> DataFrame:
    """The rows of a :class:`treefold.cli.scoring_confs.Source`: files of any format, or a table.

    Parameters
    ----------
    spark : SparkSession
        The session.
    source : treefold.cli.scoring_confs.Source
        The rows to read.
    partitions : dict of str, optional
        The partitions to read, by the names of their folders; their paths.
    version : int or datetime, optional
        The version of a table at ``source.path``; by default that of the source.

    Raises
    ------
    InputError
        If they cannot be read.
    """
    if source.path is not None:
        table = None
        if source.format == "parquet" and source.schema is None:
            table = _table(spark, source.path, source.version if version is None else version)
        if table:
            return (table.only(partitions) if partitions else table).rows(spark, _texts(source.options))
        if partitions:
            options = {**source.options, "basePath": source.path}
            return read_files(spark, list(partitions.values()), source.format, options, source.schema)
        return read_files(spark, [source.path], source.format, source.options, source.schema)
    try:
        return spark.table(source.table)
    except AnalysisException as error:
        if error.getCondition() == "TABLE_OR_VIEW_NOT_FOUND":
            raise InputError(f"there is no table {source.table}: check its name and catalog") from error
        raise InputError(f"table {source.table} cannot be read: {_first_line(error)}") from error


def read_files(
    spark: SparkSession, paths: list[str], format: str, options: dict[str, Any] | None = None, schema: str | None = None
) -> DataFrame:
    """``spark.read.format(format).options(...).schema(...).load(paths)`` with errors of one line.

    Parameters
    ----------
    spark : SparkSession
        The session.
    paths : list of str
        Paths or URIs.
    format : str
        Name of the format.
    options : dict, optional
        Options of the reader.
    schema : str, optional
        Schema in DDL.

    Returns
    -------
    DataFrame

    Raises
    ------
    InputError
        If there is nothing at a path, its file system cannot be opened, or it cannot be read as that format.
    """
    if format in OF_FILES:
        for path in paths:
            _check_answers(spark, path)
    if format == "parquet":
        refuse_table_folders(HadoopFolders(spark), paths)  # before Spark fails on the metadata in the folder
    where = ", ".join(paths)
    try:
        reader = spark.read.format(format).options(**_texts(options or {}))
        return (reader.schema(schema) if schema else reader).load(paths)
    except AnalysisException as error:
        if error.getCondition() == "PATH_NOT_FOUND":
            raise InputError(f"there is nothing at {where}: check the path") from error
        if error.getCondition() == "UNABLE_TO_INFER_SCHEMA":
            name = "Parquet" if format == "parquet" else format
            raise InputError(f"there are no {name} files at {where}: check the path") from error
        raise InputError(f"{where} cannot be read: {_first_line(error)}") from error
    except Exception as error:
        raise unreadable_file(error) or error from None


def _check_answers(spark: SparkSession, path: str) -> None:
    """Raise InputError if the file system of a path cannot be opened, or does not answer within a minute.

    Hadoop asks a server that does not answer again and again, for longer than anyone waits.
    """
    folders = HadoopFolders(spark)
    try:
        answered(path, lambda: folders.ask(path))
    except InputError:
        raise
    except Exception as error:
        raise no_storage(path, error) from error


def _table(spark: SparkSession, path: str, version: Version | None) -> PlannedTable | None:
    """The table whose folder a path is, planned from its log; None if it is no such folder."""
    _check_answers(spark, path)
    folders = HadoopFolders(spark)
    format = table_format(folders, path)
    if format == DELTA:
        named = folders.named(path)
        return answered(named, lambda: delta_table(named, version))
    if format == ICEBERG:
        named = folders.named(path)
        return answered(named, lambda: iceberg_table(named, folders.names(f"{named}/metadata"), version))
    if version is not None:
        raise InputError(f"{path} is the folder of no table that has versions ({DELTA}, {ICEBERG}): leave version out")
    return None


def _texts(options: dict[str, Any]) -> dict[str, str]:
    """Options as Spark's reader takes them."""
    return {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in options.items()}


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
