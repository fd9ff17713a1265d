"""Scores against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as theirs

from treefold.algorithms.linear.batch import LinearBatch
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.metrics import classification, measure, regression
from treefold.metrics.ranking import area_under_roc, average_precision, curve, ranking

RNG = np.random.default_rng(11)
ROWS = 600
X = RNG.standard_normal((ROWS, 3)).round(1)
SCORE = X @ [1, -2, 0.5] + RNG.logistic(size=ROWS)
BINARY = (SCORE > 0.3).astype(float)
MANY = np.digitize(SCORE, [-1, 1]).astype(float)
TARGET = 1000 + 50 * SCORE
WEIGHT = RNG.uniform(0.1, 3, ROWS)
COEF = RNG.standard_normal((2, 3, 4))
KW = {"sample_weight": WEIGHT}


def of(y):
    return LocalBlocks.from_arrays(X, y, WEIGHT, dtype="float64")


def test_classification():
    batch = LinearBatch(COEF, "softmax")
    counts, table = measure(of(MANY), batch, classification.label_counts, classification.confusion)
    for m, (predicted, probability) in enumerate(zip(*batch.predictions(X)[::2], strict=True)):
        got = {
            score.__name__: score(counts)[m]
            for score in (classification.log_loss, classification.accuracy, classification.hamming_loss,
                          classification.precision, classification.recall, classification.f_measure)
        }  # fmt: skip
        assert got["log_loss"] == pytest.approx(theirs.log_loss(MANY, probability.T, **KW))
        assert got["accuracy"] == pytest.approx(theirs.accuracy_score(MANY, predicted, **KW))
        assert got["hamming_loss"] == pytest.approx(theirs.hamming_loss(MANY, predicted, **KW))
        assert got["precision"] == pytest.approx(theirs.precision_score(MANY, predicted, average=None, **KW))
        assert got["recall"] == pytest.approx(theirs.recall_score(MANY, predicted, average=None, **KW))
        assert got["f_measure"] == pytest.approx(theirs.f1_score(MANY, predicted, average=None, **KW))
        np.testing.assert_allclose(table.table[m], theirs.confusion_matrix(MANY, predicted, **KW))
        half = classification.weighted(counts, classification.f_measure(counts, 0.5))[m]
        assert half == pytest.approx(theirs.fbeta_score(MANY, predicted, beta=0.5, average="weighted", **KW))


def test_ranking():
    batch = LinearBatch(COEF[:, :1], "logistic")
    (ranks,) = measure(of(BINARY), batch, ranking)
    for sketch, score in zip(ranks.sketch, batch.predictions(X).score, strict=True):
        line = curve(sketch)
        assert line.exact
        assert area_under_roc(line).value == pytest.approx(theirs.roc_auc_score(BINARY, score, **KW))
        assert average_precision(line).value == pytest.approx(theirs.average_precision_score(BINARY, score, **KW))
        x, y, threshold = theirs.roc_curve(BINARY, score, drop_intermediate=False, **KW)
        np.testing.assert_allclose(line.roc, ([*x, 1], [*y, 1]), atol=1e-12)
        np.testing.assert_allclose(line.threshold, threshold[1:])
        p, r, _ = theirs.precision_recall_curve(BINARY, score, **KW)
        np.testing.assert_allclose(line.precision, p[-2::-1])
        np.testing.assert_allclose(line.recall, r[-2::-1])


def test_regression():
    batch = LinearBatch(COEF[:, :1] * 50 + [0, 0, 0, 1000], "identity")
    (sums,) = measure(of(TARGET), batch, regression.errors)
    for m, predicted in enumerate(batch.predictions(X).value):
        assert regression.rmse(sums)[m] == pytest.approx(theirs.root_mean_squared_error(TARGET, predicted, **KW))
        assert regression.mse(sums)[m] == pytest.approx(theirs.mean_squared_error(TARGET, predicted, **KW))
        assert regression.mae(sums)[m] == pytest.approx(theirs.mean_absolute_error(TARGET, predicted, **KW))
        assert regression.r2(sums)[m] == pytest.approx(theirs.r2_score(TARGET, predicted, **KW))


def test_error_sums_survive_a_label_far_away():
    far = LinearBatch(np.array([[[0.0, 0, 0, 1e9]]]), "identity")
    label = 1e9 + RNG.standard_normal(ROWS)
    (sums,) = measure(of(label), far, regression.errors)
    assert regression.r2(sums)[0] == pytest.approx(theirs.r2_score(label, np.full(ROWS, 1e9), **KW), rel=1e-5)
