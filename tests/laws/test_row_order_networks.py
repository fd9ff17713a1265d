"""The order of the rows, for perceptrons and support vector machines; see ``test_row_order`` for linear models."""

import numpy as np
import pytest

from rows import ragged
from treefold.algorithms import perceptron
from treefold.algorithms.perceptron.layers import Layers
from treefold.algorithms.perceptron.losses import CrossEntropy, Squared
from treefold.algorithms.perceptron.network import Network
from treefold.algorithms.svm import Kernel, Machine, SvmModel, Task, fit, fit_nystroem
from treefold.optim import GradientDescent, Lbfgs

RNG = np.random.default_rng(17)
ROWS, FEATURES = 1000, 4
X = RNG.standard_normal((ROWS, FEATURES))
SCORE = X[:, 0] * X[:, 1] + X[:, 2] + 0.3 * RNG.standard_normal(ROWS)
LABELS = {"classes": np.digitize(SCORE, [-1, 1]) * 1.0, "values": SCORE}


def orders(X, y):
    by_label = np.argsort(y, kind="stable")
    return [RNG.permutation(len(y)), by_label, np.argsort(X[:, 0]), by_label[::-1], RNG.permutation(len(y))]


def networks(label, solver, **options):
    loss, outputs = (CrossEntropy(), 3) if label == "classes" else (Squared(), 1)
    net = Network(Layers((FEATURES, 3, outputs)), "tanh", loss)
    start, y = net.layers.drawn(3, net.activation)[None], LABELS[label]
    return [
        perceptron.fit(
            ragged(X[at], y[at], np.ones(ROWS), [250, 500, 750], "float64"), net, start, solver=solver, **options
        )
        for at in orders(X, y)
    ]


@pytest.mark.parametrize("solver", [Lbfgs(), GradientDescent(0.3)], ids=["lbfgs", "gd"])
@pytest.mark.parametrize("label", LABELS)
def test_perceptrons_go_the_same_way(label, solver):
    """The start is drawn by the seed alone; only the rounding of sums differs."""
    found = networks(label, solver, ridge=1e-2, max_iter=30, tol=0.0)
    for other in found[1:]:
        np.testing.assert_allclose(other.objective[0], found[0].objective[0], rtol=1e-4)


@pytest.mark.parametrize("label", LABELS)
def test_perceptrons_converge_to_the_same_weights(label):
    found = networks(label, Lbfgs(), ridge=1e-2, max_iter=1000, tol=1e-10)
    for other in found[1:]:
        np.testing.assert_allclose(other.weights, found[0].weights, rtol=0, atol=1e-6)


@pytest.mark.parametrize("label", LABELS)
def test_mini_batches_of_perceptrons_end_within_a_hundredth(label):
    """Each mini-batch has rows of every lane. For local descent see ``tests/spark``: Spark sorts its rows."""
    how = perceptron.MiniBatches(256, 1, 0.02, "onecycle", epochs=60, dtype="float64")
    found = networks(label, how, ridge=1e-2, max_iter=60)
    for other in found[1:]:
        assert other.objective[0][-1] == pytest.approx(found[0].objective[0][-1], rel=1e-2)


FEW = 300
SOME = X[:FEW]
MACHINES = {
    "classification": (Task(), (SCORE[:FEW] > 0) * 1.0),
    "regression": (Task("regression", epsilon=0.1), SCORE[:FEW]),
    "one class": (Task("one class", nu=0.3), SCORE[:FEW]),
}


def some_orders(y):
    return [ragged(SOME[at], y[at], np.ones(FEW), [100, 200], "float64") for at in orders(SOME, y)]


@pytest.mark.parametrize("solver", ["direct", "cascade"])
@pytest.mark.parametrize("name", MACHINES)
def test_support_vector_machines_are_the_same(name, solver):
    task, y = MACHINES[name]
    machine = Machine(task, Kernel("rbf", 0.3), 1.0, tol=1e-8)
    found = [fit(blocks, [machine], solver=solver)[0] for blocks in some_orders(y)]
    margins = [SvmModel.of([each]).margin(SOME)[:, 0] for each in found]
    for other in margins[1:]:
        np.testing.assert_allclose(other, margins[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["classification", "regression"])
def test_landmarks_are_the_same_rows(name):
    task, y = MACHINES[name]
    machine = Machine(task, Kernel("rbf", 0.3), 1.0)
    found = [fit_nystroem(blocks, machine, 100, 1) for blocks in some_orders(y)]
    landmarks = [np.sort(made.fitted.support.X, axis=0) for made in found]
    for made, rows in zip(found[1:], landmarks[1:], strict=True):
        np.testing.assert_array_equal(rows, landmarks[0])
        assert made.fitted.primal == pytest.approx(found[0].fitted.primal, rel=1e-4)
        assert made.objective[:5] == pytest.approx(found[0].objective[:5], rel=1e-4)
