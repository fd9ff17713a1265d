"""Prediction, vectorised on Arrow batches, by a NumPy model that does not use Spark."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyspark.ml.functions import array_to_vector
from pyspark.sql import Column, DataFrame
from pyspark.sql.functions import arrow_udf, col, struct, when
from pyspark.sql.types import ArrayType, DataType, MapType, StructType, UserDefinedType

from treefold.dataset.block import Matrix
from treefold.dataset.csr import is_sparse, stored_entries
from treefold.engine.reading.arrow_to_numpy import Columns, read_rows
from treefold.engine.reading.assemble import Rows
from treefold.engine.reading.columns import arrays, checked, column_named, complete, with_fields
from treefold.engine.reading.hadoop_folders import refuse_tables
from treefold.engine.reading.row_reader import RowReader, row_locations
from treefold.engine.reading.spark_features import unassembled
from treefold.engine.reading.spark_plan import refuse_connect
from treefold.errors import InputError

TEMPORARY = "treefold_outputs"
OF_A_BATCH = "of a batch to predict"  # where a bad row is whose file the worker does not know
VECTORS = {"rawPrediction", "probability", "leaf"}


class Outputs(NamedTuple):
    """Computes output columns of a model for Arrow batches of its feature columns.

    ``names`` are some of the names of the model's ``outputs``. A row with NaN has NaN outputs, or null for an index, or
    with ``refuse_nan`` it is an error. A row that is null instead of a struct of features has null outputs.
    """

    model: Any
    columns: Columns
    names: tuple[str, ...]
    refuse_nan: bool = False

    @property
    def type(self) -> str:
        """The outputs as a struct type in DDL."""
        made = self.model.outputs(np.empty((0, self.model.features)))
        return f"struct<{', '.join(f'{name} {_ddl(made[name])}' for name in self.names)}>"

    def __call__(self, features: pa.Array) -> pa.Array:
        if features.null_count:
            there = np.asarray(features.is_valid())
            return self(features.filter(pa.array(there))).take(pa.array(np.cumsum(there) - 1, mask=~there))
        batch = pa.RecordBatch.from_struct_array(features)
        return self.of(read_rows(batch, self.columns, lambda row: f"in row {row} {OF_A_BATCH}"))

    def of(self, rows: Rows) -> pa.Array:
        """The outputs for some rows."""
        X = self._matrix(rows) if len(rows.y) else np.empty((0, self.model.features))
        made = self.model.outputs(X, *rows.extra)
        return pa.StructArray.from_arrays([_arrow(made[name]) for name in self.names], self.names)

    def _matrix(self, rows: Rows) -> Matrix:
        sparse = self.columns.sparse and is_sparse(stored_entries(rows.features[0]), rows.width)
        X = rows.matrix(slice(0, len(rows.y)), self.columns.dtype, sparse)
        if self.refuse_nan and np.isnan(X).any():
            name = self.columns.features[int(np.isnan(X).any(axis=0).argmax())]
            raise InputError(f"column '{name}' holds NaN, which VectorAssembler refuses unless handleInvalid is 'keep'")
        return X


class StoredOutputs:
    """Computes the same from positions of rows in Parquet files."""

    def __init__(self, outputs: Outputs) -> None:
        self.outputs, self.read = outputs, RowReader(outputs.columns)

    def __call__(self, files: pa.Array, numbers: pa.Array, sizes: pa.Array, times: pa.Array) -> pa.Array:
        made = [self.outputs.of(rows) for rows in self.read(files, numbers, sizes, times)]
        return pa.concat_arrays(made or [self.outputs.of(self._none())])

    def _none(self) -> Rows:
        none = np.empty(0)
        return Rows([none], none, none, extra=(none,) * len(self.outputs.columns.extra))


def predicted(
    data: DataFrame,
    model: Any,
    columns: Columns,
    named: dict[str, str],
    attributes: dict[str, dict[str, Any]],
    *,
    vectors: bool = True,
    keep_nulls: bool = False,
) -> DataFrame:
    """``data`` with outputs of a model added.

    Parameters
    ----------
    data : DataFrame
        The data.
    model : NumpyModel
        The fitted model.
    columns : Columns
        The feature columns.
    named : {output: column}
        The outputs to add, and their column names.
    attributes : {output: metadata}
        Metadata of the columns that have any.
    vectors : bool, default True
        Whether ``rawPrediction``, ``probability`` and ``leaf`` are vectors of pyspark.ml instead of arrays.
    keep_nulls : bool, default False
        Whether outputs are null in a row whose features have a null, instead of an error.

    Returns
    -------
    DataFrame

    Raises
    ------
    InputError
        If a feature column is missing or not numeric, the data is a table of another format read as plain Parquet, or
        the session is one of Spark Connect.
    """
    refuse_connect(data)
    given, data = data.columns, with_fields(data, columns.features + columns.extra)
    fields = data.columns[len(given) :]
    columns = checked(data, columns)._replace(dtype="float64")
    refuse_tables(data)
    for name in named.values():
        if name in given:
            raise InputError(f"the data has a column '{name}' already: drop it, or name the output otherwise")
    made = col(TEMPORARY)
    added = [
        (array_to_vector(made[output]) if vectors and output in VECTORS else made[output]).alias(
            name, metadata=attributes.get(output, {})
        )
        for output, name in named.items()
    ]
    rows, scored = _scored(data, Outputs(model, columns, tuple(named)), keep_nulls)
    return rows.withColumn(TEMPORARY, scored).select("*", *added).drop(TEMPORARY, *fields)


def _scored(data: DataFrame, outputs: Outputs, keep_nulls: bool) -> tuple[DataFrame, Column]:
    """The outputs as one column, and the DataFrame to which it may be added."""
    columns = outputs.columns
    stored = None if keep_nulls else _stored(data, outputs)
    if stored:
        score, inputs = stored
        return data, arrow_udf(score.__call__, outputs.type)(*inputs)  # type: ignore[call-overload]
    features = struct(*arrays(data, columns))
    if keep_nulls:
        features = when(complete(data, columns), features)
    return _by_rows(data, columns), arrow_udf(outputs.__call__, outputs.type)(features)  # type: ignore[call-overload]


def _stored(data: DataFrame, outputs: Outputs) -> tuple[StoredOutputs, list[Column]] | None:
    """How workers compute the outputs from files that they read themselves, and its arguments; None if they cannot."""
    below = unassembled(data, outputs.columns)
    if below:
        columns = below.columns._replace(missing=below.keeps_invalid)
        outputs = outputs._replace(columns=columns, refuse_nan=not below.keeps_invalid)
    where = row_locations(below.data if below else data, outputs.columns)
    return (StoredOutputs(outputs), where) if where else None


def _by_rows(data: DataFrame, columns: Columns) -> DataFrame:
    """The same rows, but not as columnar batches if a column has a user-defined type, as vectors do.

    Spark 4.3 passes Parquet's batches on to Arrow functions unchanged and fails if there is such a column among them,
    whether or not the function takes it. A filter, here one that keeps all rows, works row by row.
    """
    if not any(_user_defined(field.dataType) for field in data.schema):
        return data
    given = column_named(data, columns.features[0])
    return data.where(given.isNull() | given.isNotNull())


def _user_defined(kind: DataType) -> bool:
    """Whether a type is user-defined or contains such a type."""
    if isinstance(kind, StructType):
        return any(_user_defined(field.dataType) for field in kind)
    if isinstance(kind, ArrayType):
        return _user_defined(kind.elementType)
    if isinstance(kind, MapType):
        return _user_defined(kind.keyType) or _user_defined(kind.valueType)
    return isinstance(kind, UserDefinedType)


def _ddl(array: np.ndarray) -> str:
    kind = "int" if array.dtype.kind == "i" else "double"
    return f"array<{kind}>" if array.ndim == 2 else kind


def _arrow(array: np.ndarray) -> pa.Array:
    if array.ndim == 1:
        return pa.array(array, mask=array < 0 if array.dtype.kind == "i" else None)  # an index of -1 means no index
    rows, width = array.shape
    offsets = pa.array(np.arange(0, rows * width + 1, width, dtype=np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(array).ravel()))
