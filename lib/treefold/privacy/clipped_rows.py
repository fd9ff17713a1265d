"""Rows as sums with noise take them: those that are no rows count as absent, weights are at most 1, norms bounded."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from treefold.dataset.block import Block, Matrix
from treefold.privacy.noisy_blocks import bounded


class Rows(NamedTuple):
    """Number of rows."""

    rows: int


class FiniteRows(NamedTuple):
    """Rows of a block in float64. A row without finite numbers has weight 0 and is all zeros.

    Attributes
    ----------
    X : (rows, features)
        Dense or CSR.
    y, weight, squares : (rows,)
        Labels, weights in [0, 1] and squared norms.
    """

    X: Matrix
    y: NDArray
    weight: NDArray
    squares: NDArray


class ClippedMoments(NamedTuple):
    """Sums over rows of a norm of at most ``norm``, in units in which one row changes all of them alike.

    Attributes
    ----------
    total : (features,)
        Sum of ``w x``.
    squares : (features,)
        Sum of ``w x^2 / norm``.
    weight : ()
        Sum of ``w norm``.
    """

    total: NDArray
    squares: NDArray
    weight: NDArray


@bounded(lambda: 0.0)
def row_count(block: Block) -> Rows:
    """Rows of the block, of whatever weight: their number stays the same if a row is replaced."""
    return Rows(len(block.y))


def finite_rows(block: Block, classes: int = 0) -> FiniteRows:
    """Rows of a block; a row without finite numbers takes no part, so that nothing tells that it is there.

    Parameters
    ----------
    block : Block
        Rows.
    classes : int, default 0
        Labels are 0 .. classes - 1, and rows with another label take no part; 0 if labels are any finite numbers.

    Returns
    -------
    FiniteRows
    """
    X, y, weight = (part.astype(np.float64) for part in block[:3])
    with np.errstate(invalid="ignore", over="ignore"):
        if isinstance(X, csr_array):
            of_row = np.repeat(np.arange(len(y)), np.diff(X.indptr))
            squares = np.bincount(of_row, X.data**2, len(y))
        else:
            squares = np.einsum("ij,ij->i", X, X)
    there = np.isfinite(squares) & np.isfinite(y) & (weight > 0)
    if classes:
        there &= (y >= 0) & (y < classes) & (y == np.floor(y))
    if not there.all():
        if isinstance(X, csr_array):
            X.data[~there[of_row]] = 0.0
        else:
            X[~there] = 0.0
    kept = np.where(there, np.minimum(weight, 1.0), 0.0)
    return FiniteRows(X, np.where(there, y, 0.0), kept, np.where(there, squares, 0.0))


def rows_within(block: Block, norm: float) -> tuple[Matrix, NDArray]:
    """Features scaled so that no row has a norm above ``norm``, and weights in [0, 1]; labels are not read."""
    X, _, weight, squares = finite_rows(block._replace(y=np.zeros(len(block.y))))
    factor = norm / np.maximum(np.sqrt(squares), norm)
    if isinstance(X, csr_array):
        X.data *= np.repeat(factor, np.diff(X.indptr))
    else:
        X *= factor[:, None]
    return X, weight


@bounded(lambda norm: np.sqrt(6.0) * norm)
def clipped_moments(block: Block, norm: float) -> ClippedMoments:
    """Sums of clipped rows and of their squares.

    Two rows of weights w and v move ``total`` by at most ``(w + v) norm``, ``squares`` by ``sqrt(w^2 + v^2) norm``,
    because squares have no sign, and ``weight`` by ``|w - v| norm``: all together by ``sqrt(6) norm``.

    Parameters
    ----------
    block : Block
        Rows.
    norm : float
        Largest norm of a row.

    Returns
    -------
    ClippedMoments
    """
    X, weight = rows_within(block, norm)
    squares = (X.multiply(X) if isinstance(X, csr_array) else np.square(X)).T @ weight
    return ClippedMoments(X.T @ weight, squares / norm, np.asarray(weight.sum() * norm))


def mean_and_deviation(moments: ClippedMoments, norm: float) -> tuple[NDArray, NDArray]:
    """Mean and standard deviation of each feature, ``(features,)``, as far as the noise lets them be known.

    A variance that the noise makes negative is 0.
    """
    rows = max(float(moments.weight) / norm, 1.0)
    mean = moments.total / rows
    return mean, np.sqrt(np.maximum(moments.squares * norm / rows - mean**2, 0.0))
