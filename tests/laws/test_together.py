"""Algorithms that share passes learn what they would learn alone."""

import threading
import time
from functools import partial

import numpy as np
import pytest

from treefold.algorithms import kmeans, linear
from treefold.algorithms.linear.objective import objective
from treefold.algorithms.moments import moments
from treefold.algorithms.splits import Hashed, Kept, training
from treefold.algorithms.survey import survey
from treefold.block import Block
from treefold.blocks import Leaf
from treefold.errors import InputError
from treefold.losses import logistic, squared
from treefold.together import Joint, together

RNG = np.random.default_rng(5)
X = RNG.standard_normal((700, 4))
Y = (X @ [1, -1, 0.5, 0] + RNG.standard_normal(700) > 0).astype(float)


def clustered(k):
    return lambda blocks: kmeans.fit(blocks, [k], seed=k, tol=0.0)[0][0].centres


def regressed(blocks):
    found = survey(blocks, classification=True)
    return linear.fit(blocks, logistic, found, ridge=np.array([0.1, 0.01]), tol=1e-8).coef


JOBS = [clustered(2), regressed, clustered(3), lambda blocks: moments(blocks).squares]


def test_together_or_alone_the_bits_are_the_same_and_the_passes_are_shared(engine):
    blocks = engine(X, Y)
    alone, passes = [], []
    for job in JOBS:
        before = len(blocks.passes)
        alone.append(job(blocks))
        passes.append(len(blocks.passes) - before)
    before = len(blocks.passes)
    shared = together(blocks, JOBS)
    for one, other in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(blocks.passes) - before == max(passes)
    assert any(" + " in account.name for account in blocks.passes)


def test_the_first_failure_ends_all(engine):
    def failing(blocks):
        moments(blocks)
        raise InputError("no such luck")

    blocks, before = engine(X, Y), set(threading.enumerate())
    with pytest.raises(InputError, match="no such luck"):
        together(blocks, [regressed, failing, clustered(2)])
    deadline = time.monotonic() + 60  # tasks that stand for passes leave in the end, and their threads with them
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert set(threading.enumerate()) <= before
    assert len(together(blocks, [regressed])) == 1  # the blocks are as good as new


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
    stats = [Leaf(objective), *(Kept(Leaf(objective), split, fold, False, True) for fold in (0, 1, 2, 0, 1))]
    together = Joint(stats)(rows, *args)
    for stat, mine, shared in zip(stats, args, together, strict=True):
        for field, other in zip(stat(rows, *mine), shared, strict=True):
            assert field.dtype == other.dtype == np.float64
            np.testing.assert_allclose(other, field, rtol=2e-5, atol=2e-4)


def test_fits_of_several_folds_are_those_alone(engine):
    blocks, split = engine(X, Y), Hashed(3, 1)
    jobs = [partial(lambda seat, fold: regressed(training(seat, split, fold)), fold=fold) for fold in range(3)]
    for alone, shared in zip([job(blocks) for job in jobs], together(blocks, jobs), strict=True):
        np.testing.assert_allclose(shared, alone, rtol=1e-9)
