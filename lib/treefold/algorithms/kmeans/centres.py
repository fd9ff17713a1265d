"""Centres of a batch of models, and the assignment of rows to them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from treefold.algorithms.kmeans.kernels import TILE, Measure, nearest

CHUNK_BYTES = 4096 << 10  # bytes of rows and products, which stay in a core's cache between the kernels


@dataclass(frozen=True, eq=False)
class Centres:
    """Centres of a batch of models, one model after the other.

    Attributes
    ----------
    at : (centres, features) float64, row-major
    ends : tuple of int
        For each model the number of centres up to and including its own.
    cosine : bool
        Whether rows and centres are scaled to length 1.
    """

    at: NDArray
    ends: tuple[int, ...]
    cosine: bool = False

    @classmethod
    def of(cls, models: list[NDArray], cosine: bool) -> "Centres":
        """Centres of models, each ``(k, features)``."""
        ends = np.cumsum([len(model) for model in models])
        at = np.ascontiguousarray(np.concatenate(models), np.float64)
        return cls(at, tuple(int(end) for end in ends), cosine)

    @property
    def slices(self) -> list[slice]:
        """The centres of each model, as slices."""
        return [slice(a, b) for a, b in zip((0, *self.ends[:-1]), self.ends, strict=True)]

    def models(self) -> list[NDArray]:
        """Centres of each model."""
        return [self.at[mine] for mine in self.slices]


class Scoring(NamedTuple):
    """Factors that turn rows into scores.

    A score is half the squared distance from a centre, without the term that depends on the row alone.

    Attributes
    ----------
    directions : (centres, features), in the type of the rows
        The centres minus their mean. The bias contains the rest, because the product with rows far from zero would
        round it away.
    across : (features, centres)
        The same, for products with CSR rows.
    measures : list of Measure
        For each model the measure of its rows, without its slope.
    reach : float
        Greatest distance of a centre from the mean of the centres.
    """

    directions: NDArray
    across: NDArray
    measures: list[Measure]
    reach: float

    def measured(self, terms: int) -> list[Measure]:
        """The measure of each model for products of ``terms`` terms."""
        # Both scores of a comparison round; BLAS adds in at least sixteen lanes or shorter blocks.
        slope = 2 * float(np.finfo(self.directions.dtype).eps) * (8 + terms / 16) * self.reach
        return [measure._replace(slope=slope) for measure in self.measures]


# The blocks of a task share one Centres object. The scoring is stored with it and freed with it; a cache would keep the
# centres of several iterations in every worker.
_scoring: WeakKeyDictionary[Centres, dict[np.dtype, Scoring]] = WeakKeyDictionary()


def scoring(centres: Centres, dtype: np.dtype) -> Scoring:
    """Scoring of centres for rows of a type, stored as long as the centres exist."""
    kept = _scoring.setdefault(centres, {})
    if dtype not in kept:
        kept[dtype] = _scored(centres, dtype)
    return kept[dtype]


def _scored(centres: Centres, dtype: np.dtype) -> Scoring:
    middle = centres.at.mean(axis=0)
    gap = centres.at - middle
    with np.errstate(over="ignore"):  # beyond float32 the kernels compute every distance exactly
        directions = gap.astype(dtype)
        bias = (np.einsum("cf,cf->c", gap, gap) / 2 + directions.astype(np.float64) @ middle).astype(dtype)
    squares = np.einsum("cf,cf->c", centres.at, centres.at)
    norms, kind, tiny = np.sqrt(squares), np.finfo(dtype), float(np.finfo(float).tiny)
    reach = max(tiny, float(np.sqrt(np.einsum("cf,cf->c", gap, gap).max())))
    greatest, limit = float(abs(bias).max()), float(kind.max) / 16
    furthest = limit / max(reach, 1.0) - float(norms.max())  # up to here no product overflows
    safe = furthest * abs(furthest) if greatest < limit else -1.0
    level = 4 * float(kind.eps) * greatest
    measures = [
        Measure(bias[mine], centres.at[mine], squares[mine], norms[mine], 0.0, level, safe, mine.start)
        for mine in centres.slices
    ]
    return Scoring(directions, np.ascontiguousarray(directions.T), measures, reach)


class Chunk(NamedTuple):
    """Consecutive rows of a block and their products.

    Attributes
    ----------
    where : slice
        Position of the rows in the block.
    rows, scale, products
        As the kernels take them.
    measures : list of Measure
        For each model the measure of its rows.
    """

    where: slice
    rows: Any
    scale: NDArray
    products: NDArray
    measures: list[Measure]


def chunks(X: Any, centres: Centres) -> Iterator[Chunk]:
    """Rows of ``X``, dense or CSR, in chunks that fit into a core's cache."""
    sparse = issparse(X)
    terms = 1 << int(np.diff(X.indptr).max(initial=1)).bit_length() if sparse else X.shape[1]
    score = scoring(centres, X.dtype)
    measures = score.measured(terms)
    width = len(centres.at) + (0 if sparse else X.shape[1])
    step = max(TILE, CHUNK_BYTES // (width * X.dtype.itemsize) // TILE * TILE)
    with np.errstate(over="ignore", invalid="ignore"):
        for begin in range(0, X.shape[0], step):
            where = slice(begin, min(begin + step, X.shape[0]))
            rows, products = _products(X, where, score)
            scale = inverse_lengths(rows) if centres.cosine else _ones(where.stop - begin)
            yield Chunk(where, rows, scale, products, measures)


def _products(X: Any, where: slice, score: Scoring) -> tuple[Any, NDArray]:
    if not issparse(X):
        return X[where], X[where] @ score.directions.T
    indptr = X.indptr[where.start : where.stop + 1]
    inside = slice(indptr[0], indptr[-1])
    part = csr_array((X.data[inside], X.indices[inside], indptr - indptr[0]), shape=(len(indptr) - 1, X.shape[1]))
    return (X.data, X.indices, indptr), part @ score.across


class Assigned(NamedTuple):
    """A chunk of rows with the nearest centres.

    Attributes
    ----------
    chunk : Chunk
    label, distance : (models, rows)
        The nearest centre of each model, and the squared distance from it.
    """

    chunk: Chunk
    label: NDArray
    distance: NDArray


def assigned(X: Any, centres: Centres) -> Iterator[Assigned]:
    """Assign the rows of ``X``, dense or CSR, to the nearest centre of every model."""
    for chunk in chunks(X, centres):
        label = np.empty((len(centres.ends), len(chunk.scale)), np.int32)
        distance = np.empty(label.shape)
        for m, measure in enumerate(chunk.measures):
            nearest(chunk.rows, chunk.scale, chunk.products, measure, label[m], distance[m])
        yield Assigned(chunk, label, distance)


def inverse_lengths(rows: Any) -> NDArray:
    """The inverse length of each row, given in the form of the kernels; 0 for a row of zeros."""
    if isinstance(rows, tuple):
        data, _, indptr = rows
        inside = np.square(data[indptr[0] : indptr[-1]], dtype=np.float64)
        row = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        squares = np.bincount(row, inside, minlength=len(indptr) - 1)
    else:
        squares = np.square(rows, dtype=np.float64).sum(axis=1)
    return np.divide(1.0, np.sqrt(squares), out=np.zeros(len(squares)), where=squares > 0)


@lru_cache(maxsize=8)
def _ones(rows: int) -> NDArray:
    return np.ones(rows)
