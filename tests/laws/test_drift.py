"""Counts by bin, the index of stability and the Kolmogorov-Smirnov distance."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from treefold.statistics.drift import EDGES, bin_counts, edges_of, kolmogorov_smirnov, population_stability
from treefold.statistics.quantile_sketch import block_sketch, merge_sketch, sketch_size


def sketch_of(blocks, features):
    return blocks.reduce(block_sketch, sketch_size(features, EDGES + 1), merge=merge_sketch)


def columns(rows: int, seed: int) -> np.ndarray:
    """Many values, few values, one value, and many with a third of them missing."""
    rng = np.random.default_rng(seed)
    made = np.column_stack([rng.standard_normal(rows), rng.integers(0, 5, rows), np.full(rows, 7.0), rng.random(rows)])
    made[rng.random(rows) < 1 / 3, 3] = np.nan
    return made


def test_bins_hold_the_values_between_their_edges(engine):
    X = columns(700, 1)
    edges = edges_of(sketch_of(engine(X, np.zeros(len(X)), missing=True), 4))
    counts = bin_counts(X, edges).rows
    assert (counts.sum(axis=1) == len(X)).all()
    assert list(counts[:, -1]) == [0, 0, 0, np.isnan(X[:, 3]).sum()]
    for column in range(4):
        values = X[:, column].astype(np.float32)
        bins = np.searchsorted(edges[column], values[~np.isnan(values)], "left")
        np.testing.assert_array_equal(counts[column, :-1], np.bincount(bins, minlength=EDGES + 1))
    assert counts[1, :5].sum() == counts[2, 0] + 0 == len(X), "a column of few values has an edge at each"


def test_counts_add_and_do_not_depend_on_the_division_of_rows():
    X = columns(500, 2)
    edges = np.sort(np.random.default_rng(0).standard_normal((4, EDGES)).astype(np.float32), axis=1)
    parts = [bin_counts(part, edges).rows for part in np.split(X, [1, 77, 400])]
    np.testing.assert_array_equal(sum(parts), bin_counts(X, edges).rows)


def test_the_distance_is_that_of_scipy_where_values_are_few_and_near_it_elsewhere(engine):
    X, Y = columns(900, 3), columns(600, 4)
    Y[:, 0] = Y[:, 0] * 1.5 + 0.3
    Y[:, 1] = np.minimum(Y[:, 1], 3)
    edges = edges_of(sketch_of(engine(X, np.zeros(len(X)), missing=True), 4))
    found = kolmogorov_smirnov(bin_counts(X, edges).rows, bin_counts(Y, edges).rows)
    true = [ks_2samp(*(Z[:, c][~np.isnan(Z[:, c])] for Z in (X, Y))).statistic for c in range(4)]
    assert found[1] == pytest.approx(true[1])
    assert found[2] == true[2] == 0
    for c in (0, 3):
        assert true[c] - 2 / 64 <= found[c] <= true[c] + 1e-12


def test_the_index_is_none_of_equal_shares_and_grows_with_the_shift():
    X = columns(20_000, 5)
    edges = np.quantile(X[:, :1], np.arange(1, EDGES + 1) / (EDGES + 1), axis=0).T.astype(np.float32)
    expected = bin_counts(X[:, :1], edges).rows
    shifted = [population_stability(expected, bin_counts(X[:, :1] + by, edges).rows)[0] for by in (0, 0.1, 0.5, 1)]
    assert shifted[0] == 0
    assert shifted == sorted(shifted)
    # For normal distributions a shift by d has the index d^2 without groups; ten groups see a little less of it.
    assert 0.8 * 0.25 < shifted[2] < 0.25


@pytest.mark.parametrize(("before", "now"), [(0.0, 5.0), (0.0, np.nan), (1.0, -3.0)])
def test_values_that_were_never_there_are_seen(before, now):
    edges = np.full((1, EDGES), np.inf, np.float32)
    edges[0, :2] = 0, 1
    expected = bin_counts(np.array([[0.0], [1.0]] * 50 + [[before]]), edges).rows
    assert population_stability(expected, bin_counts(np.full((40, 1), now), edges).rows)[0] > 1


def test_no_rows_have_no_drift():
    none = np.zeros((1, EDGES + 2), np.int64)
    some = none.copy()
    some[0, 3] = 4
    assert np.isnan(population_stability(some, none)[0])
    assert np.isnan(kolmogorov_smirnov(some, none)[0])
