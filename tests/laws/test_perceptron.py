"""Perceptrons: gradients against differences, laws of the statistic, what L-BFGS finds."""

from itertools import pairwise

import numpy as np
import pytest

from rows import ragged
from treefold.algorithms import perceptron
from treefold.algorithms.perceptron import kernels
from treefold.algorithms.perceptron.layers import Layers
from treefold.algorithms.perceptron.losses import CrossEntropy, Huber, Poisson, Squared
from treefold.algorithms.perceptron.model import PerceptronModel
from treefold.algorithms.perceptron.network import Network
from treefold.algorithms.perceptron.objective import objective, validation_loss
from treefold.dataset.block import Block
from treefold.dataset.csr import as_csr
from treefold.dataset.splits import Given, Shared
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.optim import Lbfgs
from treefold.optim.status import CONVERGED, HALTED

RNG = np.random.default_rng(23)
ROWS = 60
X = RNG.standard_normal((ROWS, 4))
LABELS = {"class": RNG.integers(0, 3, ROWS) * 1.0, "value": RNG.standard_normal(ROWS) * 3,
          "count": RNG.poisson(2.0, ROWS) * 1.0}  # fmt: skip
WEIGHT = RNG.integers(0, 3, ROWS) * 1.0
LOSSES = [(CrossEntropy(), "class", 3), (Squared(), "value", 1), (Huber(0.7), "value", 1), (Poisson(), "count", 1)]
NAMES = [type(loss).__name__ for loss, _, _ in LOSSES]
ACTIVATIONS = ["relu", "sigmoid", "tanh", "identity"]


def network(loss, outputs, activation="tanh", hidden=(5, 3)):
    return Network(Layers((4, *hidden, outputs)), activation, loss)


def block(label, weight=WEIGHT, rows=slice(None)):
    return Block(X[rows], LABELS[label][rows], weight[rows], 0)


def started(net, models=1):
    return np.stack([net.layers.drawn(seed, net.activation) for seed in range(models)])


@pytest.mark.parametrize("hidden", [(), (5,), (5, 3)], ids=["no hidden layer", "one", "two"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("loss", "label", "outputs"), LOSSES, ids=NAMES)
def test_the_gradient_is_that_of_differences_in_every_layer(loss, label, outputs, activation, hidden):
    net = network(loss, outputs, activation, hidden)
    flat = RNG.standard_normal((1, net.layers.size)) * 0.5
    found = objective(block(label), flat, net)
    step = 1e-6
    for number in range(net.layers.size):
        move = np.zeros_like(flat)
        move[0, number] = step
        high, low = (objective(block(label), flat + sign * move, net).loss[0] for sign in (1, -1))
        assert found.gradient[0, number] == pytest.approx((high - low) / (2 * step), rel=1e-6, abs=2e-6)


@pytest.mark.parametrize(("loss", "label", "outputs"), LOSSES, ids=NAMES)
def test_sums_of_rows_obey_weights_and_forms(loss, label, outputs):
    net = network(loss, outputs)
    flat = started(net, 2)
    whole = objective(block(label), flat, net)
    halves = [objective(block(label, rows=part), flat, net) for part in (slice(0, 21), slice(21, None))]
    some = np.repeat(np.arange(ROWS), WEIGHT.astype(int))
    repeated = objective(Block(X[some], LABELS[label][some], np.ones(len(some)), 0), flat, net)
    sparse = objective(block(label)._replace(X=as_csr(X, np.float64)), flat, net)
    for field in ("loss", "gradient", "weight"):
        wanted = getattr(whole, field)
        np.testing.assert_allclose(sum(getattr(half, field) for half in halves), wanted, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(getattr(repeated, field), wanted, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(getattr(sparse, field), wanted, rtol=1e-9, atol=1e-12)
    single = objective(block(label), flat[1:], net)
    np.testing.assert_array_equal(single.gradient[0], whole.gradient[1])
    np.testing.assert_allclose(validation_loss(block(label), flat, net).loss, whole.loss, rtol=1e-12)


def test_a_row_of_weight_zero_is_absent_even_where_its_loss_is_infinite():
    far = np.vstack([X, np.full((1, 4), 1e300)])
    net = network(Poisson(), 1, "identity", ())
    flat = np.ones((1, net.layers.size))
    odd = Block(far, np.append(LABELS["count"], 0.0), np.append(WEIGHT, 0.0), 0)
    mine, wanted = objective(odd, flat, net), objective(block("count"), flat, net)
    np.testing.assert_array_equal(mine.loss, wanted.loss)
    np.testing.assert_allclose(mine.gradient, wanted.gradient, rtol=1e-12)


@pytest.mark.parametrize("label", [3.0, -1.0, 1.5, np.nan, np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_label_that_is_no_output_is_refused_unless_its_row_is_absent(label, dtype):
    products, labels = np.zeros((2, 3), dtype), np.array([1.0, label], dtype)
    bias, gradient = np.zeros(3, dtype), np.zeros(3, dtype)
    with pytest.raises(ValueError, match="a label is not the index of an output"):
        kernels.cross_entropy(products.copy(), bias, labels, np.ones(2, dtype), gradient)
    loss = kernels.cross_entropy(products, bias, labels, np.array([1, 0], dtype), gradient)
    assert loss == pytest.approx(np.log(3))


SEVERAL = [(Squared(), RNG.standard_normal((ROWS, 3)) * 3), (Huber(0.7), RNG.standard_normal((ROWS, 3)) * 3),
           (Poisson(), RNG.poisson(2.0, (ROWS, 3)) * 1.0)]  # fmt: skip


@pytest.mark.parametrize(("loss", "targets"), SEVERAL, ids=[type(loss).__name__ for loss, _ in SEVERAL])
def test_several_outputs_are_the_columns_after_the_features_and_their_losses_add(loss, targets):
    net = network(loss, 3)
    flat = RNG.standard_normal((1, net.layers.size)) * 0.5
    rows = Block(np.column_stack([X, targets]), np.zeros(ROWS), WEIGHT, 0)
    found = objective(rows, flat, net)
    *lower, (weights, bias) = list(net.layers.affine(flat[0]))
    alone = network(loss, 1)
    parts = 0.0
    for k in range(3):
        kept = [part.ravel() for pair in lower for part in pair] + [weights[:, k], bias[k : k + 1]]
        parts += objective(Block(X, targets[:, k], WEIGHT, 0), np.concatenate(kept)[None], alone).loss[0]
    assert found.loss[0] == pytest.approx(parts, rel=1e-12)
    assert validation_loss(rows, flat, net).loss[0] == pytest.approx(parts, rel=1e-12)
    for number in range(net.layers.size):
        move = np.zeros_like(flat)
        move[0, number] = 1e-6
        high, low = (objective(rows, flat + sign * move, net).loss[0] for sign in (1, -1))
        assert found.gradient[0, number] == pytest.approx((high - low) / 2e-6, rel=1e-6, abs=2e-6)


def test_a_step_of_several_outputs_is_scikit_learns():
    from sklearn.neural_network import MLPRegressor

    targets = SEVERAL[0][1]
    net = Network(Layers((4, 5, 3)), "relu", Squared())
    flat = started(net)
    theirs = MLPRegressor(
        hidden_layer_sizes=(5,), solver="sgd", momentum=0.0, alpha=0.0, learning_rate_init=0.1, batch_size=ROWS
    ).partial_fit(X, targets)
    for (weights, bias), coef, intercept in zip(
        net.layers.affine(flat[0]), theirs.coefs_, theirs.intercepts_, strict=True
    ):
        coef[:], intercept[:] = weights, bias
    found = objective(Block(np.column_stack([X, targets]), np.zeros(ROWS), np.ones(ROWS), 0), flat, net)
    theirs.partial_fit(X, targets)
    assert found.loss[0] / ROWS == pytest.approx(3 * theirs.loss_, rel=1e-12)  # theirs is the mean over the outputs
    moved = flat[0] - 0.1 * found.gradient[0] / ROWS
    model = PerceptronModel(net.layers.sizes, moved, "relu", "identity")
    np.testing.assert_allclose(model.predict(X), theirs.predict(X), rtol=1e-9, atol=1e-12)


def test_class_factors_multiply_the_weights():
    net, factors = network(CrossEntropy(), 3), np.array([0.5, 2.0, 3.0])
    flat = started(net)
    mine = objective(block("class"), flat, net, factors)
    wanted = objective(block("class", WEIGHT * factors[LABELS["class"].astype(int)]), flat, net)
    np.testing.assert_allclose(mine.gradient, wanted.gradient, rtol=1e-12)


def test_the_flat_order_is_by_lower_unit_then_biases():
    layers = Layers((2, 3, 1))
    (first, first_bias), (last, last_bias) = layers.affine(np.arange(13.0))
    np.testing.assert_array_equal(first, [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(first_bias, [6, 7, 8])
    np.testing.assert_array_equal(last, [[9], [10], [11]])
    assert (layers.size, last_bias[0], layers.penalised.sum()) == (13, 12.0, 9)


@pytest.mark.parametrize("seed", range(20))
def test_xor_is_learned_from_any_seed(seed):
    corners = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    blocks = LocalBlocks.from_arrays(corners, [0, 1, 1, 0], dtype="float64")
    net = Network(Layers((2, 5, 2)), "sigmoid", CrossEntropy())
    start = net.layers.drawn(seed, "sigmoid")[None]
    found = perceptron.fit(blocks, net, start, max_iter=500, tol=1e-6)
    model = PerceptronModel(net.layers.sizes, found.weights[0], "sigmoid", "softmax")
    np.testing.assert_array_equal(model.predict(corners), [0, 1, 1, 0])


def test_a_batch_is_its_models_alone_and_cuts_of_the_rows_change_nothing():
    net = network(CrossEntropy(), 3)
    start, ridge = started(net, 3), np.array([0.0, 0.01, 1.0])
    cuts = [ragged(X, LABELS["class"], WEIGHT, cut, "float64") for cut in ([], [7, 30])]
    batch, other = (perceptron.fit(blocks, net, start, ridge=ridge, max_iter=15, tol=0.0) for blocks in cuts)
    np.testing.assert_allclose(batch.weights, other.weights, rtol=1e-5, atol=1e-7)
    for m in range(3):
        alone = perceptron.fit(cuts[0], net, start[m : m + 1], ridge=ridge[m], max_iter=15, tol=0.0)
        np.testing.assert_allclose(alone.weights[0], batch.weights[m], rtol=1e-6, atol=1e-9)
    size = ((batch.weights * net.layers.penalised) ** 2).sum(axis=1)
    assert size[0] > size[1] > size[2]


def test_without_a_hidden_layer_it_is_a_softmax_regression():
    from sklearn.linear_model import LogisticRegression

    blocks = LocalBlocks.from_arrays(X, LABELS["class"], WEIGHT, dtype="float64")
    net = network(CrossEntropy(), 3, hidden=())
    found = perceptron.fit(blocks, net, started(net), ridge=0.1, max_iter=200, tol=1e-9)
    theirs = LogisticRegression(C=1 / (0.1 * WEIGHT.sum()), tol=1e-10, max_iter=1000)
    theirs.fit(X, LABELS["class"], sample_weight=WEIGHT)
    model = PerceptronModel(net.layers.sizes, found.weights[0], "tanh", "softmax")
    np.testing.assert_allclose(model.probability(X), theirs.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("split", [Shared(0.3, 1), Given()], ids=["drawn", "given"])
def test_rows_held_out_end_a_fit(split):
    held = RNG.random(ROWS) < 0.3
    blocks = LocalBlocks.from_arrays(X, LABELS["class"], extra=[held], dtype="float64")
    net = network(CrossEntropy(), 3, hidden=(20,))
    found = perceptron.fit(blocks, net, started(net), validation=split, patience=4, max_iter=300, tol=0.0)
    (history,) = found.held
    assert found.status.tolist() == [HALTED]
    assert len(history) == int(np.argmin(history)) + 1 + 4
    fold = split.fold_of(blocks.blocks[0]) == 1
    out = validation_loss(Block(X[fold], LABELS["class"][fold], np.ones(fold.sum()), 0), found.weights, net)
    assert out.loss[0] / out.weight == pytest.approx(min(history))


def test_a_fit_converges():
    blocks = LocalBlocks.from_arrays(X, LABELS["value"], dtype="float64")
    net = network(Squared(), 1, hidden=(3,))
    found = perceptron.fit(blocks, net, started(net), ridge=0.01, max_iter=2000, tol=1e-7)
    assert found.status.tolist() == [CONVERGED]
    history = found.objective[0]
    assert all(later <= before for before, later in pairwise(history))


def test_scoring_is_the_networks_forward_pass_for_tables_csr_and_nan():
    net = network(CrossEntropy(), 3, "relu")
    flat = RNG.standard_normal(net.layers.size)
    model = PerceptronModel(net.layers.sizes, flat, "relu", "softmax", feature_names=("a", "b", "c", "d"))
    values = X
    *lower, (weights, bias) = net.layers.affine(flat)
    for w, b in lower:
        values = np.maximum(values @ w + b, 0)
    raw = values @ weights + bias
    np.testing.assert_allclose(model.margin(X), raw, rtol=1e-12)
    np.testing.assert_allclose(model.margin(as_csr(X, np.float64)), raw, rtol=1e-9)
    share = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.probability(X), share, rtol=1e-10)
    thresholded = PerceptronModel(net.layers.sizes, flat, "relu", "softmax", (0.9, 0.05, 0.05))
    np.testing.assert_array_equal(thresholded.predict(X), (share / [0.9, 0.05, 0.05]).argmax(axis=1))
    missing = X.copy()
    missing[3, 1] = np.nan
    said = model.predict(missing)
    assert np.isnan(said[3])
    np.testing.assert_array_equal(np.delete(said, 3), np.delete(raw.argmax(axis=1), 3))
    with pytest.raises(InputError, match="the model takes rows of 4 features, got an array of shape"):
        model.predict(X[:, :3])


def test_noise_of_float32_does_not_keep_a_fit_from_ending():
    blocks = LocalBlocks.from_arrays(X, LABELS["class"])
    net = network(CrossEntropy(), 3)
    found = perceptron.fit(blocks, net, started(net), ridge=0.1, solver=Lbfgs(noise=1e-8), max_iter=1000, tol=1e-9)
    assert found.iterations[0] < 1000
