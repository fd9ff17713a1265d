"""Conversion of Arrow columns to the arrays of a block."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_array

from treefold.dataset.block import Matrix
from treefold.dataset.csr import as_csr, make_csr
from treefold.engine.reading.assemble import Rows
from treefold.errors import InputError

Where = Callable[[int], str]


class Columns(NamedTuple):
    """The columns of a data set that take part.

    Attributes
    ----------
    features : tuple of str
        Names of numeric, array or vector columns, concatenated in this order.
    label, weight : str or None
        Name of a numeric column.
    extra : tuple of str
        Names of further numeric columns.
    dtype : ``float32`` or ``float64``
    sparse : bool
        Whether blocks of feature vectors may be CSR. After the check it is true only for a single column of vectors;
        for a run of blocks it is true only if they are CSR.
    partial_rows : int
        Most rows, each as wide as the features, that a statistic returns; see
        :func:`treefold.dataset.block.rows_per_block`.
    missing : bool
        Whether features may be missing: NaN, or null, which becomes NaN.
    lanes : int
        Where it is not 0, a task owns whole lanes of so many: see :mod:`treefold.dataset.lanes`.
    """

    features: tuple[str, ...]
    label: str | None = None
    weight: str | None = None
    dtype: str = "float32"
    sparse: bool = False
    partial_rows: int = 1
    extra: tuple[str, ...] = ()
    missing: bool = False
    lanes: int = 0

    @property
    def names(self) -> list[str]:
        """All columns to read, each once."""
        return list(dict.fromkeys([*self.features, *self.numbers]))

    @property
    def dtypes(self) -> tuple[str, ...]:
        """Types of features, label, weight and each extra column."""
        return (self.dtype,) * (3 + len(self.extra))

    @property
    def numbers(self) -> list[str]:
        """The columns of one number that are not features."""
        return [*filter(None, (self.label, self.weight)), *self.extra]


def read_rows(batch: pa.RecordBatch, columns: Columns, where: Where) -> Rows:
    """Arrays of a batch.

    Parameters
    ----------
    batch : pa.RecordBatch
        Rows as pyarrow or Spark delivers them.
    columns : Columns
        Columns of features, label, weight and extras, and the type of the arrays.
    where : Where
        Describes the row of that number in the batch, for errors.

    Returns
    -------
    Rows

    Raises
    ------
    InputError
        On a null, a column that is no number, rows of different widths or a weight below zero; ``where(row)`` names
        the row of the batch.
    """
    rows = batch.num_rows
    take = {}
    for name in columns.names:
        column = batch.column(name)
        if columns.missing and name not in columns.numbers:
            column = _nan_for_null(column)
        take[name] = _array(column, name, where)
    for name in columns.numbers:
        if take[name].ndim > 1:
            raise InputError(f"column '{name}' holds arrays: only features may be more than one number a row")
    with np.errstate(over="ignore"):
        y = take[columns.label].astype(columns.dtype) if columns.label else np.zeros(rows, columns.dtype)
        weight = take[columns.weight].astype(columns.dtype) if columns.weight else np.ones(rows, columns.dtype)
        extra = tuple(take[name].astype(columns.dtype) for name in columns.extra)
    named = zip(columns.extra, extra, strict=True)
    for column, values in ((columns.label, y), (columns.weight, weight), *named):
        if column and not np.isfinite(values).all():
            bad = int(np.flatnonzero(~np.isfinite(values))[0])
            raise InputError(_not_finite(column, values[bad], columns.dtype, where(bad)))
    if (weight < 0).any():
        bad = int(np.flatnonzero(weight < 0)[0])
        raise InputError(f"column '{columns.weight}' holds weight {weight[bad]:g} {where(bad)}: weights are >= 0")
    return Rows([take[name] for name in columns.features], y, weight, extra=extra)


def finite(rows: Rows, columns: Columns, where: Where) -> Rows:
    """The rows, with a check for NaN and infinite features that runs when they are assembled.

    Parameters
    ----------
    rows : Rows
        Rows of a batch.
    columns : Columns
        Their columns.
    where : Where
        Describes the row of that number in the batch, for errors.

    Returns
    -------
    Rows
    """
    return rows._replace(check=lambda X, first: check_finite(X, columns, rows.widths, lambda row: where(first + row)))


def check_finite(X: Matrix, columns: Columns, widths: list[int], where: Where) -> None:
    """Check that features are finite.

    Parameters
    ----------
    X : (rows, features)
        Features, dense or CSR.
    columns : Columns
        Their columns, and whether features may be missing.
    widths : list of int
        Number of features of each column.
    where : Where
        Describes the row of that number, for errors.

    Raises
    ------
    InputError
        If a value is infinite, or NaN where none may be missing.
    """
    flat = X.data if isinstance(X, csr_array) else X.ravel()
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(flat @ flat):  # one dot product is enough if all values are finite
            return
    bad = np.flatnonzero(np.isinf(flat) if columns.missing else ~np.isfinite(flat))
    if len(bad):
        row, column = _entry(X, int(bad[0]))
        raise InputError(_not_finite(_feature_name(columns, widths, column), flat[bad[0]], columns.dtype, where(row)))


def _entry(X: Matrix, i: int) -> tuple[int, int]:
    """Row and column of the ``i``-th value."""
    if isinstance(X, csr_array):
        return int(np.searchsorted(X.indptr, i, "right")) - 1, int(X.indices[i])
    return divmod(i, X.shape[1])


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


def _nan_for_null(column: pa.Array) -> pa.Array:
    """A column of numbers, or of arrays of numbers, with NaN in place of null; any other column unchanged."""
    kind = column.type
    if pa.types.is_list(kind) and not column.null_count and column.flatten().null_count:
        values = _nan_for_null(column.flatten())
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


def _array(column: pa.Array, name: str, where: Where) -> Matrix:
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
    values = _array(column.flatten(), name, lambda i: where(i // width))
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
