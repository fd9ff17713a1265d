"""Rungs: models that go on are not changed by them, and models that are stopped are those of a shorter fit."""

import numpy as np
import pytest

from treefold.algorithms import kmeans, linear, perceptron
from treefold.algorithms.linear.losses import logistic
from treefold.algorithms.perceptron import Layers, MiniBatches, Network
from treefold.algorithms.perceptron.losses import CrossEntropy
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.optim import Lbfgs
from treefold.optim.iterate import Rungs
from treefold.optim.status import STOPPED
from treefold.statistics.label_summary import data_summary

RNG = np.random.default_rng(17)
X = RNG.standard_normal((300, 4)) * [1, 2, 0.5, 1]
BLOCKS = LocalBlocks.from_arrays(X, (X[:, 0] + RNG.logistic(size=300) > 0) * 1.0, np.ones(300), dtype="float64")
NET = Network(Layers((4, 3, 2)), "tanh", CrossEntropy())
START = np.stack([NET.layers.drawn(seed, NET.activation) for seed in range(3)])
LONG, RUNG = 8, 3


def linear_fit(**options):
    found = data_summary(BLOCKS, classification=True)
    made = linear.fit(BLOCKS, logistic, found, ridge=np.array([1e-3, 1e-2, 1e-1]), tol=0, **options)
    return list(zip(made.coef, made.objective, made.status, strict=True))


def perceptron_fit(solver, **options):
    made = perceptron.fit(BLOCKS, NET, START, solver=solver, tol=0, **options)
    return list(zip(made.weights, made.objective, made.status, strict=True))


def kmeans_fit(**options):
    made = [kmeans.best_of(trials) for trials in kmeans.fit(BLOCKS, [6, 7, 8], restarts=2, tol=0, **options)]
    return [(one.centres, one.costs, one.status) for one in made]


FITS = {
    "linear": linear_fit,
    "perceptron": lambda **options: perceptron_fit(Lbfgs(), **options),
    "mini-batches": lambda **options: perceptron_fit(MiniBatches(64, 1, 1e-2, dtype="float64"), **options),
    "k-means": kmeans_fit,
}


def assert_same(one, other):
    """Up to rounding: products of fewer models may add in another order."""
    for found, wanted in zip(one[:2], other[:2], strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
def test_a_selection_stops_models_at_their_rung_and_leaves_the_others_as_they_are(fit):
    seen = []

    def second_alone(result) -> np.ndarray:
        seen.append(result)
        return np.array([False, True, False])

    found = fit(max_iter=LONG, rungs=Rungs((RUNG,), second_alone))
    without, short = fit(max_iter=LONG), fit(max_iter=RUNG)
    assert len(seen) == 1
    assert [status == STOPPED for *_, status in found] == [True, False, True]
    assert_same(found[1], without[1])
    assert_same(found[0], short[0])
    assert_same(found[2], short[2])
