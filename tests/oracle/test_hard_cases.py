"""Columns and labels that are hard to fit: coefficients are scikit-learn's to 1e-5, for every solver that can."""

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, LogisticRegression, PoissonRegressor, Ridge

from treefold.algorithms.linear import fit
from treefold.algorithms.linear.gram import gram
from treefold.algorithms.linear.losses import logistic, poisson, softmax, squared
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.optim import Lbfgs, Newton, Normal
from treefold.optim.status import CONVERGED, NO_PROGRESS
from treefold.statistics.label_summary import data_summary

RNG = np.random.default_rng(14)
ROWS, RIDGE = 120, 0.05
X = (RNG.standard_normal((ROWS, 5)) @ (np.eye(5) + 0.4) + [0, 3, -1, 0, 10]) * [1, 10, 0.1, 3, 1]
WIDE = RNG.standard_normal((40, 70))
CASES = {
    "a column that does not vary": X * [1, 1, 0, 1, 1] + [0, 0, 7, 0, 0],
    "collinear columns": np.column_stack([X, X[:, 0], X[:, 0] + X[:, 3]]),
    "columns from 1e-8 to 1e8": X * np.logspace(-8, 8, 5),
    "fewer rows than columns": WIDE,
    "a column a million deviations from zero": X + 3e6 * np.eye(5)[3],
}
SOLVERS = {squared: [Lbfgs(), Normal(), Newton()], logistic: [Lbfgs(), Newton()], softmax: [Lbfgs(), Newton()],
           poisson: [Lbfgs(), Newton()]}  # fmt: skip
PAIRS = [
    pytest.param(loss, s, id=f"{type(loss).__name__} {type(s).__name__}") for loss in SOLVERS for s in SOLVERS[loss]
]


def labels(loss, rows):
    score = (rows - rows.mean(axis=0))[:, :2] @ (1 / rows[:, :2].std(axis=0)) + RNG.logistic(size=len(rows))
    made = {squared: 1e6 + 3 * score, logistic: (score > 0.3) * 1.0, softmax: np.digitize(score, [-1, 1]) * 1.0}
    return made[loss] if loss in made else RNG.poisson(np.exp(score / 3)) * 1.0


def oracle(loss, Z, y, w):
    total = w.sum()
    model = {
        squared: Ridge(alpha=RIDGE * total, solver="svd"),
        poisson: PoissonRegressor(alpha=RIDGE, solver="newton-cholesky", tol=1e-13, max_iter=1000),
    }.get(loss, LogisticRegression(C=1 / (RIDGE * total), solver="newton-cholesky", tol=1e-13, max_iter=1000))
    model.fit(Z, y, sample_weight=w)
    return np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("loss", "solver"), PAIRS)
def test_hard_columns_are_scikit_learns(loss, solver, case):
    rows = CASES[case]
    y = labels(loss, rows)
    w = RNG.integers(0, 4, len(y)) * 0.7
    blocks = LocalBlocks.from_arrays(rows, y, w, dtype="float64")
    at_once = isinstance(solver, Normal)
    found = gram(blocks, 99) if at_once else data_summary(blocks, classification=loss in (logistic, softmax))
    made = fit(blocks, loss, found, ridge=RIDGE, solver=solver, tol=1e-10, max_iter=3000)
    assert made.status[0] in (CONVERGED, NO_PROGRESS)
    mean = w @ rows / w.sum()
    deviation = np.sqrt(w @ (rows - mean) ** 2 / w.sum())
    varies = deviation > 1e-9 * abs(mean)
    Z = (rows - mean)[:, varies] / deviation[varies]
    coef, intercept = oracle(loss, Z, y, w)
    mine = made.coef[0][:, :-1] * deviation
    assert (made.coef[0][:, :-1][:, ~varies] == 0).all()
    np.testing.assert_allclose(mine[:, varies], coef, rtol=1e-5, atol=1e-6 * abs(coef).max())
    own = made.coef[0][:, -1] + made.coef[0][:, :-1] @ mean
    both = [b - b.mean() * (loss is softmax) for b in (own, intercept)]
    np.testing.assert_allclose(*both, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_lassos_of_hard_columns_are_scikit_learns(case):
    rows = CASES[case]
    y = labels(squared, rows) - 1e6
    deviation = rows.std(axis=0)
    varies = deviation > 1e-9
    Z = (rows - rows.mean(axis=0))[:, varies] / deviation[varies]
    theirs = ElasticNet(alpha=0.3, l1_ratio=0.7, tol=1e-15, max_iter=10**6).fit(Z, y).coef_
    blocks = LocalBlocks.from_arrays(rows, y, dtype="float64")
    for solver, found in ((Lbfgs(), data_summary(blocks, classification=False)), (Normal(), gram(blocks, 99))):
        made = fit(blocks, squared, found, ridge=0.09, lasso=0.21, solver=solver, tol=1e-11, max_iter=5000)
        mine = (made.coef[0, 0, :-1] * deviation)[varies]
        if case == "collinear columns":  # whose shares are any
            np.testing.assert_allclose(Z @ mine, Z @ theirs, rtol=1e-5, atol=1e-6)
        else:
            np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-7)
