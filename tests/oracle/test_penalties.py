"""Elastic nets and bounded fits against scikit-learn and SciPy, in float64."""

import numpy as np
import pytest
from scipy.optimize import lsq_linear
from sklearn.linear_model import ElasticNet, LogisticRegression

from treefold.algorithms.linear import Bounds, fit
from treefold.algorithms.linear.losses import Hinge, logistic, softmax, squared
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.optim import GradientDescent, Lbfgs, Newton, Normal, Sgd
from treefold.optim.schedules import OneCycle
from treefold.optim.status import CONVERGED, NO_PROGRESS
from treefold.optim.update_rules import Adam
from treefold.statistics.label_summary import data_summary

RNG = np.random.default_rng(4)
ROWS, FEATURES = 300, 8
UNITS = np.logspace(-4, 4, FEATURES)
X = (RNG.standard_normal((ROWS, FEATURES)) @ (np.eye(FEATURES) + 0.3) + np.arange(FEATURES)) * UNITS
WEIGHT = RNG.uniform(0, 3, ROWS)
SCORE = (X - X.mean(axis=0)) / X.std(axis=0) @ [1, -2, 0.5, 0, 0, 1, 0.1, 0] + RNG.logistic(size=ROWS)
LABELS = {squared: 1000 + 50 * SCORE, logistic: (SCORE > 0.3) * 1.0, softmax: np.digitize(SCORE, [-1, 1]) * 1.0}

OUTPUTS = {squared: 1, logistic: 1, softmax: 3}


def fitted(loss, weight=None, loss_fitted=None, **options):
    blocks = LocalBlocks.from_arrays(X, LABELS[loss], weight, dtype="float64")
    found = data_summary(blocks, classification=loss is not squared)
    made = fit(blocks, loss_fitted or loss, found, **{"tol": 1e-9, "max_iter": 2000} | options)
    assert np.isin(made.status, (CONVERGED, NO_PROGRESS)).all()
    return made


def oracle(loss, weight, lasso, ridge, intercept, deviation):
    """Coefficients and intercept of scikit-learn, on features over ``deviation``."""
    total, alpha = (ROWS if weight is None else weight.sum()), lasso + ridge
    options = {"l1_ratio": lasso / alpha, "fit_intercept": intercept, "max_iter": 200_000}
    if loss is squared:
        model = ElasticNet(alpha=alpha, tol=1e-13, **options)
    else:
        model = LogisticRegression(C=1 / (total * alpha), solver="saga", tol=1e-11, **options)
    model.fit(X / deviation, LABELS[loss], sample_weight=weight)
    return np.atleast_2d(model.coef_) / deviation, np.atleast_1d(model.intercept_)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("share", [0.3, 1.0])
@pytest.mark.parametrize("loss", [squared, logistic, softmax])
def test_elastic_nets_on_standardised_features_are_scikit_learns(loss, share, intercept, weight):
    strength = 0.05 * (LABELS[loss].std() if loss is squared else 1)
    lasso, ridge = share * strength, (1 - share) * strength
    mine = fitted(loss, weight, lasso=lasso, ridge=ridge, intercept=intercept).coef[0]
    deviation = np.sqrt(np.cov(X.T, aweights=np.ones(ROWS) if weight is None else weight, ddof=0).diagonal())
    coef, free = oracle(loss, weight, lasso, ridge, intercept, deviation)
    np.testing.assert_allclose(
        mine[:, :-1] * deviation, coef * deviation, rtol=1e-5, atol=1e-6 * abs(coef * deviation).max()
    )
    np.testing.assert_array_equal(mine[:, :-1] == 0, coef == 0)
    assert share < 1 or (mine[:, :-1] == 0).any()
    np.testing.assert_allclose(mine[:, -1] - mine[:, -1].mean() * (loss is softmax), free - free.mean()
                               * (loss is softmax), rtol=1e-4, atol=1e-4)  # fmt: skip


@pytest.mark.parametrize(("loss", "lasso", "ridge"), [(squared, 30.0, 0.5), (logistic, 0.02, 0.01)])
def test_elastic_nets_on_columns_as_they_are(loss, lasso, ridge):
    """Only columns of like size: nothing else can be computed by the oracle."""
    blocks = LocalBlocks.from_arrays(X / UNITS, LABELS[loss], dtype="float64")
    found = data_summary(blocks, classification=loss is not squared)
    mine = fit(blocks, loss, found, lasso=lasso, ridge=ridge, standardize=False, tol=1e-10, max_iter=2000).coef[0]
    coef, free = oracle(loss, None, lasso, ridge, True, UNITS)
    np.testing.assert_allclose(mine[:, :-1], coef * UNITS, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(mine[:, -1], free, rtol=1e-5)


def test_a_ridge_on_columns_of_any_size_is_the_closed_form():
    """The ridge alone decides the coefficients of the small columns, the data those of the large."""
    mine = fitted(squared, ridge=1.0, standardize=False).coef[0, 0, :-1]
    Z, y = X - X.mean(axis=0), LABELS[squared] - LABELS[squared].mean()
    closed = np.linalg.lstsq(np.vstack([Z / np.sqrt(ROWS), np.eye(FEATURES)]),
                             np.append(y / np.sqrt(ROWS), np.zeros(FEATURES)), rcond=None)[0]  # fmt: skip
    np.testing.assert_allclose(mine, closed, rtol=1e-5)


def test_bounded_least_squares_are_scipys():
    deviation = X.std(axis=0)
    lower = np.array([[-np.inf, -10, 0, 0, -5, 0, -np.inf, 1, -np.inf]]) / np.append(deviation, 1)
    upper = np.array([[np.inf, 10, 10, 5, 5, 20, 0, 2, np.inf]]) / np.append(deviation, 1)
    mine = fitted(squared, WEIGHT, ridge=0.0, bounds=Bounds(lower, upper)).coef[0, 0]
    w = np.sqrt(WEIGHT)
    Z, y = X / deviation, LABELS[squared]
    centre, middle = np.average(Z, axis=0, weights=WEIGHT), np.average(y, weights=WEIGHT)
    sides = (lower[0, :-1] * deviation, upper[0, :-1] * deviation)
    theirs = lsq_linear((Z - centre) * w[:, None], (y - middle) * w, bounds=sides, tol=1e-13).x
    np.testing.assert_allclose(mine[:-1] * deviation, theirs, rtol=1e-5, atol=1e-6)
    assert mine[-1] == pytest.approx(middle - centre @ theirs, rel=1e-6)


def test_bounds_hold_for_intercepts_and_every_class():
    lower, upper = np.full((3, FEATURES + 1), -np.inf), np.full((3, FEATURES + 1), np.inf)
    lower[1], upper[2, -1], upper[:, 0] = 0.0, -5.0, 0.0
    made = fitted(softmax, ridge=0.01, bounds=Bounds(lower, upper))
    assert (made.coef[0] >= lower).all()
    assert (made.coef[0] <= upper + 1e-12).all()
    assert made.coef[0, 2, -1] == pytest.approx(-5.0)
    assert made.objective[0][-1] > fitted(softmax, ridge=0.01).objective[0][-1]


@pytest.mark.parametrize(("loss", "solver"), [(logistic, Lbfgs()), (logistic, Newton()), (squared, Normal())])
def test_a_lasso_and_a_ridge_for_each_model_in_the_same_passes(loss, solver):
    lasso, ridge = np.array([0.0, 0.02, 0.2]), np.array([0.1, 0.0, 0.05])
    together = fitted(loss, lasso=lasso, ridge=ridge, solver=solver).coef
    for m in range(3):
        alone = fitted(loss, lasso=lasso[m], ridge=ridge[m], solver=solver).coef[0]
        np.testing.assert_allclose(together[m], alone, rtol=1e-5)


def test_a_fit_starts_from_given_coefficients():
    first = fitted(logistic, lasso=0.02, ridge=0.01)
    again = fitted(logistic, lasso=0.02, ridge=0.01, start=first.coef[0])
    assert again.iterations[0] <= 2 < first.iterations[0]
    np.testing.assert_allclose(again.coef, first.coef, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize("lasso", [0.0, 0.02])
@pytest.mark.parametrize("loss", [squared, logistic, softmax])
def test_newton_and_normal_reach_the_minimum_of_lbfgs_in_fewer_passes(loss, lasso, bounded):
    blocks = LocalBlocks.from_arrays(X, LABELS[loss], WEIGHT, dtype="float64")
    found = data_summary(blocks, classification=loss is not squared)
    wide = np.full((OUTPUTS[loss], FEATURES + 1), np.inf)
    bounds = Bounds(np.where(np.arange(FEATURES + 1) < 3, 0.0, -wide), wide) if bounded else None
    fits, passes = [], []
    for solver in (Lbfgs(), Newton(), *([Normal()] if loss is squared else [])):
        before = len(blocks.passes)
        fits.append(fit(blocks, loss, found, ridge=0.01, lasso=lasso * (50 if loss is squared else 1), bounds=bounds,
                        solver=solver, tol=1e-9, max_iter=1000))  # fmt: skip
        passes.append(len(blocks.passes) - before)
    for other in fits[1:]:
        np.testing.assert_allclose(other.coef[..., :-1] * UNITS, fits[0].coef[..., :-1] * UNITS, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(other.coef[..., -1], fits[0].coef[..., -1], rtol=1e-6)
        assert other.objective[0][-1] == pytest.approx(fits[0].objective[0][-1], rel=1e-11)
    assert passes == sorted(passes, reverse=True)
    assert loss is not squared or passes[2] == 1


def test_newton_and_normal_name_the_losses_they_take():
    with pytest.raises(InputError, match="solver normal is for the squared loss: use lbfgs or newton"):
        fitted(logistic, ridge=0.0, solver=Normal())
    with pytest.raises(InputError, match="solver newton is for squared, logistic, softmax, squared hinge and Poisson"):
        fitted(logistic, loss_fitted=Hinge(), ridge=0.0, solver=Newton())


@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize("loss", [squared, logistic])
def test_gradient_descent_with_a_lasso_and_bounds_reaches_the_optimum(loss, bounded):
    limits = {"bounds": Bounds(np.append(-0.5 / UNITS, -np.inf)[None] * np.ones((OUTPUTS[loss], 1)),
                               np.append(0.4 / UNITS, np.inf)[None] * np.ones((OUTPUTS[loss], 1)))}  # fmt: skip
    options = {"ridge": 0.05, "lasso": 0.1} | (limits if bounded else {})
    quick = fitted(loss, WEIGHT, **options).coef
    for solver in (GradientDescent(), GradientDescent(0.2 if loss is squared else 1.0, backtracking=False)):
        slow = fitted(loss, WEIGHT, solver=solver, tol=1e-7, **options).coef
        np.testing.assert_allclose(slow * np.append(UNITS, 1), quick * np.append(UNITS, 1), rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(slow == 0, quick == 0)


def test_mini_batches_with_a_lasso_come_within_a_thousandth_of_the_least_and_are_sparse():
    blocks = LocalBlocks.from_arrays(X, LABELS[logistic], dtype="float64")
    found = data_summary(blocks, classification=True)
    solver = Sgd(0.5, 200, OneCycle(200), fraction=0.5)
    made, least = (fit(blocks, logistic, found, ridge=0.01, lasso=0.05, solver=s, max_iter=200, tol=0.0)
                   for s in (solver, Lbfgs()))  # fmt: skip
    assert made.objective[0][-1] < least.objective[0][-1] * 1.001
    assert 0 < (made.coef == 0).sum() <= (least.coef == 0).sum()


@pytest.mark.parametrize("solver", [Sgd(local=8), Sgd(rule=Adam())], ids=["local", "adam"])
def test_steps_that_have_no_prox_take_no_lasso(solver):
    with pytest.raises(InputError, match="neither local steps nor AdaGrad and Adam take an L1 penalty or bounds"):
        fitted(logistic, lasso=0.1, ridge=0.0, solver=solver)
