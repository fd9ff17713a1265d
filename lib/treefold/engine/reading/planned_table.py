"""The rows of a version of a table, whose log says which files count: Spark reads these as plain Parquet."""

import json
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql.functions import broadcast, col, lit, regexp_replace, replace, url_decode
from pyspark.sql.types import StructType

from treefold.engine.reading.spark_plan import TABLE_OPTION, tables_read
from treefold.errors import InputError

Version = int | datetime

GLOB = str.maketrans({letter: f"\\{letter}" for letter in "*?[]{}\\"})
FILE, ROW = "treefold_file", "treefold_row"


class PlannedTable(NamedTuple):
    """A version of a table.

    Attributes
    ----------
    format : str
        Name of the format.
    path : str
        The folder, as the file system of Spark names it.
    version : int
        Number of the version, of Iceberg the id of the snapshot.
    files : list of str
        The live files, as the file system of Spark names them.
    schema : str
        Spark's schema as JSON.
    partitioned : bool
        Whether partition columns are in the names of the folders below ``path`` instead of in the files.
    values : pa.Table, optional
        Values of the partition columns by file, where Spark would read others from the names of the folders.
    deleted : dict of str
        Numbers of the deleted rows, by file.
    """

    format: str
    path: str
    version: int
    files: list[str]
    schema: str
    partitioned: bool = False
    values: pa.Table | None = None
    deleted: dict[str, NDArray[np.int64]] = {}

    def only(self, partitions: Collection[str]) -> "PlannedTable":
        """The files of some partitions, by their folders below ``path``."""
        wanted = {f"{self.path}/{name}" for name in partitions}
        return self._replace(files=[file for file in self.files if file.rpartition("/")[0] in wanted])

    def rows(self, spark: SparkSession, options: dict[str, str]) -> DataFrame:
        """The rows: a plain scan of the files, and joins where rows are deleted or values are not in folders.

        Parameters
        ----------
        spark : SparkSession
            The session.
        options : dict of str
            Options of Spark's reader of Parquet.

        Raises
        ------
        InputError
            If Spark does not have the types of the table, or files are missing.
        """
        try:
            schema = StructType.fromJson(json.loads(self.schema))
        except Exception as error:  # of many kinds, by the type that Spark does not know
            raise InputError(f"Spark has no types for the schema of {self.path}: {error}") from error
        if not self.files:
            return spark.createDataFrame([], schema)
        said = {"path": self.path, "format": self.format, "version": self.version}
        reader = spark.read.options(**options).option(TABLE_OPTION, json.dumps(said))
        if self.partitioned and self.values is None:  # the log has times of partitions in UTC
            reader = reader.option("basePath", self.path).option("timeZone", "UTC")
        of_values = self.values.column_names if self.values is not None else []
        reader = reader.schema(StructType([field for field in schema if field.name not in of_values]))
        try:
            frame = reader.parquet(*(file.translate(GLOB) for file in self.files))
        except AnalysisException as error:
            if error.getCondition() != "PATH_NOT_FOUND":
                raise
            raise InputError(
                f"version {self.version} of {self.path} names files that are gone, because they were vacuumed or "
                "expired: read a newer version"
            ) from error
        here = {_one_slash(unquote(uri)) for uri in frame.inputFiles()}
        missing = [file for file in self.files if _one_slash(file) not in here]
        if missing:
            raise InputError(f"Spark does not list {missing[0]}, a live file of {self.path}: see that it is there")
        return self._joined(frame, schema)

    def _joined(self, frame: DataFrame, schema: StructType) -> DataFrame:
        """The rows without the deleted ones, and with the partition values of their files; both are broadcast."""
        live = set(self.files)
        deleted = {_one_slash(file): rows for file, rows in self.deleted.items() if file in live and len(rows)}
        if not deleted and self.values is None:
            return frame
        names, spark = frame.columns, frame.sparkSession
        # Spark encodes letters beyond ASCII in one place and not in the other, so that names are compared decoded.
        decoded = url_decode(replace(col("_metadata.file_path"), lit("+"), lit("%2B")))
        file = regexp_replace(decoded, "^([A-Za-z][^:/]*):///", "$1:/")
        placed = frame.select(*map(_column, names), file.alias(FILE), col("_metadata.row_index").alias(ROW))
        if deleted:
            files = np.repeat(list(deleted), [len(rows) for rows in deleted.values()])
            gone = pa.table({FILE: pa.array(files.tolist(), pa.string()), ROW: np.concatenate(list(deleted.values()))})
            placed = placed.join(broadcast(spark.createDataFrame(gone)), [FILE, ROW], "left_anti")
        if self.values is not None:
            of_files = self.values.append_column(FILE, pa.array(map(_one_slash, self.files), pa.string()))
            placed = placed.join(broadcast(spark.createDataFrame(of_files)), [FILE])
        return placed.select(*(_column(field.name).cast(field.dataType).alias(field.name) for field in schema))


def _column(name: str) -> Column:
    return col(f"`{name.replace('`', '``')}`")


def _one_slash(uri: str) -> str:
    """A URI without the slashes of an empty host."""
    return uri.replace(":///", ":/", 1)


def tables_of(*frames: DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Path, format and version of the tables that DataFrames are made of, as ``tables``; nothing if there are none."""
    found = [table for frame in frames for table in tables_read(frame)]
    return {"tables": found} if found else {}


def first_lines(error: BaseException) -> str:
    """The message of a library in one line, without the colours of a terminal."""
    words: Iterable[Any] = str(error).replace("\x1b[31m", "").replace("\x1b[0m", "").replace("↳", ":").split()
    return " ".join(words).replace(" : ", ": ")[:500]
