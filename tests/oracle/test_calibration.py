"""Calibration against scikit-learn, and lift against its definition."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from treefold.metrics.calibration import BINS, calibration, expected_calibration_error
from treefold.metrics.lift import lift
from treefold.metrics.predictions import Predictions
from treefold.metrics.ranking import curve, ranking


def binary(p: np.ndarray) -> Predictions:
    return Predictions((p > 0.5)[None].astype(float), 2, np.stack([1 - p, p])[None], p[None])


@pytest.fixture
def drawn():
    rng = np.random.default_rng(0)
    p = rng.random(2000)
    return p, (rng.random(2000) < p**1.5).astype(float)


def test_of_two_classes_it_is_the_curve_of_scikit_learn(drawn):
    p, y = drawn
    sums = calibration(binary(p), y, np.ones(len(y)))
    happened, predicted = calibration_curve(y, p, n_bins=BINS)
    np.testing.assert_allclose(sums.happened[0] / sums.weight[0], happened)
    np.testing.assert_allclose(sums.predicted[0] / sums.weight[0], predicted)
    shares = sums.weight[0] / len(y)
    assert expected_calibration_error(sums)[0] == pytest.approx((shares * abs(happened - predicted)).sum())


def test_of_more_classes_it_is_that_of_the_greatest_probability():
    rng = np.random.default_rng(1)
    probability = rng.dirichlet(np.ones(4), 1000).T
    y = rng.integers(0, 4, 1000).astype(float)
    said = Predictions(probability.argmax(axis=0)[None].astype(float), 4, probability[None])
    sums = calibration(said, y, np.ones(1000))
    assert sums.weight.sum() == 1000
    assert sums.happened.sum() == (said.value[0] == y).sum()
    assert sums.predicted.sum() == pytest.approx(probability.max(axis=0).sum())


def test_weight_two_is_the_row_twice_and_weight_none_is_no_row(drawn):
    p, y = drawn
    weight = np.arange(len(y)) % 3
    whole = calibration(binary(p), y, weight)
    repeated = np.repeat(np.arange(len(y)), weight)
    again = calibration(binary(p[repeated]), y[repeated], np.ones(len(repeated)))
    for one, other in zip(whole, again, strict=True):
        np.testing.assert_allclose(one, other)


def test_gain_is_the_share_of_class_1_among_the_first_rows(drawn):
    p, y = drawn
    share = np.array([0.05, 0.1, 0.5, 1.0])
    found = lift(curve(ranking(binary(p), y, np.ones(len(y))).sketch[0]), share)
    best = y[np.argsort(-p)]
    expected = [best[: round(s * len(y))].sum() / y.sum() for s in share]
    np.testing.assert_allclose(found.gain, expected)
    np.testing.assert_allclose(found.lift, np.array(expected) / share)
