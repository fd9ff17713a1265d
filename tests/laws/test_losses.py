import numpy as np
import pytest

from treefold.algorithms.linear.kernels import logistic_slopes
from treefold.algorithms.linear.losses import (
    EpsilonInsensitive,
    Hinge,
    Huber,
    Quantile,
    logistic,
    poisson,
    softmax,
    squared,
    squared_hinge,
)
from treefold.optim.penalties import L2

RNG = np.random.default_rng(0)
MARGIN, CLASS = RNG.standard_normal((3, 4, 40)) * 3, RNG.integers(0, 4, 40).astype(float)
VALUE, BINARY = RNG.standard_normal(40), (CLASS > 1) * 1.0
CASES = {
    "squared": (squared, MARGIN[:, :1], VALUE),
    "logistic": (logistic, MARGIN[:, :1], BINARY),
    "softmax": (softmax, MARGIN, CLASS),
    "squared hinge": (squared_hinge, MARGIN[:, :1], BINARY),
    "squared hinge of many": (squared_hinge, MARGIN, CLASS),
    "poisson": (poisson, MARGIN[:, :1], CLASS),
    "hinge": (Hinge(0.7), MARGIN[:, :1], BINARY),
    "hinge of many": (Hinge(0.7), MARGIN, CLASS),
    "tube": (EpsilonInsensitive(0.4, 0.7), MARGIN[:, :1], VALUE),
    "quantile": (Quantile(0.8, 0.7), MARGIN[:, :1], VALUE),
    "huber": (Huber(1.3), abs(MARGIN[:, :2]) + 0.1, VALUE),
}
EACH = pytest.mark.parametrize(("loss", "margin", "label"), CASES.values(), ids=CASES)
KINKED = [(Hinge, CASES["hinge of many"]), (EpsilonInsensitive, CASES["tube"]), (Quantile, CASES["quantile"])]


@EACH
def test_the_slope_is_the_derivative_of_the_loss(loss, margin, label):
    h = 1e-6
    _, slope = loss(margin.copy(), label)
    for k in range(margin.shape[1]):
        nudge = np.zeros_like(margin)
        nudge[:, k] = h
        numeric = (loss(margin + nudge, label)[0] - loss(margin - nudge, label)[0]) / (2 * h)
        np.testing.assert_allclose(slope[:, k], numeric, atol=1e-8)


@EACH
def test_types_and_arguments_are_kept(loss, margin, label):
    before = margin.copy()
    assert {a.dtype for a in loss(margin, label)} == {np.dtype("float64")}
    np.testing.assert_array_equal(margin, before)
    assert {a.dtype for a in loss(margin.astype("f4"), label.astype("f4"))} == {np.dtype("float32")}


@EACH
def test_the_curvature_is_the_derivative_of_the_slope(loss, margin, label):
    if not loss.twice_differentiable:
        with pytest.raises(TypeError, match="no second derivative"):
            loss.curvature(margin, label)
        return
    h, outputs = 1e-6, margin.shape[1]
    first, second = np.triu_indices(outputs) if loss is softmax else (np.arange(outputs),) * 2
    found = loss.curvature(margin, label)
    for part, (k, other) in enumerate(zip(first, second, strict=True)):
        nudge = np.zeros_like(margin)
        nudge[:, k] = h
        numeric = (loss(margin + nudge, label)[1] - loss(margin - nudge, label)[1])[:, other] / (2 * h)
        np.testing.assert_allclose(found[:, part], numeric, atol=1e-7)


def test_losses_are_the_textbook_formulas():
    margin, label = CASES["logistic"][1:]
    np.testing.assert_allclose(logistic(margin, label)[0], (np.log1p(np.exp(margin)) - label * margin)[:, 0])
    margin, label = CASES["softmax"][1:]
    chosen = margin[:, label.astype(int), np.arange(40)]
    np.testing.assert_allclose(softmax(margin, label)[0], np.log(np.exp(margin).sum(axis=1)) - chosen)
    margin, label = CASES["squared"][1:]
    np.testing.assert_allclose(squared(margin, label)[0], (margin[:, 0] - label) ** 2 / 2)
    error = margin[:, 0] - label
    np.testing.assert_allclose(Quantile(0.8)(margin, label)[0], np.maximum(0.2 * error, -0.8 * error))
    np.testing.assert_allclose(EpsilonInsensitive(0.4)(margin, label)[0], np.maximum(abs(error) - 0.4, 0))
    margin, label = CASES["hinge of many"][1:]
    gap = np.maximum(0, 1 - np.where(np.arange(4)[:, None] == label, margin, -margin))
    np.testing.assert_allclose(Hinge()(margin, label)[0], gap.sum(axis=1))
    np.testing.assert_allclose(squared_hinge(margin, label)[0], (gap**2).sum(axis=1))
    one, scale = np.array([[[0.5, 3.0], [1.0, 1.0]]]), np.array([0.0, 0.0])  # residuals of half a scale and three
    np.testing.assert_allclose(Huber(2.0)(one, scale)[0], [[(1 + 0.25) / 2, (1 + 2 * 2 * 3 - 4) / 2]])
    assert Huber()(np.array([[[0.0], [-1.0]]]), np.zeros(1))[0] == np.inf


@pytest.mark.parametrize(("loss", "case"), KINKED, ids=["hinge", "tube", "quantile"])
def test_smoothing_takes_no_more_than_half_its_width(loss, case):
    example, margin, label = case
    sharp = example.smoothed(0.0)(margin, label)
    for width in (1.0, 0.1, 1e-3):
        smooth = example.smoothed(width)(margin, label)
        assert (smooth[0] <= sharp[0] + 1e-12).all()
        assert (smooth[0] >= sharp[0] - margin.shape[1] * width / 2 - 1e-12).all()
    np.testing.assert_allclose(smooth[1], sharp[1], atol=1.0)  # apart at most where a row is at the kink
    assert (abs(smooth[1] - sharp[1]) > 1e-9).mean() < 0.05


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_margins_neither_overflow_nor_cancel(dtype):
    margin = np.array([-1e4, -50, 50, 1e4], dtype)
    with np.errstate(all="raise", under="ignore"):
        loss, slope = logistic(margin[None, None], np.array([1, 0, 1, 0], dtype))
        np.testing.assert_allclose(loss[0], [1e4, np.exp(-50.0), np.exp(-50.0), 1e4], rtol=1e-5)
        np.testing.assert_allclose(slope[0, 0, 1], np.exp(-50.0), rtol=1e-5)
        pair = np.stack([np.zeros_like(margin), margin])[None]
        loss2, slope2 = softmax(pair, np.array([1, 0, 1, 0], dtype))
        np.testing.assert_allclose(loss2, loss, atol=1e-6)
        np.testing.assert_allclose(slope2[:, 1], slope[:, 0], atol=1e-6)


def test_ridge_gradient_and_value():
    coef, h = RNG.standard_normal((2, 3, 5)), 1e-6
    penalty = L2(np.array([0.5, 2.0]), np.array([1.0, 0, 4, 1, 1]))
    gradient = penalty.grad(coef)
    for index in np.ndindex(3, 5):
        nudge = np.zeros_like(coef)
        nudge[(slice(None), *index)] = h
        numeric = (penalty.value(coef + nudge) - penalty.value(coef - nudge)) / (2 * h)
        np.testing.assert_allclose(gradient[(slice(None), *index)], numeric, atol=1e-8)


@pytest.mark.parametrize("rows", [1, 511, 512, 1300])
def test_the_compiled_logistic_loss_is_that_of_numpy(rows):
    rng = np.random.default_rng(rows)
    margin = np.concatenate([rng.standard_normal((5, rows)) * 4, np.linspace(-120, 120, rows)[None]]).astype(np.float32)
    label, weight = (rng.random(rows) > 0.4).astype(np.float32), rng.integers(0, 3, rows).astype(np.float32)
    exact, slope = logistic(margin[:, None].astype(np.float64), label.astype(np.float64))
    made, value, total = margin.copy(), np.empty(6), np.empty(6)
    logistic_slopes(made, label, weight[None], np.zeros(6, np.int64), value, total)
    np.testing.assert_allclose(made, slope[:, 0] * weight, atol=3e-7)
    np.testing.assert_allclose(value, exact @ weight.astype(np.float64), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(total, made.sum(axis=1, dtype=np.float64), rtol=1e-12, atol=1e-12)


def test_rows_without_weight_are_absent_from_the_compiled_loss():
    margin = np.array([[np.nan, np.inf, -np.inf, 3e38, 0.5]], np.float32)
    value, total, whose = np.empty(1), np.empty(1), np.zeros(1, np.int64)
    logistic_slopes(margin, np.ones(5, np.float32), np.array([[0, 0, 0, 0, 1]], np.float32), whose, value, total)
    np.testing.assert_array_equal(margin[0, :4], 0)
    np.testing.assert_allclose(value, np.log1p(np.exp(-0.5)), rtol=1e-6)
    margin, ones = np.array([[np.nan, np.inf]], np.float32), np.ones((1, 2), np.float32)
    logistic_slopes(margin, ones[0], ones, whose, value, total)
    assert np.isnan(margin[0, 0])
    assert not np.isfinite(value[0])
