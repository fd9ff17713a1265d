"""Chooses the reader by which a DataFrame becomes blocks.

The Parquet reader takes a plain scan of Parquet files with a choice of columns: the workers read the files themselves.
The DataFrame reader takes everything else: tables, views, filters, expressions, cached data, a column made from
directory names, a file system that the workers' pyarrow cannot open. Spark evaluates its rows.
"""

import logging

from pyspark.sql import DataFrame

from treefold.engine.execution.executors import slots_asked_for, spark_property
from treefold.engine.execution.spark_blocks import BlockSource, SparkBlocks, new_name
from treefold.engine.execution.task import ReadTask
from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.engine.reading.columns import arrays, checked, numeric, with_fields
from treefold.engine.reading.dataframe import DataFrameSource
from treefold.engine.reading.hadoop_folders import refuse_tables
from treefold.engine.reading.parquet import ParquetSource
from treefold.engine.reading.partitioning import TaskCount, bytes_of_blocks
from treefold.engine.reading.read_errors import UseSpark
from treefold.engine.reading.spark_features import unassembled
from treefold.engine.reading.spark_plan import check_plain_scan, column_types, planned_sizes, refuse_connect
from treefold.engine.storage.block_store import BlockStore
from treefold.errors import InputError

log = logging.getLogger(__name__)


def open_blocks(data: DataFrame, columns: Columns, label: str, tasks: int | None = None) -> SparkBlocks:
    """Open a DataFrame as blocks, which must be closed.

    Errors in the rows themselves are found by the first pass, unless they are in the first few rows.

    Parameters
    ----------
    data : DataFrame
        The data.
    columns : Columns
        The columns that take part.
    label : str
        Name of the algorithm, for Spark's UI.
    tasks : int, optional
        Number of tasks of a pass. By default the number of task slots, and on a cluster at least one for each 128 MiB
        of blocks, and for each slot that the application may get one of at least 16 MiB.

    Returns
    -------
    SparkBlocks

    Raises
    ------
    InputError
        If a column is missing or is neither a number, an array nor a vector, a file is damaged, there are no rows, the
        folder is one of Delta Lake, Hudi or Iceberg, or the session is one of Spark Connect.
    """
    refuse_connect(data)
    data = with_fields(data, columns.names)
    columns = checked(data, columns)
    refuse_tables(data)
    below = unassembled(data, columns)
    if below:
        log.info("the readers take the columns behind '%s' instead of its vectors", columns.features[0])
        data, columns = below.data, below.columns
    context = data.sparkSession.sparkContext
    name = new_name()
    # In local mode the number of slots is fixed; on a cluster this application may have only few of its executors yet.
    cluster = not (tasks or str(context.master).startswith("local"))
    count = TaskCount(
        tasks or context.defaultParallelism, cluster, slots_asked_for(context.getConf().get) if cluster else 0
    )
    store = BlockStore(on_disk=spark_property(context, "spark.io.encryption.enabled").lower() != "true")
    sources = [source(data, columns, name, count, store) for source in (_parquet_source, _dataframe_source)]
    return SparkBlocks(context, [source for source in sources if source], name, label, store)


def _parquet_source(
    data: DataFrame, columns: Columns, name: str, tasks: TaskCount, store: BlockStore
) -> BlockSource | None:
    try:
        check_plain_scan(data, columns)
        source = ParquetSource(data.inputFiles(), columns)
        source.check_types(column_types(data, columns))
        plain = all(numeric(data.schema[name].dataType) for name in columns.features)
        features, stored = (len(columns.features), None) if plain else source.look()
    except UseSpark as reason:
        log.info("Spark makes the rows instead of the Parquet reader: %s", reason)
        return None
    _check_emptied(data, source.empty_files)
    size = bytes_of_blocks(source.rows, features, columns.dtype, stored)
    runs = source.runs(features, stored, tasks.of(size))
    context = data.sparkSession.sparkContext
    return BlockSource(
        "parquet", lambda: context.parallelize(runs, len(runs)).mapPartitions(ReadTask(name, store)), lambda: None
    )


def _check_emptied(data: DataFrame, empty: list[str]) -> None:
    """Raise InputError if a file had bytes when Spark listed it: Spark leaves out only those that had none."""
    sizes = planned_sizes(data, empty) if empty else {}
    for uri in empty:
        if sizes.get(uri):
            raise InputError(f"{uri} has become empty since the DataFrame was made: restore it, or read the data anew")


def _dataframe_source(data: DataFrame, columns: Columns, name: str, tasks: TaskCount, store: BlockStore) -> BlockSource:
    def frame() -> DataFrame:
        # Columns are renamed to numbers, because mapInArrow does not take a column with a dot in its name.
        return data.select(*(column.alias(str(i)) for i, column in enumerate(arrays(data, columns))))

    source = DataFrameSource(frame, columns, name, tasks, store)
    return BlockSource("dataframe", source.parts, source.close)
