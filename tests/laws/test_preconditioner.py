"""L-BFGS that knows the products of the columns: the same optimum, in fewer passes."""

import numpy as np
import pytest

from treefold.algorithms.linear import Bounds, fit
from treefold.algorithms.linear.losses import Huber, logistic, poisson, softmax, squared, squared_hinge
from treefold.algorithms.linear.sampled_products import (
    Sampled,
    Sampling,
    lengths_and_values,
    objective_and_products,
    sampling,
)
from treefold.algorithms.linear.standardization import standardization
from treefold.dataset.block import Block
from treefold.dataset.csr import as_csr
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.optim import Lbfgs
from treefold.statistics.label_summary import data_summary
from treefold.statistics.moments import moments

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
    found = data_summary(blocks, classification=loss in (logistic, softmax, squared_hinge))
    options = {"ridge": np.array([1e-4, 1e-2]), "max_iter": 2000, "tol": 1e-8} | options
    return fit(blocks, loss, found, solver=solver, **options), len(blocks.passes)


@pytest.mark.parametrize("loss", LABELS, ids=lambda loss: type(loss).__name__)
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


@pytest.mark.parametrize("loss", LABELS, ids=lambda loss: type(loss).__name__)
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


def sampled(blocks, rows, weight, seed=3) -> Sampled:
    """The statistic at coefficients of zero, about ``rows`` rows drawn by weight and as many by length."""
    found = moments(blocks)
    how = sampling(found, standardization(found, intercept=True, scale_label=False), rows, weight, seed)
    return blocks.sum(objective_and_products, how, np.zeros((1, 1, blocks.features + 1)), squared)


def test_the_sample_is_the_same_for_any_cut_and_estimates_the_products(engine):
    weight = RNG.uniform(0, 2, ROWS)
    whole = LocalBlocks.from_arrays(X, NOISY, weight, dtype="float64")
    some, cut = sampled(whole, 1000, weight.sum()), sampled(engine(X, NOISY, weight), 1000, weight.sum())
    np.testing.assert_allclose(some.gram, cut.gram, rtol=1e-9, atol=1e-6)
    assert some.weight == pytest.approx(weight.sum())
    assert some.loss[0] == pytest.approx(weight @ NOISY**2 / 2)
    assert abs(some.gram - sampled(whole, 1000, weight.sum(), seed=4).gram).max() > 1
    mean = np.average(X, axis=0, weights=weight)
    Z = np.column_stack([(X - mean) / np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weight)), np.ones(ROWS)])
    np.testing.assert_allclose(sampled(whole, 1e12, weight.sum()).gram, (Z.T * weight) @ Z, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(some.gram / some.weight, (Z.T * weight) @ Z / weight.sum(), atol=0.15)


def test_a_column_that_few_rows_make_vary_is_estimated_as_it_is():
    n = 20_000
    rare = np.zeros((n, 4))
    for j, rows in enumerate((3, 10, 30, 100)):
        rare[RNG.choice(n, rows, replace=False), j] = 1.0
    blocks = LocalBlocks.from_arrays(np.column_stack([rare, RNG.standard_normal((n, 2))]), np.zeros(n))
    diagonal = np.diag(sampled(blocks, 64 * 7, n).gram) / n
    np.testing.assert_allclose(diagonal[:2], 1.0, rtol=1e-4)  # all their rows are drawn for certain
    np.testing.assert_allclose(diagonal, 1.0, atol=0.25)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lengths_of_rows_are_in_standard_units_and_the_same_of_csr_and_so_are_hashes(dtype):
    rows = (X * (RNG.uniform(size=X.shape) < 0.3)).astype(dtype)
    centre, inverse = rows.mean(axis=0), 1 / rows.std(axis=0)
    want = 1 + (((rows - centre) * inverse) ** 2).sum(axis=1)
    label, weight = NOISY.astype(dtype), np.ones(ROWS, dtype)
    hashes = []
    for form in (rows, as_csr(rows, dtype)):
        square, value = lengths_and_values(Block(form, label, weight, 0), Sampling(0, True, 1.0, centre, inverse, 1.0))
        np.testing.assert_allclose(square, want, rtol=1e-5)
        hashes.append(value)
    np.testing.assert_array_equal(*hashes)


def test_hashes_tell_rows_apart_by_every_value_and_by_nothing_else():
    """Small whole numbers, whose last bits are all zero, in all combinations."""
    rows = np.stack(np.meshgrid(*[np.arange(8.0)] * 5), axis=-1).reshape(-1, 5)
    label, weight = rows[:, 3], 1 + rows[:, 4]
    order = RNG.permutation(len(rows))

    def hashes(at, begin):
        block = Block(rows[at][:, :3], label[at], weight[at], begin)
        return lengths_and_values(block, Sampling(0, True, 1.0, np.zeros(3), np.ones(3), 1.0))[1]

    found = hashes(np.arange(len(rows)), 0)
    np.testing.assert_array_equal(hashes(order, 77), found[order])
    assert len(np.unique(found)) == len(rows)


@pytest.mark.parametrize("levels", [2, 40, 10**6])
def test_rows_that_occur_often_do_not_spoil_the_sample(levels):
    """Rows are drawn by position where those drawn by their values are few different ones."""
    n = 40_000
    rows = np.floor(RNG.uniform(size=(n, 2)) * levels) ** 2
    y = np.floor(RNG.uniform(size=n) * 2)
    orders = [np.arange(n), np.lexsort(rows.T)]
    found = [sampled(LocalBlocks.from_arrays(rows[at], y[at], dtype="float64"), 150, n) for at in orders]
    assert [each.products.varied() for each in found] == [levels == 10**6] * 2
    fits = [
        fit(blocks, squared, data_summary(blocks, classification=False), ridge=1e-3, tol=1e-9)
        for blocks in (LocalBlocks.from_arrays(rows[at], y[at], dtype="float64") for at in orders)
    ]
    assert max(each.iterations[0] for each in fits) <= 6
    if levels == 10**6:
        np.testing.assert_allclose(*(each.gram for each in found), rtol=1e-9, atol=1e-6)
        np.testing.assert_allclose(*(each.objective[0] for each in fits), rtol=1e-9)
