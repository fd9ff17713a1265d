"""Prediction: vectorised on Arrow batches, by a pure model that knows no Spark."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyspark.ml.functions import array_to_vector
from pyspark.ml.linalg import VectorUDT
from pyspark.sql import DataFrame
from pyspark.sql.functions import arrow_udf, col, struct

from treefold.block import Matrix
from treefold.engine.columns import Columns, read_rows
from treefold.engine.csr import is_sparse, stored_entries
from treefold.engine.places import PlaceReader, places
from treefold.engine.rows import Rows
from treefold.engine.sources import arrays, checked
from treefold.errors import InputError

TEMPORARY = "treefold_outputs"
VECTORS = {"rawPrediction", "probability", "leaf"}


class Outputs(NamedTuple):
    """Output columns of a model for Arrow batches of its feature columns.

    ``names`` are among those of the model's ``outputs``. A NaN feature gives NaN outputs, or null for an index.
    """

    model: Any
    columns: Columns
    names: tuple[str, ...]

    @property
    def type(self) -> str:
        """The DDL of the struct of outputs."""
        made = self.model.outputs(np.empty((0, self.model.features)))
        return f"struct<{', '.join(f'{name} {_ddl(made[name])}' for name in self.names)}>"

    def __call__(self, features: pa.Array) -> pa.Array:
        batch = pa.RecordBatch.from_struct_array(features)
        return self.of(read_rows(batch, self.columns, lambda row: f"in row {row} of a batch to predict"))

    def of(self, rows: Rows) -> pa.Array:
        """The outputs for some rows."""
        X = self._matrix(rows) if len(rows.y) else np.empty((0, self.model.features))
        made = self.model.outputs(X, *rows.extra)
        return pa.StructArray.from_arrays([_arrow(made[name]) for name in self.names], self.names)

    def _matrix(self, rows: Rows) -> Matrix:
        sparse = self.columns.sparse and is_sparse(stored_entries(rows.features[0]), rows.width)
        return rows.matrix(slice(0, len(rows.y)), self.columns.dtype, sparse)


class StoredOutputs:
    """The same for the places of rows in Parquet files."""

    def __init__(self, outputs: Outputs) -> None:
        self.outputs, self.read = outputs, PlaceReader(outputs.columns)

    def __call__(self, files: pa.Array, numbers: pa.Array) -> pa.Array:
        made = [self.outputs.of(rows) for rows in self.read(files, numbers)] or [self.outputs.of(self._none())]
        return made[0] if len(made) == 1 else pa.concat_arrays(made)

    def _none(self) -> Rows:
        none = np.empty(0)
        return Rows([none], none, none, extra=(none,) * len(self.outputs.columns.extra))


def predicted(data: DataFrame, model: Any, columns: Columns, named: dict[str, str]) -> DataFrame:
    """``data`` with outputs of a model added.

    Parameters
    ----------
    data : DataFrame
    model : pure model
    columns : Columns
        The feature columns.
    named : {output: column}
        The outputs to add and their column names; vectors for ``rawPrediction`` and ``probability``.

    Raises
    ------
    InputError
        If a feature column is missing or cannot take part.
    """
    columns = checked(data, columns)._replace(dtype="float64")
    for name in named.values():
        if name in data.columns:
            raise InputError(f"the data has a column '{name}' already: drop it, or name the output otherwise")
    outputs = Outputs(model, columns, tuple(named))
    made = col(TEMPORARY)
    added = [
        (array_to_vector(made[output]) if output in VECTORS else made[output]).alias(name)
        for output, name in named.items()
    ]
    where = places(data, columns)
    score, inputs = (StoredOutputs(outputs), where) if where else (outputs, [struct(*arrays(data, columns))])
    udf = arrow_udf(score.__call__, outputs.type)  # type: ignore[call-overload]
    rows = data if where else _by_rows(data, columns)
    return rows.withColumn(TEMPORARY, udf(*inputs)).select("*", *added).drop(TEMPORARY)


def _by_rows(data: DataFrame, columns: Columns) -> DataFrame:
    """The same rows, but not as columnar batches where features are vectors.

    Spark 4.3 hands Parquet's batches on to Arrow functions as they are, and fails on a column of vectors among them. A
    filter, here one that keeps all rows, works row by row.
    """
    vectors = [name for name in columns.features if isinstance(data.schema[name].dataType, VectorUDT)]
    for name in vectors:
        given = col("`" + name.replace("`", "``") + "`")
        data = data.where(given.isNull() | given.isNotNull())
    return data


def _ddl(array: np.ndarray) -> str:
    kind = "int" if array.dtype.kind == "i" else "double"
    return f"array<{kind}>" if array.ndim == 2 else kind


def _arrow(array: np.ndarray) -> pa.Array:
    if array.ndim == 1:
        return pa.array(array, mask=array < 0 if array.dtype.kind == "i" else None)  # an index of -1 is none
    rows, width = array.shape
    offsets = pa.array(np.arange(0, rows * width + 1, width, dtype=np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(array).ravel()))
