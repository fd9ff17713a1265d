"""Rows as readers produce them, and their assembly into blocks."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from treefold.dataset.block import Block, Matrix, labels_that_count
from treefold.dataset.csr import as_csr, densify, make_csr
from treefold.engine.storage.block_store import Shape

Check = Callable[[Matrix, int], None]


class Rows(NamedTuple):
    """Consecutive rows: feature columns ``(rows,)`` or ``(rows, width)``, of arrays or CSR, label, weight, extra.

    ``check(X, first)`` is called with the features of rows from ``first`` on, in the type of the blocks.
    """

    features: list[Matrix]
    y: NDArray
    weight: NDArray
    check: Check | None = None
    extra: tuple[NDArray, ...] = ()

    @property
    def widths(self) -> list[int]:
        """Number of features of each feature column; 0 for a plain number."""
        return [0 if column.ndim == 1 else column.shape[1] for column in self.features]

    @property
    def width(self) -> int:
        """Number of features."""
        return sum(1 if column.ndim == 1 else column.shape[1] for column in self.features)

    def fill(self, X: NDArray, rows: slice) -> None:
        """Write the features of ``rows`` side by side into ``X``, row-major."""
        first = 0
        with np.errstate(over="ignore"):  # values beyond float32 become inf and are found by check_finite
            for column in self.features:
                width = 1 if column.ndim == 1 else column.shape[1]
                into = X[:, first : first + width]
                if isinstance(column, csr_array):
                    densify(column[rows], into)
                else:
                    into[:] = column[rows].reshape(-1, width)
                first += width
        if self.check:
            self.check(X, rows.start)

    def csr(self, rows: slice, dtype: str) -> csr_array:
        """CSR of ``rows`` of the only feature column."""
        (column,) = self.features
        X = as_csr(column[rows], dtype)
        if self.check:
            self.check(X, rows.start)
        return X

    def matrix(self, rows: slice, dtype: str, sparse: bool) -> Matrix:
        """Features of some rows.

        Parameters
        ----------
        rows : slice
            Which rows; ``start`` and ``stop`` are set.
        dtype : str
            Type of the features.
        sparse : bool
            Whether the result is CSR.

        Returns
        -------
        (rows, features)
            An array or CSR.
        """
        if sparse:
            return self.csr(rows, dtype)
        X = np.empty((rows.stop - rows.start, self.width), dtype)
        self.fill(X, rows)
        return X

    def cut(self, rows: slice) -> "Rows":
        """Some of the rows."""
        extra = tuple(column[rows] for column in self.extra)
        return Rows([column[rows] for column in self.features], self.y[rows], self.weight[rows], extra=extra)


def assemble(stream: Iterable[Rows], first: int, shape: Shape) -> Iterator[Block]:
    """Blocks of a file, from its rows.

    Parameters
    ----------
    stream : iterable of Rows
        All rows of the file, in their order.
    first : int
        Number of the file's first block.
    shape : Shape
        Rows of each block, number of features, types, and whether the blocks are CSR.

    Returns
    -------
    iterator of Block
    """
    for number, parts in enumerate(_by_block(stream, shape.counts), first):
        y = np.concatenate([rows.y[take] for rows, take in parts])
        weight = np.concatenate([rows.weight[take] for rows, take in parts])
        extra = zip(*([column[take] for column in rows.extra] for rows, take in parts), strict=True)
        X = _stacked(parts, shape.dtypes[0]) if shape.sparse else _filled(parts, shape.features, shape.dtypes[0])
        y = labels_that_count(y, weight)
        yield Block(X, y, weight, number * shape.block_rows, tuple(np.concatenate(column) for column in extra))


def _by_block(stream: Iterable[Rows], counts: list[int]) -> Iterator[list[tuple[Rows, slice]]]:
    """The parts of each block; a block whose rows do not all arrive is left out."""
    wanted = iter(counts)
    missing, parts = next(wanted), []
    for rows in stream:
        start = 0
        while start < len(rows.y):
            take = slice(start, min(start + missing, len(rows.y)))
            parts.append((rows, take))
            missing, start = missing - (take.stop - start), take.stop
            if not missing:
                yield parts
                missing, parts = next(wanted, 0), []
                if not missing:
                    return


def _filled(parts: list[tuple[Rows, slice]], features: int, dtype: str) -> NDArray:
    X = np.empty((sum(take.stop - take.start for _, take in parts), features), dtype)
    start = 0
    for rows, take in parts:
        stop = start + take.stop - take.start
        rows.fill(X[start:stop], take)
        start = stop
    return X


def _stacked(parts: list[tuple[Rows, slice]], dtype: str) -> csr_array:
    slices = [rows.csr(take, dtype) for rows, take in parts]
    if len(slices) == 1:
        return slices[0]
    X = vstack(slices, format="csr")
    return make_csr(X.data, X.indices, X.indptr, X.shape)
