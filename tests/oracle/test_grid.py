"""Every loss x penalty x standardisation x intercept x weights: the fit is the minimum, scikit-learn's if it has one.

A point is the minimum of a convex function if its smallest subgradient is zero. That is computed here from the formula
of the objective in docs/conventions.md, without frames, batches or blocks. By strong convexity the coefficients are
then those of any exact solver. scikit-learn's are compared wherever it has the loss and the penalty.
"""

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, HuberRegressor, LogisticRegression, PoissonRegressor, Ridge
from sklearn.svm import LinearSVC

from grid import LOSSES, RNG, ROWS, SCORE, WEIGHT, X, fitted
from treefold.algorithms.linear.losses import Huber, logistic, squared
from treefold.errors import InputError
from treefold.optim import Lbfgs, Newton, Normal


def residual(coef, loss, X, y, weight, ridge, lasso, standardize, intercept):
    """The largest element of the smallest subgradient, per deviation of a feature and unit of the label."""
    w = weight / weight.sum()
    mean = w @ X
    deviation = np.sqrt(w @ (X - mean) ** 2)
    varies = deviation > 1e-12 * abs(mean)
    unit = np.where(varies, deviation, 1.0)
    rows = (loss((coef[:, :-1] @ X.T + coef[:, -1:])[None], y)[1][0]) * w
    metric = unit if standardize else np.ones(len(unit))
    smooth = rows @ (X - mean * intercept) + ridge * metric**2 * coef[:, :-1]
    at_zero = np.sign(smooth) * np.maximum(abs(smooth) - lasso * metric, 0)
    least = np.where(coef[:, :-1] == 0, at_zero, smooth + lasso * metric * np.sign(coef[:, :-1]))
    left = [abs(least / np.maximum(unit, np.sqrt(ridge) * metric))[:, varies | (not intercept)]]
    free = rows.sum(axis=1)
    if isinstance(loss, Huber):
        left = [left[0][:1]]
        free = free if intercept else free[1:]
    left.append(abs(free) if intercept or isinstance(loss, Huber) else np.zeros(1))
    scale = np.sqrt(w @ (y - w @ y) ** 2) if loss is squared else 1.0
    return max(each.max(initial=0.0) for each in left) / max(scale, 1e-300)


@pytest.mark.parametrize("weight", [np.ones(ROWS), WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("intercept", [True, False], ids=["intercept", "origin"])
@pytest.mark.parametrize("standardize", [True, False], ids=["standard", "raw"])
@pytest.mark.parametrize(("ridge", "lasso"), [(0.1, 0.0), (0.05, 0.02)], ids=["ridge", "both"])
@pytest.mark.parametrize("name", LOSSES)
def test_the_fit_is_the_minimum(name, ridge, lasso, standardize, intercept, weight):
    loss, y = LOSSES[name]
    coef = fitted(X, y, loss, weight, ridge=ridge, lasso=lasso, standardize=standardize, intercept=intercept)
    assert residual(coef, loss, X, y, weight, ridge, lasso, standardize, intercept) < 3e-7
    if not intercept:
        assert (coef[0, -1] == 0).all()


def scikit_learns(name, ridge, lasso, intercept, total):
    """scikit-learn's model of the same objective, for rows of so much weight; None where it has none."""
    alpha, exact = ridge + lasso, {"fit_intercept": intercept, "tol": 1e-13, "max_iter": 10**6}
    if name == "squared":
        return ElasticNet(alpha=alpha, l1_ratio=lasso / alpha, **exact) if lasso else Ridge(
            alpha=ridge * total, fit_intercept=intercept, solver="svd")  # fmt: skip
    if name in ("logistic", "softmax"):
        solver = {"l1_ratio": lasso / alpha, "solver": "saga"} if lasso else {"solver": "newton-cholesky"}
        return LogisticRegression(C=1 / (alpha * total), **solver, **exact)
    if lasso:
        return None
    if name == "huber":
        return HuberRegressor(epsilon=1.2, alpha=ridge * total, **exact | {"tol": 1e-10})
    if name == "poisson":
        return PoissonRegressor(alpha=ridge, solver="newton-cholesky", **exact)
    # Its intercept is penalised: next to nothing, if the column of ones is of 1e3.
    return LinearSVC(C=1 / (ridge * total), dual=False, intercept_scaling=1e3, **exact)


CELLS = [
    pytest.param(name, *penalty, standardize, intercept, weight, id="-".join(
        [name, "both" if penalty[1] else "ridge", "standard" if standardize else "raw",
         "intercept" if intercept else "origin", "plain" if weight is None else "weighted"]))
    for name in LOSSES for penalty in [(0.1, 0.0), (0.05, 0.02)] for standardize in (True, False)
    for intercept in (True, False) for weight in (None, WEIGHT)
    if scikit_learns(name, *penalty, intercept, 1.0) is not None
]  # fmt: skip


@pytest.mark.parametrize(("name", "ridge", "lasso", "standardize", "intercept", "weight"), CELLS)
def test_the_fit_is_scikit_learns(name, ridge, lasso, standardize, intercept, weight):
    loss, y = LOSSES[name]
    w = np.ones(ROWS) if weight is None else weight
    mine = fitted(X, y, loss, w, ridge=ridge, lasso=lasso, standardize=standardize, intercept=intercept)
    unit = np.sqrt(np.cov(X.T, aweights=w, ddof=0).diagonal()) if standardize else np.ones(X.shape[1])
    model = scikit_learns(name, ridge, lasso, intercept, w.sum()).fit(X / unit, y, sample_weight=w)
    coef, free = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
    own = mine[: len(coef)]
    near = 1e-4 if name == "huber" else 1e-5  # scikit-learn's ends where values, not gradients, no longer change
    np.testing.assert_allclose(own[:, :-1] * unit, coef, rtol=near, atol=near * abs(coef).max())
    if intercept:
        both = [b - b.mean() * (name == "softmax") for b in (own[:, -1], free)]
        np.testing.assert_allclose(*both, rtol=near, atol=near)


WIDE = np.logspace(-8, 8, 5)
HARD = {
    "a column that does not vary": X * [1, 1, 0, 1, 1] + [0, 0, 7, 0, 0],
    "collinear columns": np.column_stack([X, X[:, 0], X[:, 0] + X[:, 3]]),
    "columns from 1e-8 to 1e8": X * WIDE,
    "fewer rows than columns": None,
}


@pytest.mark.parametrize("standardize", [True, False], ids=["standard", "raw"])
@pytest.mark.parametrize(("ridge", "lasso"), [(0.1, 0.0), (0.05, 0.02)], ids=["ridge", "both"])
@pytest.mark.parametrize("case", HARD)
@pytest.mark.parametrize("name", ["squared", "logistic", "softmax", "poisson"])
def test_hard_columns(name, case, ridge, lasso, standardize):
    loss, y = LOSSES[name]
    if case == "fewer rows than columns":
        Z, y = RNG.standard_normal((30, 50)), y[:30]
    else:
        Z = HARD[case]
    coef = fitted(Z, y, loss, np.ones(len(y)), ridge=ridge, lasso=lasso, standardize=standardize)
    assert np.isfinite(coef).all()
    assert residual(coef, loss, Z, y, np.ones(len(y)), ridge, lasso, standardize, True) < 3e-7


@pytest.mark.parametrize("solver", [Lbfgs(), Normal(), Newton()], ids=["lbfgs", "normal", "newton"])
@pytest.mark.parametrize("offset", [1e6, -1e6])
def test_labels_far_from_zero_and_of_great_scale(solver, offset):
    for scale in (1e-6, 1.0, 1e6):
        y = (SCORE + offset) * scale
        oracle = Ridge(alpha=ROWS * 0.1, solver="svd").fit(X / X.std(axis=0), y)
        coef = fitted(X, y, squared, None, ridge=0.1, solver=solver)[0]
        np.testing.assert_allclose(coef[:-1] * X.std(axis=0), oracle.coef_, rtol=1e-5)
        assert coef[-1] == pytest.approx(oracle.intercept_, rel=1e-9)


@pytest.mark.parametrize("solver", [Lbfgs(), Normal()], ids=["lbfgs", "normal"])
def test_unpenalised_collinear_columns_predict_as_any_solution(solver):
    Z = HARD["collinear columns"]
    y = LOSSES["squared"][1]
    coef = fitted(Z, y, squared, None, ridge=0.0, solver=solver)[0]
    exact = np.linalg.lstsq(np.column_stack([X, np.ones(ROWS)]), y, rcond=None)[0]
    np.testing.assert_allclose(Z @ coef[:-1] + coef[-1], X @ exact[:-1] + exact[-1], rtol=1e-6)


@pytest.mark.parametrize("lasso", [0.0, 0.02])
def test_separable_classes_with_a_penalty_are_scikit_learns(lasso):
    y = (X[:, 0] > 0) * 1.0
    Z, alpha = X / X.std(axis=0), 0.01 + lasso
    coef = fitted(X, y, logistic, None, ridge=0.01, lasso=lasso)[0]
    oracle = LogisticRegression(C=1 / (ROWS * alpha), l1_ratio=lasso / alpha, solver="saga", tol=1e-12, max_iter=10**6)
    np.testing.assert_allclose(coef[:-1] * X.std(axis=0), oracle.fit(Z, y).coef_[0], rtol=1e-5, atol=1e-7)


def test_separable_classes_without_a_penalty_end_with_every_row_right():
    y = (X[:, 0] > 0) * 1.0
    coef = fitted(X, y, logistic, None, ridge=0.0, tol=1e-6)[0]
    assert ((X @ coef[:-1] + coef[-1] > 0) == y).all()


@pytest.mark.parametrize("name", ["logistic", "softmax", "squared hinge"])
def test_one_class_only(name):
    coef = fitted(X, np.zeros(ROWS), LOSSES[name][0], None, ridge=0.1)
    assert np.isfinite(coef).all()
    np.testing.assert_allclose(coef[:, :-1] * X.std(axis=0), 0, atol=1e-4)
    assert coef[0, -1] < 0 or coef[0, -1] > coef[-1, -1]


def test_all_weights_zero_is_an_error():
    with pytest.raises(InputError, match="every row has weight 0"):
        fitted(X, LOSSES["squared"][1], squared, np.zeros(ROWS), ridge=0.1)


def test_a_lasso_of_more_columns_than_rows_is_scikit_learns():
    Z = RNG.standard_normal((30, 60))
    y = Z[:, 0] - 2 * Z[:, 1] + 0.1 * RNG.standard_normal(30)
    oracle = ElasticNet(alpha=0.1, l1_ratio=0.8, tol=1e-14, max_iter=10**6).fit(Z / Z.std(axis=0), y)
    for solver in (Lbfgs(), Normal()):
        coef = fitted(Z, y, squared, None, ridge=0.02, lasso=0.08, solver=solver)[0]
        np.testing.assert_allclose(coef[:-1] * Z.std(axis=0), oracle.coef_, rtol=1e-5, atol=1e-9)
