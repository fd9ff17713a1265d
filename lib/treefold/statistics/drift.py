"""Counts of values by bin, and how far two distributions of them are apart."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.statistics.kernels_counts import count_bins
from treefold.statistics.quantile_sketch import Sketch

EDGES = 63  # of each column, one less than a power of two
GROUPS = 10  # of bins with about the same share of the expected rows, for the index


class Counts(NamedTuple):
    """``rows`` is ``(columns, EDGES + 2)`` int64: rows in each bin, and in the last place those without a value."""

    rows: NDArray


def edges_of(sketch: Sketch) -> NDArray:
    """Edges of the bins of each column, ``(columns, EDGES)`` float32, ascending, padded with infinity.

    A column of at most ``EDGES`` different values has an edge at each of them; any other has them at its quantiles.
    """
    edges = np.full((len(sketch.filled), EDGES), np.inf, np.float32)
    for column, filled in enumerate(sketch.filled):
        values = sketch.values[column, :filled]
        if filled > EDGES:
            up_to = np.cumsum(sketch.weights[column, :filled])
            shares = np.arange(1, EDGES + 1) / (EDGES + 1)
            values = values[np.minimum(np.searchsorted(up_to, shares * up_to[-1]), filled - 1)]
        distinct = np.unique(values.astype(np.float32))
        edges[column, : len(distinct)] = distinct
    return edges


def bin_counts(values: NDArray, edges: NDArray) -> Counts:
    """Rows by bin: bin b of a column holds the values above edge ``b - 1`` and up to edge ``b``.

    Parameters
    ----------
    values : (rows, columns)
        Compared in float32, as edges are.
    edges : (columns, EDGES) float32
        Edges of the bins of each column.
    """
    counts = np.zeros((edges.shape[0], EDGES + 2), np.int64)
    count_bins(np.ascontiguousarray(values, np.float32), edges, counts)
    return Counts(counts)


def kolmogorov_smirnov(expected: NDArray, actual: NDArray) -> NDArray:
    """Largest difference of two distribution functions at the edges, ``(columns,)``; NaN where there are no values.

    Parameters
    ----------
    expected, actual : (columns, EDGES + 2)
        See :class:`Counts`. Rows without a value are left out.

    Notes
    -----
    ``max_b |F(edge_b) - G(edge_b)|``. Between two edges a difference can be larger by the share of the expected rows
    there: about 1/64 of a column of many values, nothing of a column of at most 63.
    """
    with np.errstate(invalid="ignore"):
        shares = [np.cumsum(c[:, :-1], axis=1) / c[:, :-1].sum(axis=1, keepdims=True) for c in (expected, actual)]
        return np.asarray(abs(shares[0] - shares[1]).max(axis=1))


def population_stability(expected: NDArray, actual: NDArray) -> NDArray:
    """Population stability index, ``(columns,)``; NaN where there are no rows.

    Parameters
    ----------
    expected, actual : (columns, EDGES + 2)
        See :class:`Counts`.

    Notes
    -----
    ``sum_g (q_g - p_g) log(q_g / p_g)`` over up to ten groups of bins with about the same share of the expected rows,
    and one of the rows without a value. Shares are ``(rows + 1/2) / (all rows + groups / 2)``, so that an empty group
    has a logarithm. Values beyond all that were expected are a group as well.

    References
    ----------
    N. Siddiqi, Credit Risk Scorecards, Wiley 2006, p. 136.
    """
    found = np.full(len(expected), np.nan)
    for column, (before, now) in enumerate(zip(expected, actual, strict=True)):
        if before.sum() and now.sum():
            group = _groups(before)
            p, q = (_smoothed(np.bincount(group, rows)[np.unique(group)]) for rows in (before, now))
            found[column] = ((q - p) * np.log(q / p)).sum()
    return found


def _groups(rows: NDArray) -> NDArray:
    """Group of each bin by the middle of its share of the rows that have a value.

    Bins without an expected row, which hold values beyond all that were expected, are a group; so are missing values.
    """
    values = rows[:-1]
    middle = (np.cumsum(values) - values / 2) / max(1, values.sum())
    group = np.where(values > 0, np.minimum(middle * GROUPS, GROUPS - 1).astype(int), GROUPS)
    return np.append(np.unique(group, return_inverse=True)[1], GROUPS + 1)


def _smoothed(rows: NDArray) -> NDArray:
    shares: NDArray = (rows + 0.5) / (rows.sum() + len(rows) / 2)
    return shares
