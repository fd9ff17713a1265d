"""Centres of a batch of models, and rows assigned to them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from treefold.algorithms.kmeans.kernels import nearest

CHUNK_BYTES = 512 << 10  # rows and their products stay in a core's cache between the kernels


@dataclass(frozen=True, eq=False)
class Centres:
    """Centres of a batch of models, one model after the other.

    Attributes
    ----------
    at : (centres, features) float64
    ends : for each model the number of centres up to and with its own
    cosine : bool
        Rows are taken to length 1, and so are the centres.
    """

    at: NDArray
    ends: tuple[int, ...]
    cosine: bool = False

    @classmethod
    def of(cls, models: list[NDArray], cosine: bool) -> "Centres":
        """Centres of models, each ``(k, features)``."""
        ends = np.cumsum([len(model) for model in models])
        return cls(np.concatenate(models), tuple(int(end) for end in ends), cosine)

    @property
    def slices(self) -> list[slice]:
        """Which centres are whose."""
        return [slice(a, b) for a, b in zip((0, *self.ends[:-1]), self.ends, strict=True)]

    def models(self) -> list[NDArray]:
        """Centres of each model."""
        return [self.at[mine] for mine in self.slices]


class Scoring(NamedTuple):
    """What turns rows into scores: half the squared distance from each centre, but for a term of the row alone.

    Attributes
    ----------
    directions : (centres, features), in the type of the rows
        The centres less their mean: what a product with rows far from zero would round away is in ``bias``.
    across : (features, centres)
        The same, for products with CSR rows.
    bias : (centres,), in the type of the rows
    squares : (centres,)
        Squared norms of the centres.
    reach : greatest norm of the directions
    """

    directions: NDArray
    across: NDArray
    bias: NDArray
    squares: NDArray
    reach: float

    def slack(self, terms: int) -> tuple[float, float, float]:
        """Bounds of rounding, of a product of ``terms`` terms: see :func:`~.kernels.nearest`."""
        kind = np.finfo(self.bias.dtype)
        # Both scores of a comparison round; BLAS adds in at least sixteen lanes or shorter blocks.
        slope = 2 * float(kind.eps) * (8 + terms / 16) * self.reach
        level = 4 * float(kind.eps) * float(abs(self.bias).max())
        return slope, level, float(kind.max) / 16


@lru_cache(maxsize=4)  # the blocks of a task share the centres they came with
def scoring(centres: Centres, dtype: np.dtype) -> Scoring:
    """Scoring of centres for rows of a type."""
    middle = centres.at.mean(axis=0)
    gap = centres.at - middle
    with np.errstate(over="ignore"):  # beyond float32: the kernel notices, and measures every distance
        directions = gap.astype(dtype)
        bias = (np.einsum("cf,cf->c", gap, gap) / 2 + directions.astype(np.float64) @ middle).astype(dtype)
    squares = np.einsum("cf,cf->c", centres.at, centres.at)
    reach = float(np.sqrt(np.einsum("cf,cf->c", gap, gap).max()))
    return Scoring(directions, np.ascontiguousarray(directions.T), bias, squares, reach)


class Assigned(NamedTuple):
    """Some consecutive rows of a block, assigned.

    Attributes
    ----------
    where : slice
        Which rows of the block.
    rows, scale : as the kernels take them
    products : (rows, centres)
    label, distance : (models, rows)
        The nearest centre of each model, and the squared distance from it.
    """

    where: slice
    rows: Any
    scale: NDArray
    products: NDArray
    label: NDArray
    distance: NDArray


def assigned(X: Any, centres: Centres) -> Iterator[Assigned]:
    """Assign the rows of ``X``, dense or CSR, to the nearest centre of every model."""
    score = scoring(centres, X.dtype)
    terms = int(np.diff(X.indptr).max(initial=1)) if issparse(X) else X.shape[1]
    slack = score.slack(terms)
    for where in _chunks(X, len(centres.at)):
        rows, products = products_of(X, where, score)
        scale = lengths(rows) if centres.cosine else np.ones(where.stop - where.start)
        label = np.empty((len(centres.ends), len(scale)), np.int32)
        distance = np.empty(label.shape)
        for m, mine in enumerate(centres.slices):
            nearest(
                rows, scale, products, score.bias[mine], centres.at[mine], score.squares[mine], slack, mine.start,
                label[m], distance[m],
            )  # fmt: skip
        yield Assigned(where, rows, scale, products, label, distance)


def products_of(X: Any, where: slice, score: Scoring) -> tuple[Any, NDArray]:
    """Rows as the kernels take them, and their products with all directions."""
    with np.errstate(over="ignore", invalid="ignore"):
        if not issparse(X):
            return X[where], X[where] @ score.directions.T
        indptr = X.indptr[where.start : where.stop + 1]
        inside = slice(indptr[0], indptr[-1])
        part = csr_array((X.data[inside], X.indices[inside], indptr - indptr[0]), shape=(len(indptr) - 1, X.shape[1]))
        return (X.data, X.indices, indptr), part @ score.across


def lengths(rows: Any) -> NDArray:
    """One over the length of each row; 0 for a row of zeros."""
    if isinstance(rows, tuple):
        data, _, indptr = rows
        inside = np.square(data[indptr[0] : indptr[-1]], dtype=np.float64)
        row = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        squares = np.bincount(row, inside, minlength=len(indptr) - 1)
    else:
        squares = np.square(rows, dtype=np.float64).sum(axis=1)
    return np.divide(1.0, np.sqrt(squares), out=np.zeros(len(squares)), where=squares > 0)


def _chunks(X: Any, centres: int) -> Iterator[slice]:
    width = centres + (0 if issparse(X) else X.shape[1])
    step = max(64, CHUNK_BYTES // (width * X.dtype.itemsize) // 64 * 64)
    for begin in range(0, X.shape[0], step):
        yield slice(begin, min(begin + step, X.shape[0]))
