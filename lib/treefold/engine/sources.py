"""Doors: how a DataFrame becomes blocks.

A plain scan of Parquet files with a choice of columns goes through the fast door: the workers read the files
themselves. Everything else (tables, views, filters, expressions, cached data, a column made from directory names, a
file system that the workers' pyarrow cannot open) goes through Spark.
"""

import pyarrow as pa
from pyspark.ml.linalg import VectorUDT
from pyspark.sql import Column, DataFrame
from pyspark.sql import types as t
from pyspark.sql.functions import col, unwrap_udt

from treefold.engine.columns import Columns
from treefold.engine.dataframe import DataFrameSource
from treefold.engine.parquet import ParquetSource, UseSpark, schema_of
from treefold.engine.resident import Rest
from treefold.engine.spark import Door, SparkBlocks, new_name
from treefold.engine.task import ReadTask
from treefold.errors import InputError

PARQUET = "org.apache.spark.sql.execution.datasources.parquet.ParquetFileFormat"


def open_blocks(data: DataFrame, columns: Columns, label: str, tasks: int | None = None) -> SparkBlocks:
    """Blocks of a DataFrame; to be closed.

    Parameters
    ----------
    label : str
        Who passes over them, for Spark's UI.
    tasks : int, default the task slots of the cluster
        Tasks in a pass.

    Raises
    ------
    InputError
        If a column is missing or is neither a number, an array nor a vector, a file is damaged, or there are no rows.
        What is wrong in the rows themselves is found by the first pass, unless it is in the first few.
    """
    columns = checked(data, columns)
    context = data.sparkSession.sparkContext
    name, slots = new_name(), tasks or context.defaultParallelism
    rest = Rest(in_files=context.getConf().get("spark.io.encryption.enabled", "false").lower() != "true")
    doors = [door(data, columns, name, slots, rest) for door in (_parquet_door, _dataframe_door)]
    return SparkBlocks(context, [door for door in doors if door], name, label, rest)


def checked(data: DataFrame, columns: Columns) -> Columns:
    """The columns, ``sparse`` only where there is a single one of vectors.

    Raises
    ------
    InputError
        For a column that is missing or of a type that cannot take part.
    """
    if not columns.features:
        raise InputError("no feature column is named: set featuresCol")
    kinds = {field.name: field.dataType for field in data.schema.fields}
    for name in columns.names:
        if name not in kinds:
            more = f" and {len(kinds) - 20} more" if len(kinds) > 20 else ""
            raise InputError(f"there is no column '{name}': the data has {', '.join(list(kinds)[:20])}{more}")
        if not _numeric(kinds[name]) and (name not in columns.features or not _numeric_row(kinds[name])):
            wanted = "a number, an array of numbers or a vector" if name in columns.features else "a number"
            raise InputError(
                f"column '{name}' is of type {kinds[name].simpleString()}, but must be {wanted}: "
                "index, encode or cast it first"
            )
    only = kinds[columns.features[0]] if len(columns.features) == 1 else None
    return columns._replace(sparse=columns.sparse and isinstance(only, VectorUDT))


def arrays(data: DataFrame, columns: Columns) -> list[Column]:
    """The columns that take part, vectors as the structs that hold them, so that sparse ones stay sparse."""
    kinds = {field.name: field.dataType for field in data.schema.fields}
    quoted = {name: col("`" + name.replace("`", "``") + "`") for name in columns.names}
    return [(unwrap_udt(c) if isinstance(kinds[name], VectorUDT) else c).alias(name) for name, c in quoted.items()]


def _parquet_door(data: DataFrame, columns: Columns, name: str, tasks: int, rest: Rest) -> Door | None:
    if not plain_scan(data, columns):
        return None
    try:
        source = ParquetSource(data.inputFiles(), columns)
        if not same_kinds(data, schema_of(source.groups[0][0].uri), columns):
            return None
        plain = all(_numeric(data.schema[name].dataType) for name in columns.features)
        features, sparse = (len(columns.features), False) if plain else source.look()
    except UseSpark:
        return None
    runs = source.runs(features, sparse, tasks)
    context = data.sparkSession.sparkContext
    return Door(
        "parquet", lambda: context.parallelize(runs, len(runs)).mapPartitions(ReadTask(name, rest)), lambda: None
    )


def _dataframe_door(data: DataFrame, columns: Columns, name: str, tasks: int, rest: Rest) -> Door:
    def frame() -> DataFrame:
        # Numbers for names: mapInArrow cannot take a column with a dot in its name.
        return data.select(*(column.alias(str(i)) for i, column in enumerate(arrays(data, columns))))

    source = DataFrameSource(frame, columns, name, tasks, rest)
    return Door("dataframe", source.parts, source.close)


def plain_scan(data: DataFrame, columns: Columns) -> bool:
    """Whether the rows are those of Parquet files and the columns stand in them as they are.

    Rows that are cached need no longer be those of the files. A new plan is asked, because an old one may not know of
    the cache.
    """
    plan = data.select("*")._jdf.queryExecution().withCachedData()
    while plan.getClass().getSimpleName() == "Project":
        outputs = plan.projectList()
        if any(outputs.apply(i).getClass().getSimpleName() != "AttributeReference" for i in range(outputs.size())):
            return False
        plan = plan.child()
    if plan.getClass().getSimpleName() != "LogicalRelation" or plan.catalogTable().isDefined():
        return False
    relation = plan.relation()
    if (
        relation.getClass().getSimpleName() != "HadoopFsRelation"
        or relation.fileFormat().getClass().getName() != PARQUET
    ):
        return False
    location = relation.location()
    if location.getClass().getSimpleName() != "InMemoryFileIndex":
        return False
    roots = location.rootPaths()
    if roots.distinct().size() != roots.size():
        return False  # Spark reads a path twice that is named twice
    return not set(relation.partitionSchema().fieldNames()) & set(columns.names)


def same_kinds(data: DataFrame, schema: pa.Schema, columns: Columns) -> bool:
    """Whether Spark means the columns as the file has them; a schema of the user's own may not."""
    for name in columns.names:
        spark, arrow = data.schema[name].dataType, schema.field(name).type
        if isinstance(spark, t.IntegralType) != pa.types.is_integer(arrow):
            return False
        if isinstance(spark, t.DoubleType) != pa.types.is_float64(arrow):
            return False
    return True


def _numeric(kind: t.DataType) -> bool:
    return isinstance(kind, t.NumericType | t.BooleanType)


def _numeric_row(kind: t.DataType) -> bool:
    return isinstance(kind, VectorUDT) or (isinstance(kind, t.ArrayType) and _numeric(kind.elementType))
