"""Synthetic rows through Spark to Parquet."""

import json
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.ml.linalg import VectorUDT
from pyspark.sql import SparkSession
from pyspark.sql.types import DataType, DoubleType, IntegerType, LongType, StringType, StructField, StructType
from scipy.sparse import csr_array

from treefold.generation.kinds import generated, truth

TRUTH = "_truth.json"
VECTOR = pa.struct(
    [
        pa.field("type", pa.int8()),
        pa.field("size", pa.int32()),
        pa.field("indices", pa.list_(pa.int32())),
        pa.field("values", pa.list_(pa.float64())),
    ]
)


def write_generated(spark: SparkSession, spec: Any, files: int, folder: Path) -> None:
    """Write the rows of a spec as Parquet files into a folder, and what is true of them as ``_truth.json``.

    Parameters
    ----------
    spark : SparkSession
        The session.
    spec : treefold.cli.generation_conf.Spec
        Description of the data set.
    files : int
        Files, or with a test split files of each side. File k has a run of rows, whatever the number of tasks at a
        time.
    folder : Path
        Where to write.
    """
    none = batch_of(spec, np.empty(0, np.uint64))
    schema = StructType([StructField(field.name, _spark_type(field.type)) for field in none.schema])
    rows = spark.range(0, spec.rows, 1, files).mapInArrow(partial(_batches, spec), schema)
    by = ["split"] if spec.test else []
    rows.write.mode("append").partitionBy(*by).parquet(str(folder))
    for file in [*folder.rglob("_SUCCESS"), *folder.rglob(".*.crc")]:
        file.unlink()
    (folder / TRUTH).write_text(json.dumps(truth(spec)) + "\n")


def batch_of(spec: Any, position: np.ndarray) -> pa.RecordBatch:
    """Rows of a spec as Arrow columns."""
    return pa.RecordBatch.from_pydict({name: _arrow(column) for name, column in generated(spec, position).items()})


def _batches(spec: Any, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch_of(spec, batch.column(0).to_numpy().astype(np.uint64))


def _arrow(column: Any) -> pa.Array:
    if isinstance(column, csr_array):
        rows, ends = column.shape[0], pa.array(column.indptr.astype(np.int32))
        lists = [
            pa.ListArray.from_arrays(ends, pa.array(part)) for part in (column.indices.astype(np.int32), column.data)
        ]
        sizes = [pa.array(np.zeros(rows, np.int8)), pa.array(np.full(rows, column.shape[1], np.int32))]
        return pa.StructArray.from_arrays([*sizes, *lists], fields=list(VECTOR))
    if isinstance(column, np.ma.MaskedArray):
        return pa.array(column.data, mask=np.ma.getmaskarray(column), type=_type(column.dtype))
    return pa.array(column, type=_type(column.dtype))


def _type(kind: np.dtype) -> pa.DataType:
    return pa.string() if kind.kind == "O" else pa.from_numpy_dtype(kind)


def _spark_type(kind: pa.DataType) -> DataType:
    if pa.types.is_struct(kind):
        return VectorUDT()
    return {"int64": LongType(), "int32": IntegerType(), "double": DoubleType(), "string": StringType()}[str(kind)]
