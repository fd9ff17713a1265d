"""Calibration: the laws of its statistic, and scikit-learn's results."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit

from rows import ragged
from treefold.algorithms.calibration import CalibratedModel, fit
from treefold.algorithms.calibration.isotonic import fit_isotonic
from treefold.algorithms.calibration.scores import out_of_fold, scores_of
from treefold.algorithms.calibration.sigmoid import class_weights, fit_sigmoid, sigmoid_sums
from treefold.algorithms.linear.model import LinearModel
from treefold.dataset.block import Block
from treefold.dataset.splits import Hashed
from treefold.engine.execution.local_blocks import LocalBlocks

RNG = np.random.default_rng(23)
ROWS = 600
SCORES = RNG.standard_normal((ROWS, 3)) * [1, 5, 50] + [0, 3, -20]
LABELS = np.argmax(SCORES / [1, 5, 50] + RNG.gumbel(size=(ROWS, 3)), axis=1) * 1.0
WEIGHTS = RNG.integers(0, 4, ROWS) * 1.0


def blocks_of(X, y, w, cuts=(100, 350)):
    return ragged(X, y, w, list(cuts), "float64")


def sums(X, y, w, coef, targets):
    return sigmoid_sums(Block(X, y, w, 0), coef, targets)


COEF = np.array([[0.7, -0.2], [0.1, 0.3], [0.02, 0.1]])
TARGETS = np.array([[0.01, 0.02, 0.03], [0.98, 0.97, 0.96]])


def test_the_sums_add_over_any_split_and_count_weights():
    whole = sums(SCORES, LABELS, WEIGHTS, COEF, TARGETS)
    twice = np.repeat(np.arange(ROWS), WEIGHTS.astype(int))
    for part in (
        [sums(SCORES[a], LABELS[a], WEIGHTS[a], COEF, TARGETS) for a in np.split(np.arange(ROWS), [7, 300, 301])],
        [sums(SCORES[twice], LABELS[twice], np.ones(len(twice)), COEF, TARGETS)],
    ):
        for mine, field in zip(zip(*part, strict=True), whole, strict=True):
            np.testing.assert_allclose(sum(mine), field, rtol=1e-12)


def test_derivatives_are_those_of_finite_differences():
    h = 1e-5
    found = sums(SCORES, LABELS, WEIGHTS, COEF, TARGETS)
    for axis in range(2):
        there, back = COEF.copy(), COEF.copy()
        there[:, axis] += h
        back[:, axis] -= h
        plus, minus = (sums(SCORES, LABELS, WEIGHTS, at, TARGETS) for at in (there, back))
        np.testing.assert_allclose(found.gradient[:, axis], (plus.loss - minus.loss) / (2 * h), rtol=1e-5, atol=1e-4)
        slope = (plus.gradient - minus.gradient) / (2 * h)
        np.testing.assert_allclose(found.curvature[:, [[0, 1], [1, 2]][axis]], slope, rtol=1e-5, atol=1e-4)


def binary(labels=LABELS):
    return SCORES[:, 2:], (labels == 2) * 1.0


def test_of_two_classes_the_event_is_class_1():
    X, y = binary()
    found = class_weights(Block(X, y, WEIGHTS, 0))
    assert found.inside == pytest.approx([WEIGHTS @ y])
    assert found.outside == pytest.approx([WEIGHTS @ (1 - y)])


def test_the_sigmoid_is_at_its_optimum_for_any_blocks_and_scale():
    for factor in (1.0, 1e6, 1e-6):
        blocks = blocks_of(SCORES * factor, LABELS, WEIGHTS)
        made, other = fit_sigmoid(blocks), fit_sigmoid(blocks_of(SCORES * factor, LABELS, WEIGHTS, (1, 2, 599)))
        found = class_weights(Block(SCORES, LABELS, WEIGHTS, 0))
        targets = np.stack([1 / (found.outside + 2), (found.inside + 1) / (found.inside + 2)])
        slope = sums(SCORES * factor, LABELS, WEIGHTS, made.coef, targets)
        scale = WEIGHTS.sum() * np.stack([abs(SCORES * factor).mean(axis=0), np.ones(3)], axis=1)
        assert abs(slope.gradient / scale).max() < 1e-7
        np.testing.assert_allclose(made.chances(SCORES * factor), other.chances(SCORES * factor), rtol=1e-6)


def test_equal_scores_have_the_share_of_the_class_and_separable_ones_no_certainty():
    y = np.array([0.0, 0, 0, 1, 1, 1])
    equal, apart = np.zeros((6, 1)), np.array([[-1.0], [-2], [-3], [1], [2], [3]])
    np.testing.assert_allclose(fit_sigmoid(blocks_of(equal, y, np.ones(6), (2, 4))).chances(equal), 0.5)
    p = fit_sigmoid(blocks_of(apart, y, np.ones(6), (2, 4))).chances(apart)[:, 0]
    assert p.min() > 0.1
    assert p.max() < 0.9
    assert ((p > 0.5) == y).all()


def test_isotonic_is_scikit_learns_and_never_falls():
    X, y = binary()
    X = np.round(X)  # many are equal
    made = fit_isotonic(blocks_of(X, y, WEIGHTS))
    new = np.linspace(-200, 200, 1001)[:, None]
    theirs = IsotonicRegression(out_of_bounds="clip").fit(X[:, 0], y, WEIGHTS).predict(new[:, 0])
    np.testing.assert_allclose(made.chances(new)[:, 0], theirs, atol=1e-12)
    assert (np.diff(made.chances(new)[:, 0]) >= 0).all()
    assert np.isnan(made.chances(np.array([[np.nan]])))


def test_isotonic_of_more_scores_than_the_sketch_holds_is_near_the_exact_one():
    score = RNG.standard_normal((20000, 1))
    y = (score[:, 0] + RNG.logistic(size=20000) > 0) * 1.0
    blocks = LocalBlocks.from_arrays(score, y, dtype="float64")
    rough, exact = (fit_isotonic(blocks, limit).chances(score) for limit in (512, 1 << 20))
    assert 0 < abs(rough - exact).mean() < 0.01


FEATURES = RNG.standard_normal((ROWS, 4))
CLASSES = {
    "two": (FEATURES[:, 0] + RNG.logistic(size=ROWS) > 0) * 1.0,
    "three": np.argmax(FEATURES[:, :3] + RNG.gumbel(size=(ROWS, 3)), axis=1) * 1.0,
}
SPLIT = Hashed(3, 4)


def linear_model(fitted):
    """Our model of scikit-learn's; of two classes with the same margin."""
    coef = np.column_stack([fitted.coef_, fitted.intercept_])
    return LinearModel(coef, "logistic" if len(coef) == 1 else "softmax", 0.5)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("name", CLASSES)
def test_probabilities_are_those_of_scikit_learn(name, method):
    y, w = CLASSES[name], RNG.uniform(0.5, 2, ROWS)
    fold = SPLIT.fold_of(Block(FEATURES, y, w, 0))
    classifier = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000)
    theirs = CalibratedClassifierCV(classifier, method=method, cv=PredefinedSplit(fold), ensemble=False)
    expected = theirs.fit(FEATURES, y, sample_weight=w).predict_proba(FEATURES)
    inner = [linear_model(classifier.fit(FEATURES[fold != k], y[fold != k], w[fold != k])) for k in range(3)]
    base = linear_model(classifier.fit(FEATURES, y, w))
    made = CalibratedModel(base, fit(blocks_of(FEATURES, y, w), SPLIT, inner, method)[0])
    # a point of the isotonic curve moves with the last digits of a score
    np.testing.assert_allclose(made.outputs(FEATURES)["probability"], expected, atol=2e-5)
    np.testing.assert_array_equal(made.predict(FEATURES), made.predictions(FEATURES).value[0])
    again = CalibratedModel.from_state(*made.save_state())
    np.testing.assert_array_equal(again.outputs(FEATURES)["probability"], made.outputs(FEATURES)["probability"])


def test_a_row_is_scored_by_the_model_that_has_not_seen_it_and_a_row_without_weight_is_absent():
    models = [LinearModel(np.array([[0.0, 0, 0, 0, k]]), "logistic", 0.5) for k in range(3)]
    w = np.ones(ROWS)
    w[:10] = 0
    X = FEATURES.copy()
    X[:10] = np.nan
    block = Block(X, CLASSES["two"], w, 0)
    made = out_of_fold(block, SPLIT, models)
    np.testing.assert_array_equal(made.X[10:, 0], SPLIT.fold_of(block)[10:])
    assert np.isfinite(made.X).all()


def test_probabilities_that_are_all_0_are_equal_and_rows_without_scores_have_none():
    y = np.repeat([0.0, 1, 2], 20)
    X = np.eye(3)[y.astype(int)] * 2 - 1
    made = CalibratedModel(linear_model_of_three(), fit_isotonic(LocalBlocks.from_arrays(X, y, dtype="float64")))
    np.testing.assert_allclose(made.probability(np.array([[-1.0, -1, -1]])), [[1 / 3] * 3])
    missing = made.probability(np.full((1, 3), np.nan))
    assert np.isnan(missing).all()
    assert np.isnan(made.value(missing)).all()


def linear_model_of_three():
    return LinearModel(np.zeros((3, 4)), "softmax", 0.5)


def test_the_score_of_two_classes_is_the_margin():
    np.testing.assert_array_equal(scores_of(np.array([[-3.0, 3.0], [2.0, -2.0]])), [[3.0], [-2.0]])
