"""From Arrow columns to the arrays of a block."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from treefold.errors import InputError

Where = Callable[[int], str]


class Columns(NamedTuple):
    """The columns of a data set that take part.

    Attributes
    ----------
    features : names of numeric, array or vector columns, side by side in this order
    label, weight : name of a numeric column, or None
    dtype : ``float32`` or ``float64``
    """

    features: tuple[str, ...]
    label: str | None = None
    weight: str | None = None
    dtype: str = "float32"

    @property
    def names(self) -> list[str]:
        """All columns to read, each once."""
        return list(dict.fromkeys([*self.features, *filter(None, (self.label, self.weight))]))


class Rows(NamedTuple):
    """Rows of a record batch: feature arrays ``(rows,)`` or ``(rows, width)``, label, weight."""

    features: list[NDArray]
    y: NDArray
    weight: NDArray

    def fill(self, X: NDArray, rows: slice) -> None:
        """Write the features of ``rows`` side by side into ``X``, row-major."""
        first = 0
        with np.errstate(over="ignore"):  # too large for float32 becomes inf and is found by check_finite
            for column in self.features:
                width = 1 if column.ndim == 1 else column.shape[1]
                X[:, first : first + width] = column[rows].reshape(-1, width)
                first += width

    @property
    def width(self) -> int:
        """Number of features."""
        return sum(1 if column.ndim == 1 else column.shape[1] for column in self.features)


def read_rows(batch: pa.RecordBatch, columns: Columns, where: Where) -> Rows:
    """Arrays of a batch.

    Raises
    ------
    InputError
        On a null, a column that is no number, rows of different widths or a weight below zero; ``where(row)`` names
        the row of the batch.
    """
    rows = batch.num_rows
    take = {name: _dense(batch.column(name), name, where) for name in columns.names}
    for name in filter(None, (columns.label, columns.weight)):
        if take[name].ndim > 1:
            raise InputError(f"column '{name}' holds arrays: a label or weight is one number a row")
    with np.errstate(over="ignore"):
        y = take[columns.label].astype(columns.dtype) if columns.label else np.zeros(rows, columns.dtype)
        weight = take[columns.weight].astype(columns.dtype) if columns.weight else np.ones(rows, columns.dtype)
    for column, values in ((columns.label, y), (columns.weight, weight)):
        if column and not np.isfinite(values).all():
            bad = int(np.flatnonzero(~np.isfinite(values))[0])
            raise InputError(_not_finite(column, values[bad], columns.dtype, where(bad)))
    if (weight < 0).any():
        bad = int(np.flatnonzero(weight < 0)[0])
        raise InputError(f"column '{columns.weight}' holds weight {weight[bad]:g} {where(bad)}: weights are >= 0")
    return Rows([take[name] for name in columns.features], y, weight)


def check_finite(X: NDArray, columns: Columns, widths: list[int], where: Where) -> None:
    """Raise InputError naming the first feature that is NaN or infinite."""
    flat = X.ravel()
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(flat @ flat):  # one dot product; only on suspicion look closer
            return
    bad = np.argwhere(~np.isfinite(X))
    if len(bad):
        row, column = (int(i) for i in bad[0])
        raise InputError(_not_finite(_feature_name(columns, widths, column), X[row, column], columns.dtype, where(row)))


def feature_widths(rows: Rows) -> list[int]:
    """Number of features of each feature column; 0 for a plain number."""
    return [0 if column.ndim == 1 else column.shape[1] for column in rows.features]


def _feature_name(columns: Columns, widths: list[int], feature: int) -> str:
    for name, width in zip(columns.features, widths, strict=True):
        if feature < max(1, width):
            return f"{name}[{feature}]" if width else name
        feature -= max(1, width)
    raise IndexError(feature)


def _not_finite(name: str, value: float, dtype: str, place: str) -> str:
    what = "NaN" if np.isnan(value) else "an infinite value"
    hint = "" if np.isnan(value) or dtype == "float64" else " (or one beyond float32: use dtype float64)"
    return f"column '{name}' holds {what}{hint} {place}: drop or replace such rows first"


def _dense(column: pa.Array, name: str, where: Where) -> NDArray:
    if column.null_count:
        row = pc.index(column.is_null(), True).as_py()
        raise InputError(f"column '{name}' holds null {where(row)}: drop or replace such rows first")
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return column.to_numpy(zero_copy_only=False)
    if pa.types.is_decimal(kind):
        return column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _matrix(column, name, where)
    if pa.types.is_struct(kind) and {"type", "size", "indices", "values"} == {field.name for field in kind}:
        return _vectors(column, name, where)
    raise InputError(f"column '{name}' has type {kind}: a feature, label or weight is a number, an array or a vector")


def _matrix(column: pa.Array, name: str, where: Where) -> NDArray:
    lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
    width = _same_width(lengths, name, where)
    values = _dense(column.flatten(), name, lambda i: where(i // width))
    if values.ndim > 1:
        raise InputError(f"column '{name}' holds arrays of arrays: flatten it first")
    return values.reshape(len(column), width)


def _vectors(column: pa.StructArray, name: str, where: Where) -> NDArray:
    """Spark's VectorUDT: dense vectors hold values, sparse ones size, indices and values."""
    values, indices = column.field("values"), column.field("indices")
    count = pc.list_value_length(values).to_numpy(zero_copy_only=False)
    dense = column.field("type").to_numpy(zero_copy_only=False) == 1
    lengths = np.where(dense, count, column.field("size").fill_null(0).to_numpy(zero_copy_only=False))
    result = np.zeros((len(column), _same_width(lengths, name, where)))
    flat = values.flatten().to_numpy(zero_copy_only=False)
    row = np.repeat(np.arange(len(column)), count)
    result[dense] = flat[dense[row]].reshape(int(dense.sum()), result.shape[1])
    result[row[~dense[row]], indices.flatten().to_numpy(zero_copy_only=False)] = flat[~dense[row]]
    return result


def _same_width(lengths: NDArray, name: str, where: Where) -> int:
    other = np.flatnonzero(lengths != lengths[:1])
    if len(other):
        raise InputError(
            f"column '{name}' holds {lengths[other[0]]} values {where(int(other[0]))} and {lengths[0]} before: "
            "all rows must have the same width"
        )
    if len(lengths) and lengths[0] == 0:
        raise InputError(f"column '{name}' holds an empty array {where(0)}: every row needs at least one feature")
    return int(lengths[0]) if len(lengths) else 0
