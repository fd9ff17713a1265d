"""The order of the rows does not matter: sorted, reversed and shuffled rows give one fit, in as many iterations."""

import numpy as np
import pytest

from rows import ragged
from treefold.algorithms import forest, kmeans
from treefold.algorithms.kmeans.start import Wanted
from treefold.algorithms.kmeans.start import start as begin
from treefold.algorithms.linear import Bounds, fit
from treefold.algorithms.linear.gram import gram
from treefold.algorithms.linear.losses import (
    EpsilonInsensitive,
    Hinge,
    Huber,
    Quantile,
    logistic,
    poisson,
    softmax,
    squared,
    squared_hinge,
)
from treefold.optim import GradientDescent, Lbfgs, Newton, Normal, Sgd
from treefold.optim.schedules import OneCycle
from treefold.optim.update_rules import Momentum
from treefold.statistics.label_summary import data_summary

RNG = np.random.default_rng(5)
ROWS, FEATURES = 4000, 6
X = (RNG.standard_normal((ROWS, FEATURES)) @ (np.eye(FEATURES) + 0.3) + 2) * np.logspace(-1, 1, FEATURES)
SCORE = (X - X.mean(axis=0)) / X.std(axis=0) @ [1, -1, 0.5, 0, 2, 0] + RNG.logistic(size=ROWS)
BINARY, TARGET = (SCORE > 0.3) * 1.0, 1000 + 50 * SCORE
LABELS = {
    squared: TARGET, logistic: BINARY, softmax: np.digitize(SCORE, [-1, 1]) * 1.0, squared_hinge: BINARY,
    poisson: RNG.poisson(np.exp(SCORE / 4)) * 1.0, Huber(): TARGET, Hinge(): BINARY, Quantile(0.8): TARGET,
    EpsilonInsensitive(3.0): TARGET,
}  # fmt: skip
STAGED = (Hinge, Quantile, EpsilonInsensitive)  # fitted in stages of less and less smoothing
SMOOTH = [loss for loss in LABELS if loss.twice_differentiable]


def orders(y):
    """Rows by label, by a feature, by label backwards, and twice as chance has it."""
    by_label = np.argsort(y, kind="stable")
    return [RNG.permutation(ROWS), by_label, np.argsort(X[:, 0]), by_label[::-1], RNG.permutation(ROWS)]


def blocks_of(order, y):
    return ragged(X[order], y[order], np.ones(ROWS), [1000, 2000, 3000], "float64")


def fits(loss, solver, max_iter=3000, tol=1e-9, **options):
    y, found = LABELS[loss], []
    for order in orders(y):
        blocks = blocks_of(order, y)
        seen = data_summary(
            blocks, classification=loss in (logistic, softmax, squared_hinge) or isinstance(loss, Hinge)
        )
        options = {"ridge": 0.01} | options
        found.append(fit(blocks, loss, seen, solver=solver, max_iter=max_iter, tol=tol, seed=3, **options))
    return found


def assert_same_fit(found, loss, within=1e-6):
    scale = np.append(X.std(axis=0), 1.0) / (LABELS[loss].std() if loss.homogeneity > 0 else 1.0)
    for other in found[1:]:
        assert other.objective[0][-1] == pytest.approx(found[0].objective[0][-1], rel=1e-9)
        np.testing.assert_allclose(other.coef * scale, found[0].coef * scale, rtol=0, atol=within)


def assert_same_way(found):
    """Objectives within 1e-4 in every iteration."""
    fewest = min(len(each.objective[0]) for each in found)
    assert fewest > 1
    for other in found[1:]:
        np.testing.assert_allclose(other.objective[0][:fewest], found[0].objective[0][:fewest], rtol=1e-4, atol=1e-9)


def options_of(loss):
    """None, an L1 penalty, and bounds where the loss takes them."""
    outputs = 3 if loss is softmax else 1
    wide = np.full((outputs, FEATURES + 1), np.inf)
    bounds = Bounds(np.where(np.arange(FEATURES + 1) < 2, 0, -wide), wide)
    return [{}, {"lasso": 1e-2}] + ([] if isinstance(loss, Huber) else [{"bounds": bounds}])


@pytest.mark.parametrize("loss", LABELS, ids=lambda loss: type(loss).__name__)
def test_lbfgs_and_its_proximal_form(loss):
    """The sample of rows behind the first Hessian is drawn by their values, so it is the same rows in any order."""
    for options in options_of(loss):
        found = fits(loss, Lbfgs(), **options)
        assert_same_fit(found, loss)
        iterations = [len(each.objective[0]) - 1 for each in found]
        few = min(iterations)  # rounding decides which one ends a fit, or each of its stages
        assert max(iterations) <= max(few + 1, 1.2 * few if isinstance(loss, STAGED) else 0)
        assert_same_way(found)


@pytest.mark.parametrize("loss", SMOOTH, ids=lambda loss: type(loss).__name__)
def test_newton(loss):
    for options in options_of(loss):
        found = fits(loss, Newton(), **options)
        assert_same_fit(found, loss)
        assert_same_way(found)


@pytest.mark.parametrize("loss", LABELS, ids=lambda loss: type(loss).__name__)
def test_gradient_descent(loss):
    found = fits(loss, GradientDescent(0.3), max_iter=60)
    assert_same_way(found)
    assert_same_fit(found, loss, within=1e-6)


@pytest.mark.parametrize("lasso", [0.0, 1e-2])
def test_normal_equations(lasso):
    found = [
        fit(blocks, squared, gram(blocks, 99), solver=Normal(), ridge=0.01, lasso=lasso, tol=1e-9)
        for blocks in (blocks_of(order, TARGET) for order in orders(TARGET))
    ]
    assert_same_fit(found, squared)
    assert_same_way(found)


@pytest.mark.parametrize("loss", [squared, logistic, softmax, squared_hinge, Hinge()], ids=str)
def test_mini_batches_end_within_a_thousandth(loss):
    """Every mini-batch has rows of every block, and in the end all rows equally often."""
    step = 0.1 if loss is squared_hinge else 0.3
    solver = Sgd(step, 150, OneCycle(150), rule=Momentum(0.9, nesterov=True), fraction=0.25)
    found = fits(loss, solver, max_iter=150, tol=0.0)
    assert_objectives_within(found, 1e-3)


def assert_objectives_within(found, share):
    for other in found[1:]:
        assert other.objective[0][-1] == pytest.approx(found[0].objective[0][-1], rel=share)


CLUSTERS = np.concatenate([RNG.normal(c, 1, (1000, FEATURES)) for c in (-8, -3, 3, 9)])
KIND = np.repeat(np.arange(4.0), 1000)


def cluster_orders():
    return [RNG.permutation(ROWS), np.argsort(KIND), np.argsort(CLUSTERS[:, 0]), np.arange(ROWS)[::-1]]


def clustered(**options):
    blocks = (
        ragged(CLUSTERS[order], KIND[order], np.ones(ROWS), [1000, 2000, 3000], "float64") for order in cluster_orders()
    )
    return [kmeans.best_of(kmeans.fit(each, [4], tol=1e-9, max_iter=100, seed=2, **options)[0]) for each in blocks]


@pytest.mark.parametrize("start", ["random", "k-means++", "k-means||"])
def test_k_means_ends_in_the_same_clusters_wherever_it_begins(start):
    found = clustered(start_by=kmeans.Start(start), restarts=8)
    for other in found[1:]:
        np.testing.assert_allclose(np.sort(other.centres[:, 0]), np.sort(found[0].centres[:, 0]), rtol=1e-6)
        assert other.cost == pytest.approx(found[0].cost, rel=1e-9)


def unclustered(X, **options):
    """One fit of rows without clusters for each order of them: where it ends depends on where it begins."""
    by_feature = np.argsort(X[:, 0], kind="stable")
    some = [RNG.permutation(ROWS), by_feature, by_feature[::-1], RNG.permutation(ROWS)]
    blocks = (ragged(X[order], np.zeros(ROWS), np.ones(ROWS), [1000, 2000, 3000], "float64") for order in some)
    return [kmeans.fit(each, [7], tol=1e-9, max_iter=100, seed=2, **options)[0][0] for each in blocks]


GIVEN = [X[[3, 500, 1500, 2500, 2600, 2700, 2800]]]


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
@pytest.mark.parametrize("start", ["random", "k-means++", "k-means||", GIVEN], ids=str)
def test_k_means_has_the_same_iterations_from_any_start(start, distance):
    """The rows of the start are drawn by their values."""
    start_by = start if start is GIVEN else kmeans.Start(start)
    found = unclustered(X, start_by=start_by, cosine=distance == "cosine")
    assert found[0].iterations > 5
    for other in found[1:]:
        assert other.iterations == found[0].iterations
        np.testing.assert_allclose(other.costs, found[0].costs, rtol=1e-9)
        np.testing.assert_allclose(other.centres, found[0].centres, rtol=1e-6)


@pytest.mark.parametrize("often", [ROWS // 2, 1])
def test_the_start_of_k_means_is_one_of_equal_rows_as_often_as_they_occur(often):
    """A draw by values would take equal rows for one of two thousand; so rows that repeat are drawn by position."""
    repeated = X.copy()
    repeated[:often] = 1000.0
    blocks = ragged(repeated, np.zeros(ROWS), np.ones(ROWS), [1000, 2000, 3000], "float64")
    found, firsts = begin(blocks, kmeans.Start("random"), [Wanted(1, seed) for seed in range(1000)], cosine=False)
    assert found.by_value == (often == 1)
    assert np.mean([first[0, 0] == 1000 for first in firsts]) == pytest.approx(often / ROWS, abs=0.05)


def test_mini_batches_of_k_means_end_within_a_hundredth():
    found = clustered(start_by=[CLUSTERS[[3, 1500, 2500, 3500]]], batch_rows=400)
    for other in found[1:]:
        assert other.cost == pytest.approx(found[0].cost, rel=1e-2)


def forests(y, X, **options):
    classes = y is not TARGET
    settings = forest.Settings("gini" if classes else "variance", trees=5, max_depth=6, seed=3, **options)
    blocks = [ragged(X[order], y[order], np.ones(ROWS), [1000, 2000, 3000], "float64") for order in orders(y)]
    return [forest.fit(each, settings).model for each in blocks]


@pytest.mark.parametrize("y", [LABELS[softmax], TARGET], ids=["classes", "values"])
def test_trees_of_all_rows_are_the_same(y):
    """Whatever is drawn is drawn of positions: a bootstrap has other rows if the rows stand otherwise."""
    coarse = np.round(X / X.std(axis=0), 1)
    found = forests(y, coarse, bootstrap=False, feature_subset="all")
    assert found[0].depth == 6
    for other in found[1:]:
        for name in ("feature", "threshold", "left"):
            np.testing.assert_array_equal(getattr(other, name), getattr(found[0], name), err_msg=name)
        np.testing.assert_allclose(other.value, found[0].value, rtol=1e-6)


@pytest.mark.parametrize("y", [LABELS[softmax], TARGET], ids=["classes", "values"])
def test_bootstraps_of_rows_in_another_order_are_forests_as_good(y):
    def score(model):
        predicted = model.predict(X)
        return (predicted == y).mean() if y is not TARGET else 1 - ((predicted - y) ** 2).mean() / y.var()

    scores = [score(model) for model in forests(y, X)]
    assert max(scores) - min(scores) < 0.03
    assert min(scores) > 0.6
