"""Laws every statistic obeys, on every engine and reader: one test body."""

import numpy as np
import pytest

from treefold.algorithms.linear import fit
from treefold.algorithms.linear.losses import logistic, softmax, squared
from treefold.algorithms.linear.objective import objective
from treefold.dataset.block import Block
from treefold.dataset.folds import Fold
from treefold.dataset.splits import Hashed
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.optim import GradientDescent
from treefold.optim.status import CONVERGED, DIVERGED, MAX_ITER, NO_PROGRESS
from treefold.statistics.label_summary import data_summary, warn_of_labels
from treefold.statistics.moments import moments

RNG = np.random.default_rng(7)
ROWS = 700
X = RNG.standard_normal((ROWS, 4)) * [1, 100, 0.01, 3] + [0, 1e3, 5, -2]
Y = RNG.integers(0, 3, ROWS).astype(float)
WEIGHT = RNG.integers(0, 4, ROWS).astype(float)
COEF = RNG.standard_normal((2, 3, 5)) * 0.01


def statistics(blocks):
    """Every sum there is, as a list of arrays."""
    total = moments(blocks)
    return [
        *blocks.sum(objective, COEF, softmax, None),
        *blocks.sum(objective, COEF[:, :1], squared, None),
        *(total.weight, total.mean, total.squares, total.low, total.high),
    ]


def assert_same(left, right, rtol=1e-10):
    for a, b in zip(left, right, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-9 * max(1.0, np.abs(b).max()))


def whole(y=Y, weight=WEIGHT, x=X):
    from treefold.engine.execution.local_blocks import LocalBlocks

    return LocalBlocks([Block(x, y, weight, 0)])


def test_any_split_of_the_rows_gives_the_same_sum(every_engine):
    assert_same(statistics(every_engine(X, Y, WEIGHT)), statistics(whole()))


def test_weight_two_is_the_row_twice_and_weight_zero_is_no_row(engine):
    repeated = np.repeat(np.arange(ROWS), WEIGHT.astype(int))
    assert_same(statistics(engine(X, Y, WEIGHT)), statistics(whole(Y[repeated], np.ones(len(repeated)), X[repeated])))


def test_moments_are_numpys(engine):
    total = moments(engine(X, Y))
    values = np.column_stack([X, Y])
    assert total.rows == ROWS
    np.testing.assert_allclose(total.mean, values.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(total.variance, values.var(axis=0), rtol=1e-11)
    np.testing.assert_array_equal(total.low, values.min(axis=0))
    np.testing.assert_array_equal(total.high, values.max(axis=0))


def test_variance_survives_a_mean_far_away(engine):
    far = RNG.standard_normal((ROWS, 1)) + 1e9
    np.testing.assert_allclose(moments(engine(far, Y)).variance[0], far.var(), rtol=1e-6)


@pytest.mark.parametrize(("loss", "outputs"), [(squared, 1), (logistic, 1), (softmax, 3)])
def test_the_gradient_is_the_derivative_of_the_loss(engine, loss, outputs):
    label = np.minimum(Y, 1) if loss is logistic else Y
    blocks, h = engine(X / 100, label, WEIGHT), 1e-5
    coef = COEF[:, :outputs]
    total = blocks.sum(objective, coef, loss)
    gradient = np.concatenate([total.coef, total.intercept[..., None]], axis=-1)
    for index in [(0, 0), (outputs - 1, 1), (0, 4)]:
        nudge = np.zeros_like(coef)
        nudge[(slice(None), *index)] = h
        up, down = (blocks.sum(objective, coef + sign * nudge, loss).loss for sign in (1, -1))
        np.testing.assert_allclose(gradient[(slice(None), *index)], (up - down) / (2 * h), rtol=1e-6, atol=1e-5)


def test_twelve_models_in_the_same_passes_are_each_the_one_fitted_alone(engine):
    ridge = np.geomspace(1e-3, 1.0, 12)
    blocks = engine(X, Y, WEIGHT)
    found = data_summary(blocks, classification=True)
    before = len(blocks.passes)
    together = fit(blocks, softmax, found, ridge=ridge, tol=1e-9, max_iter=300)
    passes = len(blocks.passes) - before
    alone_passes = []
    for m in range(0, 12, 3):
        before = len(blocks.passes)
        alone = fit(blocks, softmax, found, ridge=ridge[m : m + 1], tol=1e-9, max_iter=300)
        alone_passes.append(len(blocks.passes) - before)
        np.testing.assert_allclose(together.coef[m], alone.coef[0], rtol=1e-5, atol=1e-7)
        assert {together.status[m], alone.status[0]} <= {CONVERGED, NO_PROGRESS}
    assert passes < sum(alone_passes)


def test_every_hyper_parameter_may_differ_from_model_to_model_and_a_diverged_one_changes_no_other():
    blocks = whole(np.minimum(Y, 1))
    found = data_summary(blocks, classification=True)
    ridge, tol, limit = np.array([0.1, 0.0, 0.1, 1.0]), np.array([1e-3, 0, 0, 1e-8]), np.array([999, 50, 7, 999])
    step = np.array([0.5, 1e300, 0.5, 0.2])

    def fitted(m):
        return fit(
            blocks, logistic, found, ridge=ridge[m], tol=tol[m], max_iter=limit[m],
            solver=GradientDescent(step[m], backtracking=False),
        )  # fmt: skip

    with np.errstate(all="ignore"):
        together = fitted(slice(None))
        for m in range(4):
            alone = fitted(slice(m, m + 1))
            assert together.status[m] == alone.status[0] == [CONVERGED, DIVERGED, MAX_ITER, CONVERGED][m]
            assert together.iterations[m] == alone.iterations[0]
            np.testing.assert_allclose(together.coef[m], alone.coef[0], rtol=1e-12)
    assert np.isfinite(together.coef[[0, 2, 3]]).all()
    with np.errstate(all="ignore"):
        scalars = fit(blocks, logistic, found, ridge=0.1, tol=1e-3, solver=GradientDescent(0.5, backtracking=False))
    assert scalars.coef.shape == (1, 1, 5)


def test_mapped_blocks_have_the_sums_of_transformed_rows(every_engine):
    blocks = every_engine(X, Y, WEIGHT)
    doubled = blocks.map(scaled, 2.0)
    assert_same(moments(doubled).mean[:-1], 2 * moments(blocks).mean[:-1])
    assert_same(moments(doubled.map(scaled, 0.5)).squares, moments(blocks).squares)
    doubled.close()
    assert_same(moments(blocks).mean, moments(whole()).mean)


def scaled(block: Block, factor: float) -> Block:
    return block._replace(X=block.X * factor)


def test_bad_labels_are_found_where_they_are(every_engine):
    spoilt = Y.copy()
    spoilt[[400, 600]] = [1.5, -1]
    with pytest.raises(InputError, match=r"label 1\.5 in row 400 is out of range: classes are 0, 1, 2"):
        data_summary(every_engine(X, spoilt), classification=True)
    data_summary(every_engine(X, spoilt), classification=False)
    with pytest.raises(InputError, match="every row has weight 0"):
        data_summary(every_engine(X, Y, np.zeros(ROWS)), classification=True)
    assert data_summary(every_engine(X, Y, WEIGHT), classification=True).classes.tolist() == [
        WEIGHT[k == Y].sum() for k in range(3)
    ]


@pytest.mark.parametrize("loss", [squared, logistic], ids=["squared", "logistic"])
@pytest.mark.parametrize("offset", [1e3, 1e5])
def test_float32_rows_far_from_zero_lose_nothing_more_than_their_own_rounding(engine, loss, offset):
    far = (RNG.standard_normal((ROWS, 3)) + offset).astype("f4")
    score = (far - offset) @ [1, -1, 0.5] + RNG.standard_normal(ROWS)
    y = (score + offset if loss is squared else score > 0).astype("f4")
    fits = []
    for dtype in ("float32", "float64"):
        blocks = engine(far, y, dtype=dtype)
        found = data_summary(blocks, classification=loss is logistic)
        fits.append(fit(blocks, loss, found, ridge=np.array([0.1]), tol=1e-6, max_iter=200))
    single, double = (f.coef[0, 0] for f in fits)
    assert fits[0].iterations[0] <= 2 * fits[1].iterations[0] + 5
    np.testing.assert_allclose(single[:-1], double[:-1], rtol=1e-3, atol=1e-4)


def test_a_row_of_weight_zero_is_absent_even_where_its_loss_overflows(every_engine):
    spoilt, weight = X.copy(), np.ones(ROWS)
    spoilt[5], weight[5] = 3e38, 0.0
    left = every_engine(spoilt, Y, weight, dtype="float32").sum(objective, COEF[:1] * 10, softmax)
    assert all(np.isfinite(field).all() for field in left)


@pytest.mark.parametrize("scale", [1e-30, 1e-8, 1.0, 1e8, 1e30])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_moments_of_any_scale(engine, scale, dtype):
    x = (RNG.standard_normal((ROWS, 2)) + np.array([0, 5])) * scale
    total = moments(engine(x, Y, WEIGHT, dtype=dtype))
    mean = np.average(x, axis=0, weights=WEIGHT)
    np.testing.assert_allclose(total.mean[:-1], mean, rtol=1e-5, atol=1e-6 * scale)
    np.testing.assert_allclose(total.variance[:-1], np.average((x - mean) ** 2, axis=0, weights=WEIGHT), rtol=1e-5)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0, 1, 2], ""),
        ([1], "all rows are of class 1: the model will predict nothing else"),
        ([0, 1, 3], "no row is of class 2, though 3 is a class: index labels without gaps"),
        ([8], "all rows are of class 8: the model will predict nothing else"),
        ([7, 8], "no row is of class 0, 1, 2, 3, 4, ..., though 8 is a class: index labels without gaps"),
    ],
)
def test_gaps_and_a_single_class_are_told_of_a_whole_data_set(labels, said, caplog):
    blocks = LocalBlocks.from_arrays(X, np.resize(labels, ROWS))
    counts = data_summary(blocks, classification=True).classes
    warn_of_labels(Fold(blocks, Hashed(2, 1), 0, inside=False), counts)
    assert caplog.messages == []
    warn_of_labels(blocks, counts)
    assert caplog.messages == ([said] if said else [])
