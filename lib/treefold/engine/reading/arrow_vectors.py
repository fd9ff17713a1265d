"""Conversion of Arrow arrays of numbers, and of Spark's vectors, to matrices."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from treefold.dataset.block import Matrix
from treefold.dataset.csr import as_csr, make_csr
from treefold.errors import InputError

Where = Callable[[int], str]


def nan_for_null(column: pa.Array) -> pa.Array:
    """A column of numbers, or of arrays of numbers, with NaN in place of null; any other column unchanged."""
    kind = column.type
    if pa.types.is_list(kind) and not column.null_count and column.flatten().null_count:
        values = nan_for_null(column.flatten())
        lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
        return pa.ListArray.from_arrays(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32), values)
    if not column.null_count:
        return column
    if (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
    ):
        return column.cast(pa.float64()).fill_null(float("nan"))
    return column


def values_of(column: pa.Array, name: str, where: Where) -> Matrix:
    """The values of a column: an array of numbers, or a matrix of arrays or vectors, a row for each.

    Parameters
    ----------
    column : pa.Array
        Numbers, arrays of numbers, or Spark's vectors.
    name : str
        Name of the column, for errors.
    where : Where
        Describes the row of that number in the column, for errors.

    Returns
    -------
    (rows,) or (rows, width)

    Raises
    ------
    InputError
        On a null, a value that is no number, or rows of different widths.
    """
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
    values = values_of(column.flatten(), name, lambda i: where(i // width))
    if values.ndim > 1:
        raise InputError(f"column '{name}' holds arrays of arrays: flatten it first")
    return values.reshape(len(column), width)


def _vectors(column: pa.StructArray, name: str, where: Where) -> Matrix:
    """Vectors of Spark's VectorUDT: size, indices and values, or for a dense one values. CSR if any is sparse."""
    values = column.field("values")
    count = pc.list_value_length(values).to_numpy(zero_copy_only=False)
    dense = column.field("type").to_numpy(zero_copy_only=False) == 1
    lengths = np.where(dense, count, column.field("size").fill_null(0).to_numpy(zero_copy_only=False))
    width = _same_width(lengths, name, where)
    flat = values.flatten().to_numpy(zero_copy_only=False)
    if dense.all():
        return flat.reshape(len(column), width)
    starts = np.concatenate([[0], np.cumsum(count)])
    indices = np.empty(len(flat), np.int32)
    of_dense = np.repeat(dense, count)
    indices[of_dense] = np.tile(np.arange(width, dtype=np.int32), int(dense.sum()))
    indices[~of_dense] = _sparse_indices(column.field("indices"), dense, count, name, where)
    _check_indices(indices, starts, width, name, where)
    return as_csr(make_csr(flat, indices, starts, (len(column), width)), np.float64)


def _sparse_indices(indices: pa.ListArray, dense: NDArray, count: NDArray, name: str, where: Where) -> NDArray:
    """Concatenated indices of the sparse vectors, as many as they have values."""
    lengths = pc.list_value_length(indices).fill_null(0).to_numpy(zero_copy_only=False)
    other = np.flatnonzero(~dense & (lengths != count) | dense & (lengths > 0))
    if len(other):
        raise InputError(_no_vector(name, where(int(other[0]))))
    found: NDArray = indices.flatten().to_numpy(zero_copy_only=False)
    return found


def _check_indices(indices: NDArray, starts: NDArray, width: int, name: str, where: Where) -> None:
    """Indices must increase within each row and stay below its size."""
    bad = (indices < 0) | (indices >= width)
    within = np.ones(len(indices) + 1, bool)
    within[starts] = False
    bad[1:] |= (np.diff(indices) <= 0) & within[1:-1]
    if bad.any():
        row = int(np.searchsorted(starts, np.flatnonzero(bad)[0], "right")) - 1
        raise InputError(_no_vector(name, where(row)))


def _no_vector(name: str, place: str) -> str:
    return f"column '{name}' holds a vector {place} whose indices do not increase below its size: make it again"


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
