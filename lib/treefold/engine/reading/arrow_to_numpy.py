"""Conversion of Arrow columns to the arrays of a block."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array

from treefold.dataset.block import Matrix
from treefold.engine.reading.arrow_vectors import Where, nan_for_null, values_of
from treefold.engine.reading.assemble import Rows
from treefold.errors import InputError


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
    scale : tuple of float
        Factor of each feature, each of which is a number then; empty for none.
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
    scale: tuple[float, ...] = ()

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
            column = nan_for_null(column)
        take[name] = values_of(column, name, where)
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
    features = [take[name] for name in columns.features]
    if columns.scale:
        scaled = zip(features, columns.scale, strict=True)
        features = [np.multiply(column, factor, dtype=np.float64) for column, factor in scaled]
    return Rows(features, y, weight, extra=extra)


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
