"""Differentially private perceptrons: norms of gradients of rows, what one row can change, what is said and refused."""

import json

import numpy as np
import pytest
from scipy import stats
from scipy.sparse import csr_array

from treefold import LocalBlocks, load
from treefold.algorithms.perceptron import Layers, Network, PerceptronModel
from treefold.algorithms.perceptron.losses import CrossEntropy, Huber, Squared
from treefold.algorithms.perceptron.private import clipped_gradient, fit_with_noise
from treefold.errors import InputError
from treefold.ml import MultilayerPerceptronClassifier, MultilayerPerceptronRegressor, fill
from treefold.privacy.noisy_blocks import Noise, NoisyBlocks

NETWORKS = [
    Network(Layers((4, 5, 6, 3)), "tanh", CrossEntropy()),
    Network(Layers((4, 5, 3)), "relu", CrossEntropy()),
    Network(Layers((4, 5, 1)), "sigmoid", Squared()),
    Network(Layers((4, 3, 1)), "identity", Huber(0.5)),
    Network(Layers((4, 3)), "relu", CrossEntropy()),
]
each_network = pytest.mark.parametrize("network", NETWORKS, ids=lambda one: f"{one.activation} {one.loss.link}")
PRIVATE = {"solver": "dpgd", "privacyEpsilon": 3.0, "maxIter": 6, "stepSize": 1.0, "layers": [3, 4, 2]}


def seeded(seed: int):
    return np.random.default_rng(seed).standard_normal


def rows(network, count: int = 15):
    """Rows of very different sizes, some of them with weights above 1, below 1 and of 0."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(count, 4)) * 10.0 ** rng.integers(-2, 3, (count, 1))
    y = rng.integers(0, 3, count) if network.loss.link == "softmax" else rng.normal(size=count) * 10
    return X, y.astype(float), rng.choice([0.0, 0.3, 1.0, 5.0], count)


def weights(network):
    return network.layers.drawn(3, network.activation)


def total(network, norm, X, y, weight) -> np.ndarray:
    blocks = LocalBlocks.from_arrays(X, y, weight, dtype="float64")
    return blocks.sum(clipped_gradient, weights(network), network, norm).gradient


@each_network
@pytest.mark.parametrize("norm", [0.1, 2.0])
def test_a_sum_is_that_of_the_gradients_of_single_rows_each_of_them_clipped(network, norm):
    """The gradients of single rows are those of the solvers without privacy."""
    X, y, weight = rows(network)
    expected, norms = np.zeros(network.layers.size), []
    for i in np.flatnonzero(weight):
        own = np.empty(network.layers.size)
        network.gradient(X[i : i + 1], y[i : i + 1, None], np.ones(1), weights(network), own)
        norms.append(np.linalg.norm(own))
        expected += min(weight[i], 1.0) * min(1.0, norm / norms[-1]) * own
    np.testing.assert_allclose(total(network, norm, X, y, weight), expected, rtol=1e-9, atol=1e-12)
    assert max(norms) > norm, "no row was clipped"


@each_network
def test_no_row_changes_a_sum_by_more_than_its_bound(network):
    """Every row is removed in turn, and replaced by its opposite, far away, with other labels."""
    X, y, weight = rows(network)
    norm, moved = 0.5, []
    bound = clipped_gradient.sensitivity(weights(network), network, norm)
    whole = total(network, norm, X, y, weight)
    for i in range(len(y)):
        others = np.arange(len(y)) != i
        moved.append(np.linalg.norm(whole - total(network, norm, X[others], y[others], weight[others])))
        for label in (0.0, 1.0, 2.0):
            far, labels, heavy = X.copy(), y.copy(), weight.copy()
            far[i], labels[i], heavy[i] = -1e6 * np.sign(X[i]), label, 1e6
            moved.append(np.linalg.norm(whole - total(network, norm, far, labels, heavy)))
    assert bound == 2 * norm
    assert max(moved) <= bound * (1 + 1e-9)
    assert max(moved) > 0.9 * norm


@each_network
def test_weight_0_is_absent_csr_is_dense_and_what_is_no_row_is_absent(network):
    X, y, weight = rows(network)
    X[np.random.default_rng(4).random(X.shape) < 0.5] = 0.0
    there, whole = weight > 0, total(network, 0.5, X, y, weight)
    np.testing.assert_allclose(whole, total(network, 0.5, X[there], y[there], weight[there]), atol=1e-12)
    np.testing.assert_allclose(whole, total(network, 0.5, csr_array(X), y, weight), atol=1e-12)
    bad = np.array([[np.nan, 1, 1, 1], [np.inf, 1, 1, 1], [1, 1, 1, 1], [1e153, 1e153, 1e153, -1e153]])
    labels = [0.0, 1.0, np.nan, 1.0]
    more = total(network, 0.5, np.vstack([X, bad[:3]]), np.append(y, labels[:3]), np.append(weight, np.ones(3)))
    np.testing.assert_allclose(whole, more, atol=1e-12)
    huge = total(network, 0.5, np.vstack([X, bad]), np.append(y, labels), np.append(weight, np.ones(4)))
    assert np.linalg.norm(huge - whole) <= 0.5 * (1 + 1e-9)


def test_the_noise_of_a_sum_is_normal_with_the_deviation_that_its_bound_asks_for():
    network = NETWORKS[0]
    X, y, weight = rows(network)
    noisy = NoisyBlocks(LocalBlocks.from_arrays(X, y, weight, dtype="float64"), Noise(3.0, 100, seeded(7)))
    exact = total(network, 0.7, X, y, weight)
    drawn = [noisy.sum(clipped_gradient, weights(network), network, 0.7).gradient - exact for _ in range(100)]
    assert stats.kstest(np.ravel(drawn) / (3.0 * 1.4), "norm").pvalue > 1e-3, "seeded: it always is, or never"


def test_without_noise_the_fit_is_gradient_descent_and_the_mean_of_its_last_quarter():
    network = NETWORKS[1]
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(50, 4)), rng.integers(0, 3, 50).astype(float)
    flat, iterates = weights(network), []
    for _ in range(8):
        own = np.empty(network.layers.size)
        network.gradient(X, y[:, None], np.ones(50), flat, own)
        flat = flat - 0.5 * (own / 50 + 0.1 * network.layers.penalised * flat)
        iterates.append(flat)
    blocks = NoisyBlocks(LocalBlocks.from_arrays(X, y, dtype="float64"), Noise(0.0, 8, np.zeros))
    found = fit_with_noise(
        blocks,
        network,
        weights(network),
        1e9,
        rows=50,
        ridge=0.1,
        step_size=0.5,
        iterations=8,
        on_step=lambda step: None,
    )
    np.testing.assert_allclose(found, np.mean(iterates[-2:], axis=0), rtol=1e-9)


class Unread:
    """Blocks as those of Spark: how many features there are is known after the first pass."""

    def __init__(self, blocks):
        self.blocks = blocks

    def __getattr__(self, name):
        return getattr(self.blocks, name)

    @property
    def features(self):
        return self.blocks.features if self.blocks.passes else 0


def fitted(estimator):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(2000, 3))
    y = X[:, 0] * X[:, 1]
    labels = (y > 0) * 1.0 if isinstance(estimator, MultilayerPerceptronClassifier) else y
    blocks = estimator.with_noise(Unread(LocalBlocks.from_arrays(X, labels)))
    return estimator.build_model(estimator.fit_batch(blocks, [estimator]), list(blocks.passes))


@pytest.mark.parametrize(
    "estimator",
    [
        MultilayerPerceptronClassifier(**PRIVATE),
        MultilayerPerceptronRegressor(**PRIVATE | {"layers": [3, 4, 1]}, loss="huber", epsilon=2.0),
    ],
    ids=["classifier", "regressor"],
)
def test_a_private_model_says_what_it_has_spent(tmp_path, estimator):
    seen = []
    model = fitted(estimator.watch(seen.append))
    told = model.training_summary.to_dict()
    assert told["epsilon"] == pytest.approx(3.0, rel=1e-6)
    assert "objective" not in told
    spent = [each.figures["epsilon spent"] for each in seen]
    assert spent == sorted(spent)
    assert spent[-1] == told["epsilon"]
    assert [each.name for each in model.training_summary.passes] == ["row_count", *["clipped_gradient"] * 6]
    fill(model, tmp_path / "model")
    assert load(str(tmp_path / "model")).privacy == model.numpy_model.privacy
    facts = json.loads((tmp_path / "model/model.json").read_text())["facts"]
    assert facts["privacy"]["epsilon"] == told["epsilon"]
    assert not np.array_equal(fitted(estimator).numpy_model.weights, model.numpy_model.weights), "noise is drawn anew"


def test_a_private_network_learns_what_no_line_can():
    """Labels by quadrants; of seeded noise, so that the outcome is always the same."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(20_000, 2))
    y = (X[:, 0] * X[:, 1] > 0) * 1.0
    network = Network(Layers((2, 16, 2)), "tanh", CrossEntropy())
    blocks = NoisyBlocks(LocalBlocks.from_arrays(X, y, dtype="float64"), Noise(20.0, 150, seeded(3)))
    flat = fit_with_noise(
        blocks,
        network,
        weights(network),
        1.0,
        rows=20_000,
        ridge=0.0,
        step_size=2.0,
        iterations=150,
        on_step=lambda step: None,
    )
    found = PerceptronModel(network.layers.sizes, flat, "tanh", "softmax").predict(X)
    assert (found == y).mean() > 0.85


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (MultilayerPerceptronClassifier(**PRIVATE | {"privacyEpsilon": None}), "set privacyEpsilon"),
        (MultilayerPerceptronClassifier(**PRIVATE, nInit=2), "solver dpgd reads no nInit"),
        (MultilayerPerceptronClassifier(**PRIVATE, validationFraction=0.1), "reads no validationFraction"),
        (MultilayerPerceptronClassifier(**PRIVATE | {"maxIter": 0}), "raise maxIter"),
        (MultilayerPerceptronRegressor(**PRIVATE | {"layers": [3, 1]}, loss="poisson"), "takes no loss poisson"),
        (MultilayerPerceptronRegressor(**PRIVATE), "layers end with 2, but the label is one number"),
        (MultilayerPerceptronClassifier(layers=[3, 2], clip=2.0), "solver lbfgs reads no clip"),
    ],
)
def test_a_private_fit_that_would_not_be_one_is_refused(estimator, message):
    with pytest.raises(InputError, match=message):
        fitted(estimator)


def test_blocks_without_noise_and_batches_are_refused():
    estimator = MultilayerPerceptronClassifier(**PRIVATE)
    blocks = LocalBlocks.from_arrays(np.zeros((9, 3)), np.zeros(9))
    for given, trials in ((blocks, [estimator]), (estimator.with_noise(blocks), [estimator, estimator])):
        with pytest.raises(InputError, match="without noise"):
            estimator.fit_batch(given, trials)
    assert blocks.passes == []
