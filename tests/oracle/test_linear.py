"""Optima against scikit-learn and closed forms, in float64, over the local engine."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss

from treefold.algorithms.linear import LinearModel, fit
from treefold.algorithms.linear.losses import logistic, softmax, squared
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.optim import GradientDescent, Lbfgs
from treefold.optim.status import CONVERGED, NO_PROGRESS
from treefold.statistics.label_summary import data_summary

RNG = np.random.default_rng(11)
ROWS = 600
X = RNG.standard_normal((ROWS, 5)) @ RNG.standard_normal((5, 5)) * [1, 10, 0.1, 3, 1] + [0, 50, 1, -3, 2]
SCORE = (X - X.mean(axis=0)) / X.std(axis=0) @ [1, -2, 0.5, 0, 1] + RNG.logistic(size=ROWS)
BINARY = (SCORE > 0.3).astype(float)
MANY = np.digitize(SCORE, [-1, 1]).astype(float)
TARGET = 1000 + 50 * SCORE
WEIGHT = RNG.uniform(0, 3, ROWS)


def fitted(y, loss, weight=None, solver=Lbfgs(), max_iter=2000, tol=1e-9, **options):  # noqa: B008
    blocks = LocalBlocks.from_arrays(X, y, weight, dtype="float64")
    found = data_summary(blocks, classification=loss is not squared)
    result = fit(blocks, loss, found, ridge=np.array([options.pop("ridge", 0.0)]), solver=solver, max_iter=max_iter,
                 tol=tol, **options)  # fmt: skip
    assert result.status[0] in (CONVERGED, NO_PROGRESS)  # the gradient is 1e-9 or as small as float64 can tell
    return result


def design(weight, standardize):
    """Scikit-learn's features: scaled where we penalise in standard units; and what undoes it."""
    w = np.ones(ROWS) if weight is None else weight
    mean = np.average(X, axis=0, weights=w)
    deviation = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=w))
    return (X / deviation, deviation) if standardize else (X, np.ones(5))


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("ridge", [0.01, 1.0])
@pytest.mark.parametrize(("y", "loss"), [(BINARY, logistic), (MANY, softmax)], ids=["binary", "multinomial"])
def test_logistic_and_softmax_are_scikit_learns(y, loss, ridge, intercept, standardize, weight):
    mine = fitted(y, loss, weight, ridge=ridge, intercept=intercept, standardize=standardize).coef[0]
    Z, deviation = design(weight, standardize)
    total = ROWS if weight is None else weight.sum()
    oracle = LogisticRegression(C=1 / (ridge * total), fit_intercept=intercept, tol=1e-10, max_iter=100_000,
                                solver="newton-cholesky").fit(Z, y, sample_weight=weight)  # fmt: skip
    np.testing.assert_allclose(mine[:, :-1], oracle.coef_ / deviation, rtol=1e-4, atol=1e-6 / deviation.min())
    if intercept:
        np.testing.assert_allclose(mine[:, -1] - mine[:, -1].mean() * (loss is softmax), oracle.intercept_
                                   - oracle.intercept_.mean() * (loss is softmax), rtol=1e-4, atol=1e-4)  # fmt: skip
    else:
        assert (mine[:, -1] == 0).all()


@pytest.mark.parametrize(("y", "loss"), [(TARGET, squared), (BINARY, logistic), (MANY, softmax)])
@pytest.mark.parametrize(("rule", "step"), [("backtracking", 1.0), ("constant", 0.3)])
def test_gradient_descent_reaches_the_optimum_of_lbfgs(y, loss, rule, step):
    solver = GradientDescent(step, backtracking=rule == "backtracking")
    slow, quick = (fitted(y, loss, WEIGHT, s, 5000, ridge=0.1, tol=1e-7) for s in (solver, Lbfgs()))
    np.testing.assert_allclose(slow.coef, quick.coef, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("ridge", [0.0, 0.1, 10.0])
def test_least_squares_is_the_closed_form(ridge, intercept, standardize, weight):
    mine = fitted(TARGET, squared, weight, ridge=ridge, intercept=intercept, standardize=standardize).coef[0, 0]
    Z, deviation = design(weight, standardize)
    total = ROWS if weight is None else weight.sum()
    oracle = Ridge(alpha=ridge * total, fit_intercept=intercept, solver="svd").fit(Z, TARGET, sample_weight=weight)
    np.testing.assert_allclose(mine[:-1], oracle.coef_ / deviation, rtol=1e-5)
    np.testing.assert_allclose(mine[-1], oracle.intercept_, rtol=1e-5)


def test_the_objective_is_the_formula():
    result = fitted(BINARY, logistic, WEIGHT, ridge=0.1)
    coef = result.coef[0, 0]
    margin = X @ coef[:-1] + coef[-1]
    _, deviation = design(WEIGHT, True)
    by_hand = (
        np.average(np.logaddexp(0, margin) - BINARY * margin, weights=WEIGHT)
        + 0.05 * ((coef[:-1] * deviation) ** 2).sum()
    )
    assert result.objective[0][-1] == pytest.approx(by_hand, rel=1e-10)
    assert len(result.objective[0]) == result.iterations[0] + 1
    assert (np.diff(result.objective[0]) <= 1e-15).all()


def test_unpenalised_softmax_sums_to_zero_over_classes():
    coef = fitted(MANY, softmax, ridge=0.0).coef[0]
    np.testing.assert_allclose(coef.sum(axis=0), 0, atol=1e-9)
    probability = (
        LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
        .fit(X / X.std(axis=0), MANY)
        .predict_proba(X / X.std(axis=0))
    )
    np.testing.assert_allclose(LinearModel(coef, "softmax").probability(X), probability, atol=1e-4)


def test_a_constant_column_gets_no_coefficient_beside_an_intercept_and_is_the_intercept_without():
    def coef(intercept):
        blocks = LocalBlocks.from_arrays(np.column_stack([X[:, 0], np.full(ROWS, 4.0)]), BINARY, dtype="float64")
        found = data_summary(blocks, classification=True)
        return fit(blocks, logistic, found, ridge=np.zeros(1), intercept=intercept, tol=1e-10).coef[0, 0]

    beside, without = coef(True), coef(False)
    assert beside[1] == 0
    np.testing.assert_allclose(without[1] * 4, beside[2], rtol=1e-6)


def test_float32_rows_come_near_the_float64_optimum():
    blocks = LocalBlocks.from_arrays(X, BINARY, dtype="float32")
    result = fit(
        blocks, logistic, data_summary(blocks, classification=True), ridge=np.array([0.01]), solver=Lbfgs(noise=1e-9)
    )
    np.testing.assert_allclose(result.coef, fitted(BINARY, logistic, ridge=0.01).coef, rtol=1e-3, atol=1e-3)


def test_real_digits_reach_scikit_learns_optimum():
    pixels, digit = (rows[:400] for rows in load_digits(return_X_y=True))
    blocks = LocalBlocks.from_arrays(pixels, digit, dtype="float64")
    found = data_summary(blocks, classification=True)
    mine = fit(blocks, softmax, found, ridge=np.array([0.01]), tol=1e-8, max_iter=1000)
    deviation = pixels.std(axis=0)
    Z = np.divide(pixels, deviation, out=np.zeros_like(pixels), where=deviation > 0)
    oracle = LogisticRegression(C=1 / (0.01 * len(Z)), tol=1e-10, max_iter=10_000).fit(Z, digit)
    value = log_loss(digit, oracle.predict_proba(Z)) + 0.005 * (oracle.coef_**2).sum()
    assert mine.objective[0][-1] == pytest.approx(value, rel=1e-9)


def test_predictions_are_scikit_learns():
    for y, loss, link in ((BINARY, logistic, "logistic"), (MANY, softmax, "softmax")):
        coef = fitted(y, loss, ridge=0.01).coef[0]
        oracle = LogisticRegression(C=1 / (0.01 * ROWS), tol=1e-10, max_iter=10_000).fit(X / X.std(axis=0), y)
        model = LinearModel(coef, link)
        np.testing.assert_allclose(model.probability(X), oracle.predict_proba(X / X.std(axis=0)), atol=1e-5)
        np.testing.assert_array_equal(model.predict(X), oracle.predict(X / X.std(axis=0)))
