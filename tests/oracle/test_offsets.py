"""Offsets: a part of the margin that is known, against scikit-learn, and a feature held at coefficient 1."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import PoissonRegressor

from rows import ragged
from treefold.algorithms.linear import Bounds, LinearModel, fit
from treefold.algorithms.linear.losses import Quantile, logistic, poisson, squared
from treefold.algorithms.linear.objective import objective, objectives
from treefold.algorithms.linear.quadratic import quadratic
from treefold.dataset.block import Block
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.metrics import measure
from treefold.metrics.regression import errors
from treefold.optim import GradientDescent, Lbfgs, Newton, Normal, Sgd
from treefold.optim.schedules import OneCycle
from treefold.statistics.label_summary import data_summary

RNG = np.random.default_rng(21)
ROWS = 400
X = RNG.standard_normal((ROWS, 4)) * [1, 10, 0.1, 2] + [0, 3, 1, -1]
OFFSET = RNG.normal(2, 1, ROWS)
WEIGHT = RNG.integers(0, 3, ROWS) * 1.0
SCORE = (X - X.mean(axis=0)) / X.std(axis=0) @ [0.5, -1, 0.3, 0] + OFFSET
LABELS = {
    squared: 50 + 5 * SCORE + RNG.standard_normal(ROWS),
    logistic: (SCORE - 2 + RNG.logistic(size=ROWS) > 0) * 1.0,
    poisson: RNG.poisson(np.exp(SCORE / 2)) * 1.0,
}
SOLVERS = {"lbfgs": Lbfgs(), "newton": Newton(), "gd": GradientDescent()}


def fitted(rows, y, loss, offset=OFFSET, **options):
    blocks = LocalBlocks.from_arrays(rows, y, WEIGHT, extra=[offset], dtype="float64")
    options = {"ridge": 0.0, "tol": 1e-9, "max_iter": 5000, "with_offset": True} | options
    return fit(blocks, loss, data_summary(blocks, classification=loss is logistic), **options).coef[0, 0]


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("solver", [*SOLVERS.values(), Normal()], ids=[*SOLVERS, "normal"])
def test_of_squared_errors_an_offset_is_taken_from_the_label(solver, sparse):
    rows, y = csr_array(X) if sparse else X, LABELS[squared]
    mine = fitted(rows, y, squared, solver=solver)
    np.testing.assert_allclose(mine, fitted(X, y - OFFSET, squared, 0 * OFFSET), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("ridge", [0.0, 0.1])
@pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
def test_of_counts_an_offset_is_the_logarithm_of_an_exposure(solver, ridge):
    """Counts over exposures, weighted by these, have the same likelihood."""
    exposure, total = np.exp(OFFSET), WEIGHT.sum()
    oracle = PoissonRegressor(alpha=ridge * total / (WEIGHT @ exposure), tol=1e-12, solver="newton-cholesky")
    oracle.fit(X, LABELS[poisson] / exposure, WEIGHT * exposure)
    mine = fitted(X, LABELS[poisson], poisson, solver=solver, ridge=ridge, standardize=False)
    np.testing.assert_allclose(mine, [*oracle.coef_, oracle.intercept_], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("lasso", "solver"), [(0.0, Lbfgs()), (0.0, Newton()), (0.01, Lbfgs())])
def test_an_offset_is_a_feature_of_coefficient_one(lasso, solver):
    wide = np.full((1, 6), np.inf)
    held = Bounds(-wide.copy(), wide.copy())
    held.lower[0, 4], held.upper[0, 4] = 1.0, 1.0
    theirs = fitted(np.column_stack([X, OFFSET]), LABELS[logistic], logistic, with_offset=False, bounds=held, ridge=0.0)
    if not lasso:
        mine = fitted(X, LABELS[logistic], logistic, solver=solver)
        np.testing.assert_allclose(mine, np.delete(theirs, 4), rtol=1e-5, atol=1e-6)
    mine = fitted(X, LABELS[logistic], logistic, solver=solver, lasso=lasso)
    moved = fitted(X, LABELS[logistic], logistic, OFFSET + 7, solver=solver, lasso=lasso)
    np.testing.assert_allclose(moved, mine - [0, 0, 0, 0, 7], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("solver", [Sgd(0.2, 30, OneCycle(30), local=16), Sgd(0.3, 150, OneCycle(150), fraction=0.5)])
@pytest.mark.parametrize("loss", [squared, logistic])
def test_stochastic_descent_comes_near_the_least(loss, solver):
    blocks = ragged(X, LABELS[loss], WEIGHT, [100, 250], "float64")
    blocks = LocalBlocks([b._replace(extra=(OFFSET[b.id : b.id + len(b.y)],)) for b in blocks.blocks])
    found = data_summary(blocks, classification=loss is logistic)
    least, made = (fit(blocks, loss, found, ridge=0.01, with_offset=True, solver=s, max_iter=150, tol=0.0).objective[0]
                   for s in (Lbfgs(), solver._replace(horizon=150)))  # fmt: skip
    assert made[-1] < least[-1] * 1.002


def test_statistics_add_the_offset_to_the_first_margin():
    coef, y = RNG.standard_normal((3, 1, 5)), LABELS[squared]
    block, zero = (Block(X, y, WEIGHT, 0, (o,)) for o in (OFFSET, 0 * OFFSET))
    moved = Block(X, y - OFFSET, WEIGHT, 0)
    for loss in (squared, Quantile(0.3)):
        for mine, theirs in zip(
            objective(block, coef, loss, None, None, True), objective(moved, coef, loss), strict=True
        ):
            np.testing.assert_allclose(mine, theirs, rtol=1e-9)
    plain = (coef, squared, np.zeros(4), np.ones(4))
    for mine, theirs in zip(quadratic(block, *plain, None, True), quadratic(moved, *plain), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9)
    asked = [(coef, squared, None, None, True), (coef, squared)]
    alone = objective(block, *asked[0]), objective(zero, *asked[1])
    for found, want in zip(objectives([block, zero], asked), alone, strict=True):
        np.testing.assert_array_equal(found.loss, want.loss)


def test_models_predict_and_are_measured_with_offsets():
    coef = RNG.standard_normal((1, 5))
    for link in ("identity", "log", "logistic", "margin"):
        model, margin = LinearModel(coef / 10, link, with_offset=True), X @ coef[0, :4] / 10 + coef[0, 4] / 10 + OFFSET
        said = model.outputs(X, OFFSET)
        want = {"identity": margin, "log": np.exp(margin), "logistic": margin > 0, "margin": margin > 0.5}[link]
        np.testing.assert_allclose(said["prediction"], want, rtol=1e-12)
    model = LinearModel(coef, "identity", with_offset=True)
    blocks = LocalBlocks.from_arrays(X, LABELS[squared], WEIGHT, extra=[OFFSET], dtype="float64")
    (sums,) = measure(blocks, model, errors)
    gap = LABELS[squared] - model.predict(X, OFFSET)
    (plain,) = measure(LocalBlocks.from_arrays(X, LABELS[squared] - OFFSET, WEIGHT, dtype="float64"),
                       LinearModel(coef, "identity"), errors)  # fmt: skip
    np.testing.assert_allclose(sums.absolute, WEIGHT @ abs(gap), rtol=1e-9)
    np.testing.assert_allclose(sums.absolute, plain.absolute, rtol=1e-9)
