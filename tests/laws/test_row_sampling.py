"""Samples of rows: by (seed, position), in proportion to weight, whatever the blocks."""

import numpy as np
from scipy.sparse import csr_array

from treefold.dataset.block import Block
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.statistics.row_sampling import (
    Draw,
    draw_rows,
    merge_all,
    sample_rows,
)

RNG = np.random.default_rng(31)
ROWS = 1000
X = RNG.standard_normal((ROWS, 3))
WEIGHT = RNG.uniform(0, 2, ROWS) * (RNG.uniform(size=ROWS) < 0.9)


def test_a_sample_is_the_same_for_any_blocks_and_other_for_another_seed(every_engine):
    blocks = every_engine(X, np.zeros(ROWS), WEIGHT)
    whole = LocalBlocks.from_arrays(X, weight=WEIGHT, dtype="float64")
    drawn, same = sample_rows(blocks, 50, 7), sample_rows(whole, 50, 7)
    for name in ("key", "position", "weight", "rows"):
        np.testing.assert_array_equal(getattr(drawn, name), getattr(same, name))
    np.testing.assert_array_equal(drawn.rows, X[drawn.position])
    np.testing.assert_array_equal(drawn.weight, WEIGHT[drawn.position])
    assert set(drawn.position) != set(sample_rows(whole, 50, 8).position)


def test_a_sample_of_csr_is_that_of_the_same_dense_rows(sparse_engine):
    rows = X * (RNG.uniform(size=X.shape) < 0.3)
    drawn = sample_rows(sparse_engine(rows, np.zeros(ROWS), WEIGHT), 40, 7)
    same = sample_rows(LocalBlocks.from_arrays(rows, weight=WEIGHT, dtype="float64"), 40, 7)
    np.testing.assert_array_equal(drawn.position, same.position)
    np.testing.assert_array_equal(drawn.dense(), same.dense())


def test_a_shorter_sample_is_the_head_of_a_longer_one_and_ends_where_rows_do(small_blocks):
    blocks = LocalBlocks.from_arrays(X, weight=WEIGHT, dtype="float64")
    everything = sample_rows(blocks, 2 * ROWS, 1)
    np.testing.assert_array_equal(np.sort(everything.position), np.flatnonzero(WEIGHT))
    np.testing.assert_array_equal(sample_rows(blocks, 20, 1).position, everything.position[:20])


def test_rows_are_drawn_in_proportion_to_weight_at_any_position():
    weight = np.array([0.0, 1, 2, 3, 4])
    block, draws = Block(np.eye(5), np.zeros(5), weight, 0), tuple(Draw(1, seed) for seed in range(4000))
    firsts = np.concatenate([drawn.position for drawn in draw_rows(block, draws)])
    np.testing.assert_allclose(np.bincount(firsts.astype(int), minlength=5) / 4000, weight / 10, atol=0.03)


def test_several_samples_merge_each_with_its_own(small_blocks):
    blocks = LocalBlocks.from_arrays(X, weight=WEIGHT, dtype="float64")
    both = blocks.reduce(draw_rows, (Draw(10, 1), Draw(30, 2)), merge=merge_all)
    for drawn, (most, seed) in zip(both, ((10, 1), (30, 2)), strict=True):
        np.testing.assert_array_equal(drawn.position, sample_rows(blocks, most, seed).position)


def test_different_rows_are_the_same_rows_in_any_order_of_the_data_set_and_of_csr(every_engine, small_blocks):
    rows = np.floor(3 * X)  # many are equal
    weight = np.ones(ROWS)
    drawn = sample_rows(every_engine(rows, np.zeros(ROWS), weight), 40, 7, by_value=True)
    assert len(np.unique(drawn.rows, axis=0)) == 40 < len(np.unique(rows, axis=0))
    order = RNG.permutation(ROWS)
    for X_again in (rows[order], csr_array(rows[order]), np.repeat(rows[order], 2, axis=0)):
        again = sample_rows(LocalBlocks.from_arrays(X_again, dtype="float64"), 40, 7, by_value=True)
        np.testing.assert_array_equal(again.dense(), drawn.dense())
    everything = sample_rows(LocalBlocks.from_arrays(rows), 2 * ROWS, 1, by_value=True)
    assert len(everything.rows) == len(np.unique(rows, axis=0))


def test_different_rows_are_drawn_in_proportion_to_weight_and_never_without():
    weight = np.array([0.0, 1, 2, 3, 4])
    block = Block(np.eye(5), np.zeros(5), weight, 0)
    firsts = np.concatenate([draw_rows(block, (Draw(1, seed),), True)[0].position for seed in range(4000)])
    np.testing.assert_allclose(np.bincount(firsts.astype(int), minlength=5) / 4000, weight / 10, atol=0.03)
    assert len(draw_rows(block, (Draw(9, 1),), True)[0].rows) == 4
