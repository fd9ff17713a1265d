"""Algorithms that share passes have the results that they have alone."""

import threading
import time
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest

from rows import ragged
from treefold.algorithms import kmeans, linear, perceptron
from treefold.algorithms.linear.losses import logistic, squared
from treefold.algorithms.linear.objective import objective
from treefold.algorithms.perceptron import Layers, MiniBatches, Network
from treefold.algorithms.perceptron.losses import CrossEntropy
from treefold.dataset.block import Block
from treefold.dataset.blocks import WidenedStatistic, holds_blocks
from treefold.dataset.folds import FoldStatistic, training
from treefold.dataset.fused_statistic import FusedStatistic
from treefold.dataset.shared_passes import JobStopped, share_passes
from treefold.dataset.splits import Hashed, Part
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.statistics.label_summary import data_summary
from treefold.statistics.moments import moments

RNG = np.random.default_rng(5)
X = RNG.standard_normal((700, 4))
Y = (X @ [1, -1, 0.5, 0] + RNG.standard_normal(700) > 0).astype(float)


def clustered(k):
    return lambda blocks: kmeans.fit(blocks, [k], seed=k, tol=0.0)[0][0].centres


def regressed(blocks):
    found = data_summary(blocks, classification=True)
    return linear.fit(blocks, logistic, found, ridge=np.array([0.1, 0.01]), tol=1e-8).coef


JOBS = [clustered(2), regressed, clustered(3), lambda blocks: moments(blocks).squares]


def test_together_or_alone_the_bits_are_the_same_and_the_passes_are_shared(every_engine):
    blocks = every_engine(X, Y)
    alone, passes = [], []
    for job in JOBS:
        before = len(blocks.passes)
        alone.append(job(blocks))
        passes.append(len(blocks.passes) - before)
    before = len(blocks.passes)
    shared = share_passes(blocks, JOBS)
    for one, other in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(blocks.passes) - before == max(passes)
    assert any(" + " in account.name for account in blocks.passes)


def test_the_first_failure_ends_all(every_engine):
    def failing(blocks):
        moments(blocks)
        raise InputError("no such luck")

    blocks, before = every_engine(X, Y), set(threading.enumerate())
    with pytest.raises(InputError, match="no such luck"):
        share_passes(blocks, [regressed, failing, clustered(2)])
    deadline = time.monotonic() + 60  # the task pool ends after a while, and its threads with it
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert set(threading.enumerate()) <= before
    assert len(share_passes(blocks, [regressed])) == 1  # the blocks are as good as new


@pytest.mark.parametrize("caught", [Exception, BaseException])
def test_an_algorithm_that_asks_again_after_it_was_stopped_is_stopped_again(caught):
    """An algorithm may catch the error; it must not wait for an answer that never comes."""
    asked = []

    def stubborn(blocks):
        mapped = blocks.map(halved)
        for view in (blocks, mapped, blocks):
            try:
                while True:
                    moments(view)
            except caught as error:
                asked.append(type(error))
        return "went on"

    def failing(blocks):
        raise InputError("no such luck")

    ended = []

    def run():
        with pytest.raises(InputError, match="no such luck"):
            share_passes(LocalBlocks.from_arrays(X, Y), [stubborn, failing])
        ended.append(True)

    runner = threading.Thread(target=run, daemon=True)
    runner.start()
    runner.join(60)
    assert ended == [True]
    assert asked == ([JobStopped] * 3 if caught is BaseException else [])


def halved(block):
    return block._replace(X=block.X / 2)


def test_batches_that_share_a_product_have_the_sums_they_would_have_alone():
    rows = Block(X.astype("f4"), Y.astype("f4"), RNG.integers(0, 3, len(Y)).astype("f4"), 0)
    coef, by_class, shift = RNG.standard_normal((3, 1, 5)), np.array([2.0, 0.5]), np.full(5, 0.1)
    args = [
        (coef, logistic, None, None, False, True),
        (coef[:1], logistic, None, by_class, False, True),
        (coef, squared),
        (coef[:2], logistic, None, None, False, True),
        (coef, logistic, shift),
        (coef[:1] * 2, squared, None, None, False),
    ]
    split = Hashed(3, 1)
    stats = [
        WidenedStatistic(objective),
        *(FoldStatistic(WidenedStatistic(objective), Part(split, fold, inside=False)) for fold in (0, 1, 2, 0, 1)),
    ]
    together = FusedStatistic(stats)(rows, *args)
    for stat, mine, shared in zip(stats, args, together, strict=True):
        for field, other in zip(stat(rows, *mine), shared, strict=True):
            assert field.dtype == other.dtype == np.float64
            np.testing.assert_allclose(other, field, rtol=2e-5, atol=2e-4)


def test_fits_of_several_folds_are_those_alone(engine):
    blocks, split = engine(X, Y), Hashed(3, 1)
    jobs = [
        partial(lambda shared_blocks, fold: regressed(training(shared_blocks, split, fold)), fold=fold)
        for fold in range(3)
    ]
    for alone, shared in zip([job(blocks) for job in jobs], share_passes(blocks, jobs), strict=True):
        np.testing.assert_allclose(shared, alone, rtol=1e-9)


def of_mini_batches(fold, **others):
    """A batch of two perceptrons without the rows of a fold."""
    net = Network(Layers((4, 5, 2)), "relu", CrossEntropy())
    start = np.stack([net.layers.drawn(seed, "relu") for seed in range(2)])
    how = MiniBatches(100, 2, np.array([0.02, 0.05]), epochs=3, dtype="float64")._replace(**others)

    def fitted(blocks):
        rows = blocks if fold is None else training(blocks, Hashed(3, 7), fold)
        return perceptron.fit(rows, net, start, ridge=[0.0, 0.1], solver=how, max_iter=3).weights

    return fitted


@pytest.mark.parametrize("local", [False, True])
def test_mini_batches_of_folds_settings_and_seeds_share_passes_with_the_bits_alone(local):
    """Every setting trains on the rows of every fold in the same steps."""
    jobs = [of_mini_batches(fold, local=local) for fold in (0, 1, 2, None)]
    jobs += [of_mini_batches(0, local=local, seed=4, dropout=0.2), of_mini_batches(1, local=local, rows=150)]
    blocks, passes, alone = ragged(X, Y, np.ones(700), [100, 300, 350, 600], "float64"), [], []
    for job in jobs:
        before = len(blocks.passes)
        alone.append(job(blocks))
        passes.append(len(blocks.passes) - before)
    before = len(blocks.passes)
    shared = share_passes(blocks, jobs)
    for one, other in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(one, other)
    names = [account.name for account in blocks.passes[before:]]
    stat = "lane_epochs" if local else "lane_gradients"
    assert f"{stat} x 6" in names
    assert sum(stat in name for name in names) == 3 * (1 if local else 7)
    fewest = max(passes)
    assert fewest <= len(names) <= fewest + (0 if local else 1)  # the shorter one ends before the steps of the others


@pytest.mark.parametrize("holds", [False, True])
def test_a_statistic_of_a_task_that_does_not_hold_blocks_has_passes_of_its_own(holds):
    blocks = ragged(X, Y, np.ones(700), [100, 300], "float64")

    def asking(shared_blocks):
        return shared_blocks.reduce_tasks(held_rows if holds else streamed_rows)

    assert [found.rows for found in share_passes(blocks, [asking, asking])] == [700, 700]
    assert len(blocks.passes) == (1 if holds else 2)


class Rows(NamedTuple):
    rows: int


def streamed_rows(blocks):
    return Rows(sum(len(block.y) for block in blocks))


@holds_blocks
def held_rows(blocks):
    return Rows(sum(len(block.y) for block in list(blocks)))
