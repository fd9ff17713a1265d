import numpy as np
import pytest

from treefold.losses import logistic, softmax, squared
from treefold.penalties import L2

RNG = np.random.default_rng(0)
CASES = [
    (squared, RNG.standard_normal((3, 1, 40)) * 3, RNG.standard_normal(40)),
    (logistic, RNG.standard_normal((3, 1, 40)) * 3, RNG.integers(0, 2, 40).astype(float)),
    (softmax, RNG.standard_normal((3, 4, 40)) * 3, RNG.integers(0, 4, 40).astype(float)),
]
NAMES = ["squared", "logistic", "softmax"]


@pytest.mark.parametrize(("loss", "margin", "label"), CASES, ids=NAMES)
def test_the_slope_is_the_derivative_of_the_loss(loss, margin, label):
    h = 1e-6
    _, slope = loss(margin.copy(), label)
    for k in range(margin.shape[1]):
        nudge = np.zeros_like(margin)
        nudge[:, k] = h
        numeric = (loss(margin + nudge, label)[0] - loss(margin - nudge, label)[0]) / (2 * h)
        np.testing.assert_allclose(slope[:, k], numeric, atol=1e-8)


@pytest.mark.parametrize(("loss", "margin", "label"), CASES, ids=NAMES)
def test_types_and_arguments_are_kept(loss, margin, label):
    before = margin.copy()
    assert {a.dtype for a in loss(margin, label)} == {np.dtype("float64")}
    np.testing.assert_array_equal(margin, before)
    assert {a.dtype for a in loss(margin.astype("f4"), label.astype("f4"))} == {np.dtype("float32")}


def test_losses_are_the_textbook_formulas():
    margin, label = CASES[1][1], CASES[1][2]
    np.testing.assert_allclose(logistic(margin, label)[0], (np.log1p(np.exp(margin)) - label * margin)[:, 0])
    margin, label = CASES[2][1], CASES[2][2]
    chosen = margin[:, label.astype(int), np.arange(40)]
    np.testing.assert_allclose(softmax(margin, label)[0], np.log(np.exp(margin).sum(axis=1)) - chosen)
    margin, label = CASES[0][1], CASES[0][2]
    np.testing.assert_allclose(squared(margin, label)[0], (margin[:, 0] - label) ** 2 / 2)


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
