"""Fits of every loss against scikit-learn, in float64."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import HuberRegressor, PoissonRegressor, QuantileRegressor
from sklearn.svm import SVC, SVR, LinearSVC

from treefold.algorithms.linear import fit
from treefold.algorithms.linear.losses import EpsilonInsensitive, Hinge, Huber, Quantile, poisson, squared_hinge
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.optim.status import CONVERGED, NO_PROGRESS
from treefold.statistics.label_summary import data_summary

RNG = np.random.default_rng(9)
ROWS = 300
X = RNG.standard_normal((ROWS, 4)) + np.array([0, 1, -1, 2])
SCORE = (X - X.mean(axis=0)) @ [1, -2, 0.5, 0] + RNG.logistic(size=ROWS)
BINARY, MANY = (SCORE > 0.3) * 1.0, np.digitize(SCORE, [-1, 1]) * 1.0
TARGET = 100 + 5 * SCORE
TARGET[:15] += 200
COUNTS = RNG.poisson(np.exp(SCORE / 3)) * 1.0
WEIGHT = RNG.uniform(0, 3, ROWS)
BY_WEIGHT = pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
RIDGE = 0.01


def fitted(loss, y, weight=None, **options):
    blocks = LocalBlocks.from_arrays(X, y, weight, dtype="float64")
    found = data_summary(blocks, classification=loss is squared_hinge or isinstance(loss, Hinge))
    options = {"ridge": RIDGE, "standardize": False, "tol": 1e-9, "max_iter": 5000} | options
    made = fit(blocks, loss, found, **options)
    assert np.isin(made.status, (CONVERGED, NO_PROGRESS)).all()
    return made.coef[0]


def total(weight):
    return ROWS if weight is None else weight.sum()


def mean_loss(loss, coef, y, weight=None):
    return np.average(loss((X @ coef[:, :-1].T + coef[:, -1]).T[None], y)[0][0], weights=weight)


def objective(loss, coef, y, weight=None):
    return mean_loss(loss, coef, y, weight) + RIDGE / 2 * (coef[:, :-1] ** 2).sum()


def as_coef(model):
    return np.column_stack([np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)])


@BY_WEIGHT
@pytest.mark.parametrize("intercept", [True, False])
def test_huber_and_its_scale_are_scikit_learns(intercept, weight):
    mine = fitted(Huber(1.5), TARGET, weight, intercept=intercept)

    def theirs(v):  # with HuberRegressor's stopping rule only three digits could be compared
        loss, slope = Huber(1.5)(np.stack([X @ v[:4] + v[4] * intercept, np.full(ROWS, v[5])])[None], TARGET)
        w = (np.ones(ROWS) if weight is None else weight) / total(weight)
        gradient = np.concatenate([X.T @ (slope[0, 0] * w) + RIDGE * v[:4], (slope[0] * w).sum(axis=1)])
        return loss[0] @ w + RIDGE / 2 * v[:4] @ v[:4], gradient * [1, 1, 1, 1, intercept, 1]

    start = np.array([0, 0, 0, 0, 100.0 * intercept, 10.0])
    exact = minimize(theirs, start, jac=True, method="BFGS", options={"gtol": 1e-11}).x
    np.testing.assert_allclose(mine[0], exact[:5], rtol=1e-5, atol=1e-6)
    assert mine[1, -1] == pytest.approx(exact[5], rel=1e-6)
    model = HuberRegressor(epsilon=1.5, alpha=total(weight) * RIDGE, max_iter=10_000, tol=1e-9, fit_intercept=intercept)
    model.fit(X, TARGET, sample_weight=weight)
    np.testing.assert_allclose(mine[0], as_coef(model)[0], rtol=2e-3, atol=2e-3)
    assert mine[1, -1] == pytest.approx(model.scale_, rel=1e-3)


@BY_WEIGHT
@pytest.mark.parametrize("intercept", [True, False])
def test_poisson_is_scikit_learns(intercept, weight):
    oracle = PoissonRegressor(alpha=RIDGE, solver="newton-cholesky", tol=1e-12, max_iter=1000, fit_intercept=intercept)
    np.testing.assert_allclose(
        fitted(poisson, COUNTS, weight, intercept=intercept),
        as_coef(oracle.fit(X, COUNTS, sample_weight=weight)),
        rtol=1e-5,
        atol=1e-9,
    )


def test_counts_are_not_negative():
    with pytest.raises(InputError, match="a label is -1: counts are 0 or more"):
        fitted(poisson, COUNTS - 1)


@BY_WEIGHT
def test_squared_hinge_without_intercept_is_scikit_learns(weight):
    """With one, scikit-learn's is penalised. Its C adds where our mean divides."""
    for y in (BINARY, MANY):
        oracle = LinearSVC(loss="squared_hinge", C=1 / (2 * 0.5 * RIDGE * total(weight)), fit_intercept=False,
                           dual=False, tol=1e-12, max_iter=100_000)  # fmt: skip
        oracle.fit(X, y, sample_weight=weight)
        np.testing.assert_allclose(fitted(squared_hinge, y, weight, intercept=False)[:, :-1], oracle.coef_, rtol=1e-5)


@BY_WEIGHT
def test_hinge_is_within_its_smoothing_of_libsvm(weight):
    for y, rows in ((BINARY, 1), (MANY, 3)):
        mine = fitted(Hinge(), y, weight, smoothing=1e-4)
        assert mine.shape[0] == rows
        for k in range(rows):
            own = (y == (k if rows > 1 else 1)) * 1.0
            oracle = SVC(kernel="linear", C=1 / (RIDGE * total(weight)), tol=1e-4).fit(X, own, sample_weight=weight)
            pair = [objective(Hinge(), c, own, weight) for c in (mine[k : k + 1], as_coef(oracle))]
            assert -1e-5 < pair[0] - pair[1] < 1e-4 / 2
            np.testing.assert_allclose(mine[k], as_coef(oracle)[0], rtol=1e-2, atol=1e-3)


def test_a_tube_is_within_its_smoothing_of_libsvm():
    mine = fitted(EpsilonInsensitive(1.0), TARGET, smoothing=1e-4)
    oracle = SVR(kernel="linear", epsilon=1.0, C=1 / (RIDGE * ROWS), tol=1e-5).fit(X, TARGET)
    pair = [objective(EpsilonInsensitive(1.0), c, TARGET) for c in (mine, as_coef(oracle))]
    assert -1e-5 < pair[0] - pair[1] < 1e-4 / 2 * TARGET.std()


@BY_WEIGHT
@pytest.mark.parametrize("level", [0.5, 0.9])
def test_a_quantile_is_within_its_smoothing_of_the_linear_programme(level, weight):
    loss = Quantile(level)
    mine = fitted(loss, TARGET, weight, smoothing=1e-4, ridge=0.0)
    oracle = QuantileRegressor(quantile=level, alpha=0).fit(X, TARGET, sample_weight=weight)
    pair = [mean_loss(loss, c, TARGET, weight) for c in (mine, as_coef(oracle))]
    assert -1e-5 < pair[0] - pair[1] < 1e-4 / 2 * TARGET.std()
    below = np.average(X @ mine[0, :-1] + mine[0, -1] > TARGET, weights=weight)
    assert below == pytest.approx(level, abs=0.02)
