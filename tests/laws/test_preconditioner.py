"""L-BFGS that knows the products of the columns: the same optimum, in fewer passes."""

import numpy as np
import pytest

from treefold.algorithms.linear import Bounds, fit
from treefold.algorithms.linear.preconditioner import Products, products
from treefold.algorithms.survey import survey
from treefold.engine.local import LocalBlocks
from treefold.losses import Huber, logistic, poisson, softmax, squared, squared_hinge
from treefold.solvers import Lbfgs

RNG = np.random.default_rng(23)
ROWS, FEATURES = 3000, 12
SPREAD = np.logspace(0, -2.5, FEATURES)
MIX = np.linalg.qr(RNG.standard_normal((FEATURES, FEATURES)))[0]
X = (RNG.standard_normal((ROWS, FEATURES)) * SPREAD @ MIX) * np.logspace(-3, 3, FEATURES) + 1.0
SCORE = ((X - X.mean(axis=0)) / X.std(axis=0)) @ RNG.standard_normal(FEATURES)
NOISY = SCORE + RNG.logistic(size=ROWS)
LABELS = {
    squared: NOISY,
    logistic: (NOISY > 1) * 1.0,
    softmax: np.digitize(NOISY, [-1, 1]) * 1.0,
    squared_hinge: (NOISY > 0) * 1.0,
    poisson: RNG.poisson(np.exp(SCORE / SCORE.std() / 2)) * 1.0,
    Huber(): NOISY,
}


def fitted(loss, solver=Lbfgs(), dtype="float64", **options):  # noqa: B008
    blocks = LocalBlocks.from_arrays(X, LABELS[loss], dtype=dtype)
    found = survey(blocks, classification=loss in (logistic, softmax, squared_hinge))
    options = {"ridge": np.array([1e-4, 1e-2]), "max_iter": 2000, "tol": 1e-8} | options
    return fit(blocks, loss, found, solver=solver, **options), len(blocks.passes)


@pytest.mark.parametrize("loss", LABELS, ids=lambda loss: getattr(loss, "__name__", "huber"))
@pytest.mark.parametrize("standardize", [True, False])
def test_the_optimum_is_the_same_and_comes_in_half_the_passes(loss, standardize, monkeypatch):
    one, passes = fitted(loss, standardize=standardize)
    # a limit of features below theirs: L-BFGS as in the book
    monkeypatch.setattr("treefold.algorithms.linear.preconditioner.MOST_FEATURES", FEATURES - 1)
    other, more = fitted(loss, standardize=standardize)
    scale = X.std(axis=0)
    np.testing.assert_allclose(one.coef[:, :, :-1] * scale, other.coef[:, :, :-1] * scale, rtol=1e-3, atol=1e-3)
    for mine, theirs in zip(one.objective, other.objective, strict=True):
        assert mine[-1] == pytest.approx(theirs[-1], rel=1e-7)
    assert 2 * passes < more


@pytest.mark.parametrize("loss", LABELS, ids=lambda loss: getattr(loss, "__name__", "huber"))
def test_so_it_is_with_an_l1_penalty_and_bounds(loss, monkeypatch):
    outputs = 3 if loss is softmax else 2 if isinstance(loss, Huber) else 1
    wide = np.full((outputs, FEATURES + 1), np.inf)
    options = {"lasso": np.array([1e-3, 2e-2]), "bounds": Bounds(np.where(np.arange(FEATURES + 1) < 2, 0, -wide), wide)}
    options = {"lasso": options["lasso"]} if isinstance(loss, Huber) else options
    one, passes = fitted(loss, **options)
    monkeypatch.setattr("treefold.algorithms.linear.preconditioner.MOST_FEATURES", FEATURES - 1)
    other, more = fitted(loss, **options)
    for mine, theirs in zip(one.objective, other.objective, strict=True):
        assert mine[-1] == pytest.approx(theirs[-1], rel=1e-7)
    assert ((one.coef == 0) == (other.coef == 0)).mean() > 0.95
    assert 1.5 * passes < more


def test_the_sample_is_drawn_by_position_and_estimates_the_products(engine):
    centre, inverse = X.mean(axis=0), 1 / X.std(axis=0)
    whole = LocalBlocks.from_arrays(X, np.zeros(ROWS), dtype="float64")
    some: Products = whole.sum(products, 0.5, 3, centre, inverse, None)
    cut: Products = engine(X, np.zeros(ROWS)).sum(products, 0.5, 3, centre, inverse, None)
    assert some.weight == cut.weight != whole.sum(products, 0.5, 4, centre, inverse, None).weight
    np.testing.assert_allclose(some.gram, cut.gram, rtol=1e-9, atol=1e-7)
    full: Products = whole.sum(products, 1.0, 3, centre, inverse, None)
    Z = np.column_stack([(X - centre) * inverse, np.ones(ROWS)])
    np.testing.assert_allclose(full.gram, Z.T @ Z, rtol=1e-9, atol=1e-7)
    np.testing.assert_allclose(some.gram / some.weight, full.gram / ROWS, atol=0.1)
