"""Algorithms that share passes learn, to the bit, what they would learn alone."""

import threading

import numpy as np
import pytest

from treefold.algorithms import kmeans, linear
from treefold.algorithms.moments import moments
from treefold.algorithms.survey import survey
from treefold.errors import InputError
from treefold.losses import logistic
from treefold.together import together

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

    blocks, before = engine(X, Y), threading.active_count()
    with pytest.raises(InputError, match="no such luck"):
        together(blocks, [regressed, failing, clustered(2)])
    assert threading.active_count() == before
    assert len(together(blocks, [regressed])) == 1  # the blocks are as good as new
