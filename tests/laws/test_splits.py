"""A fold is row weights: every algorithm sees the rows it would see if the others were deleted."""

import pickle

import numpy as np
import pytest

from rows import ragged
from treefold.dataset.block import Block
from treefold.dataset.folds import FoldStatistic, held_out, training
from treefold.dataset.random import splitmix64, substream
from treefold.dataset.splits import Given, Hashed, Part, Shared, stratified
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.statistics.moments import moments

RNG = np.random.default_rng(3)
N = 600
X = RNG.standard_normal((N, 3))
Y = np.repeat([0.0, 1.0, 2.0], [400, 150, 50])[RNG.permutation(N)]
W = RNG.integers(0, 4, N).astype(float)


def folds_by_row(blocks, split):
    return np.concatenate([split.fold_of(block) for block in blocks.blocks])


def cuts():
    return [ragged(X, Y, W, some, "float64") for some in ([], [1, 1, 77, 500], [300])]


@pytest.mark.parametrize("make", [lambda b: Hashed(4, 9), lambda b: Shared(0.7, 9), lambda b: stratified(b, 4, 9)])
def test_folds_do_not_depend_on_how_the_rows_are_cut(make):
    one, *others = [folds_by_row(blocks, make(blocks)) for blocks in cuts()]
    assert len(np.unique(one)) > 1
    for other in others:
        np.testing.assert_array_equal(one, other)


def test_another_seed_is_another_split():
    (blocks, *_) = cuts()
    for make in (Hashed, Shared):
        first, second = (folds_by_row(blocks, make(2 if make is Hashed else 0.5, seed)) for seed in (1, 2))
        assert 0.35 < (first == second).mean() < 0.65
    first, second = (folds_by_row(blocks, stratified(blocks, 2, seed)) for seed in (1, 2))
    assert 0.35 < (first == second).mean() < 0.65


def test_a_share_is_the_share_asked_for():
    block = Block(np.zeros((100_000, 1)), np.zeros(100_000), np.ones(100_000), 0)
    assert abs(Shared(0.75, 1).fold_of(block).mean() - 0.75) < 0.01


def test_stratified_folds_hold_equally_many_rows_of_every_class():
    blocks = cuts()[1]
    fold = folds_by_row(blocks, stratified(blocks, 7, 1))
    for label in (0, 1, 2):
        counts = np.bincount(fold[label == Y], minlength=7)
        assert counts.max() - counts.min() <= 1


def test_rows_are_dealt_to_folds_from_one_list_of_each_class():
    expected = np.empty(N, int)
    for k in range(3):
        rows = np.flatnonzero(k == Y)
        rounds, place = np.divmod(np.arange(len(rows)), 4)
        drawn = splitmix64((rounds[:, None] * 4 + np.arange(4)).astype(np.uint64), substream(9, k))
        expected[rows] = drawn.argsort(axis=1).argsort(axis=1)[np.arange(len(rows)), place]
    for blocks in cuts():
        np.testing.assert_array_equal(folds_by_row(blocks, stratified(blocks, 4, 9)), expected)


def test_a_pass_over_stratified_folds_carries_a_few_bytes_for_each_block():
    blocks = ragged(X, Y, W, list(range(1, N)), "float64")  # each row is a block
    split = stratified(blocks, 4, 9)
    before = folds_by_row(blocks, split)
    shipped = pickle.dumps([FoldStatistic(moments, Part(split, fold, inside=True)) for fold in range(4)])
    assert len(shipped) < 3 * N + 1000
    np.testing.assert_array_equal(folds_by_row(blocks, pickle.loads(shipped)[0].part.split), before)


def test_a_fold_and_the_rest_are_what_is_left_when_the_others_are_taken_away(engine):
    blocks, split = engine(X, Y, W), Hashed(3, 1)
    fold = split.fold_of(Block(X, Y, W, 0))
    for number in range(3):
        for view, mask in (
            (training(blocks, split, number), fold != number),
            (held_out(blocks, split, number), fold == number),
        ):
            expected = moments(LocalBlocks.from_arrays(X[mask], Y[mask], W[mask], dtype="float64"))
            found = moments(view)
            assert found.rows == expected.rows
            np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-12, atol=1e-14)
            np.testing.assert_allclose(found.squares, expected.squares, rtol=1e-12)


def test_folds_may_be_a_column():
    fold = RNG.integers(0, 3, N)
    blocks = LocalBlocks.from_arrays(X, Y, W, extra=[fold])
    np.testing.assert_array_equal(folds_by_row(blocks, Given()), fold)
