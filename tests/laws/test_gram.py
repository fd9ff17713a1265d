"""Products of all columns in one pass: any split, reader and weight, the sums of a pass, far columns."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from treefold.algorithms.linear import fit, solver_selection
from treefold.algorithms.linear.gram import gram, quadratic_of
from treefold.algorithms.linear.losses import logistic, squared
from treefold.algorithms.linear.quadratic import quadratic
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.optim import Newton, Normal
from treefold.statistics.label_summary import data_summary

RNG = np.random.default_rng(2)
ROWS = 300
X = RNG.standard_normal((ROWS, 5)) * [1, 10, 0.1, 3, 1] + [0, 50, 1e3, -3, 1e4]
Y = 1e5 + X @ RNG.standard_normal(5) + RNG.standard_normal(ROWS)
WEIGHT = RNG.integers(0, 3, ROWS) * 0.7


def test_products_are_those_of_numpy_for_any_split_and_weight(engine):
    found = gram(engine(X, Y, WEIGHT), 99)
    Z = np.column_stack([X, Y])
    Z = Z - WEIGHT @ Z / WEIGHT.sum()
    want = Z.T @ (Z * WEIGHT[:, None])
    unit = np.sqrt(np.diag(want))
    np.testing.assert_allclose(found.products / unit / unit[:, None], want / unit / unit[:, None], atol=1e-12)
    np.testing.assert_allclose(
        found.data_summary.moments.mean, WEIGHT @ np.column_stack([X, Y]) / WEIGHT.sum(), rtol=1e-12
    )


@pytest.mark.parametrize("centre", [X.mean(axis=0), np.zeros(5)], ids=["centred", "plain"])
def test_it_has_the_sums_of_a_pass(centre):
    blocks, inverse = LocalBlocks.from_arrays(X, Y, WEIGHT, dtype="float64"), 1 / X.std(axis=0)
    coef = RNG.standard_normal((2, 1, 6)) * 100 + [0, 0, 0, 0, 0, 1e5]
    found = gram(blocks, 99)
    mine = quadratic_of(found.products, found.data_summary.moments, coef, centre, inverse)
    theirs = blocks.sum(quadratic, coef, squared, centre, inverse)
    for one, other in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("lasso", [0.0, 0.5])
def test_a_fit_is_that_of_two_passes_and_makes_none(intercept, lasso):
    near = (X - X.mean(axis=0)) / X.std(axis=0) + 1
    for rows in (near, csr_array(near * (RNG.random(X.shape) < 0.3))):
        blocks = LocalBlocks.from_arrays(rows, Y, WEIGHT, dtype="float64")
        at_once, options = gram(blocks, 99), {"ridge": 0.1, "lasso": lasso, "intercept": intercept, "tol": 1e-9}
        before = len(blocks.passes)
        mine = fit(blocks, squared, at_once, solver=Normal(), **options)
        assert len(blocks.passes) == before
        theirs = fit(blocks, squared, data_summary(blocks, classification=False), solver=Normal(), **options)
        np.testing.assert_allclose(mine.coef, theirs.coef, rtol=1e-7, atol=1e-9)
        assert mine.objective[0][-1] == pytest.approx(theirs.objective[0][-1], rel=1e-9)


def test_too_many_features_have_moments_without_products(engine):
    blocks = engine(X, Y, WEIGHT)
    found = gram(blocks, 4)
    for mine, theirs in zip(found.moments, data_summary(blocks, classification=False).moments, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert blocks.passes[0].bytes_up < 2000 or blocks.passes[0].source == "memory"


def test_rows_without_weight_are_an_error():
    with pytest.raises(InputError, match="every row has weight 0"):
        gram(LocalBlocks.from_arrays(X, Y, 0 * WEIGHT), 99)


@pytest.mark.parametrize(
    ("most", "message"),
    [
        (15, "takes 9 models of 5 coefficients at once, not 10: use lbfgs, or fewer settings"),
        (4, "takes 4 coefficients at most, not 5: use lbfgs"),
    ],
)
def test_second_derivatives_of_all_models_of_a_batch_have_a_limit(monkeypatch, most, message):
    monkeypatch.setattr(solver_selection, "MOST_NEWTON", most)
    blocks = LocalBlocks.from_arrays(X, (Y.mean() < Y) * 1.0, WEIGHT)
    found = data_summary(blocks, classification=True)
    passes = len(blocks.passes)
    with pytest.raises(InputError, match=message):
        fit(blocks, logistic, found, ridge=np.full(10, 0.1), solver=Newton())
    assert len(blocks.passes) == passes
    if most > 4:
        assert len(fit(blocks, logistic, found, ridge=np.full(9, 0.1), solver=Newton()).coef) == 9
