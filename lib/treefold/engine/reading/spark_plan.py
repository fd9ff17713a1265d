"""Inspection of the plan of a DataFrame; `spark_features` and this file alone use Catalyst."""

import json
from collections.abc import Collection
from typing import Any, NamedTuple

from pyspark.ml.linalg import VectorUDT
from pyspark.sql import DataFrame

from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.engine.reading.read_errors import UseSpark
from treefold.errors import InputError

PARQUET = "org.apache.spark.sql.execution.datasources.parquet.ParquetFileFormat"
PARQUET_V2 = "org.apache.spark.sql.execution.datasources.v2.parquet.ParquetTable"
BETWEEN = "\x01"  # between expressions
PLAIN_INDEXES = ("InMemoryFileIndex", "CatalogFileIndex")
TABLE_OPTION = "treefold.table"  # of a scan of the live files of a table: path, format and version as JSON


def refuse_connect(data: DataFrame) -> None:
    """Raise InputError for a DataFrame of a Spark Connect session, which has neither a plan nor a context."""
    if type(data).__module__.startswith("pyspark.sql.connect."):
        raise InputError(
            "the DataFrame is of a Spark Connect session, which is not supported yet: use a session with a master, "
            "as SparkSession.builder.master(...) or spark-submit makes it"
        )


def check_plain_scan(data: DataFrame, columns: Columns) -> None:
    """Raise UseSpark unless the rows are those of Parquet files with the columns as they are.

    Cached rows may differ from those of the files. A new plan is requested, because an old one may not know of the
    cache.
    """
    if data.isStreaming:
        raise UseSpark("the DataFrame is a stream")
    plan = data.select("*")._jdf.queryExecution().withCachedData()
    while plan.getClass().getSimpleName() == "Project":
        if not set(texts(plan.projectList())) <= set(texts(plan.child().output())):
            raise UseSpark("the DataFrame has computed or renamed columns")
        plan = plan.child()
    kind = plan.getClass().getSimpleName()
    if kind != "LogicalRelation" or plan.relation().getClass().getSimpleName() != "HadoopFsRelation":
        raise UseSpark(f"the DataFrame is no plain scan of files: its plan has a {kind}")
    if plan.catalogTable().isDefined():
        raise UseSpark("the DataFrame is a table of the catalog")
    _check_relation(data, plan.relation(), columns)


def texts(expressions: Any) -> list[str]:
    """A sequence of expressions as Catalyst writes them: an attribute as its name and id, which identify it in a plan.

    One call to the JVM writes all of them, because a call for each takes seconds where there are a thousand columns.
    """
    found: list[str] = expressions.mkString(BETWEEN).split(BETWEEN)
    whole = len(found) == expressions.size()
    return found if whole else [expressions.apply(i).toString() for i in range(expressions.size())]


def _check_relation(data: DataFrame, relation: Any, columns: Columns) -> None:
    if relation.fileFormat().getClass().getName() != PARQUET:
        raise UseSpark(f"the files are of another format: {relation.fileFormat().getClass().getSimpleName()}")
    location = relation.location()
    if location.getClass().getSimpleName() != "InMemoryFileIndex":
        raise UseSpark(f"the files are listed by {location.getClass().getSimpleName()}")
    roots = location.rootPaths()
    if roots.distinct().size() != roots.size():
        raise UseSpark("a path is named twice, and Spark reads it twice")
    named = sorted(set(relation.partitionSchema().fieldNames()) & set(columns.names))
    if named:
        raise UseSpark(f"column '{named[0]}' is made from the names of directories")
    for lenient in ("ignoreCorruptFiles", "ignoreMissingFiles"):
        given = relation.options().get(lenient)
        conf = data.sparkSession.conf.get(f"spark.sql.files.{lenient}", "false")
        if str(given.get() if given.isDefined() else conf).lower() == "true":
            raise UseSpark(f"{lenient} is set")


def column_types(data: DataFrame, columns: Columns) -> dict[str, str]:
    """Types of the columns as :func:`treefold.engine.reading.parquet_types.column_types` has them."""
    kinds = {field.name: field.dataType for field in data.schema.fields}
    return {
        name: "vector" if isinstance(kinds[name], VectorUDT) else kinds[name].simpleString() for name in columns.names
    }


def planned_sizes(data: DataFrame, uris: Collection[str]) -> dict[str, int]:
    """Bytes that files of a plain scan had when Spark listed them."""
    plan = data.select("*")._jdf.queryExecution().analyzed()
    statuses = plan.collectLeaves().apply(0).relation().location().allFiles()
    found = {}
    for status in (statuses.apply(i) for i in range(statuses.size())):
        uri = status.getPath().toUri().toString()
        if uri in uris:
            found[uri] = int(status.getLen())
    return found


def parquet_roots(data: DataFrame) -> list[str]:
    """The paths that a DataFrame reads as plain Parquet, anywhere in its plan.

    Tables of other formats that store Parquet files have a file index of their own and are not among them, nor are
    scans of the live files of a table.
    """
    roots: list[str] = []
    for leaf in _leaves(data):
        location = _parquet_location(leaf)
        if location is not None and not _table_of(leaf):
            paths = location.rootPaths()
            roots += [paths.apply(i).toString() for i in range(paths.size())]
    return roots


def tables_read(data: DataFrame) -> list[dict[str, Any]]:
    """Path, format and version of the tables of whose live files a DataFrame is made."""
    return [json.loads(said) for said in map(_table_of, _leaves(data)) if said]


def _leaves(data: DataFrame) -> list[Any]:
    leaves = data._jdf.queryExecution().analyzed().collectLeaves()
    return [leaves.apply(i) for i in range(leaves.size())]


def _table_of(leaf: Any) -> str:
    """The option of a scan of live files; empty for any other."""
    if leaf.getClass().getSimpleName() != "LogicalRelation":
        return ""
    if leaf.relation().getClass().getSimpleName() != "HadoopFsRelation":
        return ""
    said = leaf.relation().options().get(TABLE_OPTION)
    return str(said.get()) if said.isDefined() else ""


def _parquet_location(leaf: Any) -> Any:
    """The file index of a scan of Parquet files, by version 1 or 2 of Spark's data sources; else None."""
    kind = leaf.getClass().getSimpleName()
    if kind == "LogicalRelation" and leaf.relation().getClass().getSimpleName() == "HadoopFsRelation":
        location = leaf.relation().location()
        plain = leaf.relation().fileFormat().getClass().getName() == PARQUET
        return location if plain and location.getClass().getSimpleName() in PLAIN_INDEXES else None
    if kind == "DataSourceV2Relation" and leaf.table().getClass().getName() == PARQUET_V2:
        return leaf.table().fileIndex()
    return None


class InputFiles(NamedTuple):
    """Files of a scan: the columns made from the names of directories, and by URI the bytes and the time of each."""

    partition_columns: list[str]
    files: dict[str, tuple[int, int]]


def input_files(data: DataFrame) -> InputFiles | None:
    """The files of a DataFrame that is a scan of files, as Spark has listed them; None for any other DataFrame."""
    plan = data._jdf.queryExecution().analyzed()
    if plan.getClass().getSimpleName() != "LogicalRelation":
        return None
    relation = plan.relation()
    if relation.getClass().getSimpleName() != "HadoopFsRelation":
        return None
    location = relation.location()
    if location.getClass().getSimpleName() != "InMemoryFileIndex":
        return None
    statuses = location.allFiles()
    found = {}
    for status in (statuses.apply(i) for i in range(statuses.size())):
        uri = status.getPath().toUri().toString()
        found[uri] = (int(status.getLen()), int(status.getModificationTime()))
    return InputFiles(list(relation.partitionSchema().fieldNames()), found)
