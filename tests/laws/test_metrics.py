"""Laws of the statistics of predictions, on every engine and reader."""

from functools import partial
from typing import NamedTuple

import numpy as np
import pytest

from treefold.algorithms.linear.batch import LinearBatch
from treefold.dataset.block import Block
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.metrics import Predictions, measure, named
from treefold.metrics.classification import accuracy, confusion, label_counts, log_loss
from treefold.metrics.ranking import area_under_pr, area_under_roc, average_precision, curve, ranking
from treefold.metrics.regression import errors, residuals
from treefold.statistics.histogram_sketch import Sketch

RNG = np.random.default_rng(5)
ROWS = 700
X = RNG.standard_normal((ROWS, 3)) * [1, 10, 0.1] + [0, 3, 1]
MANY = RNG.integers(0, 3, ROWS).astype(float)
BINARY = (X[:, 0] + RNG.standard_normal(ROWS) > 0).astype(float)
WEIGHT = RNG.integers(0, 4, ROWS).astype(float)
COEF = RNG.standard_normal((2, 3, 4)) * [0.5, 0.05, 3, 0.3]
SOFTMAX = LinearBatch(COEF, "softmax")
BINOMIAL = LinearBatch(COEF[:, :1], "logistic")
LINE = LinearBatch(COEF[:, :1], "identity")
LIMIT = 100  # fewer bins than rows, so that sketches have to go up


def statistics(blocks_of):
    """Every statistic there is, as a list of arrays; ``blocks_of`` makes blocks of a label."""
    counts, table = measure(blocks_of(MANY), SOFTMAX, label_counts, confusion)
    coarse, fine = measure(blocks_of(BINARY), BINOMIAL, partial(ranking, limit=LIMIT), ranking)
    sums, left = measure(blocks_of(X[:, 0] ** 2), LINE, errors, partial(residuals, limit=LIMIT))
    found = [coarse.sketch, fine.sketch, left.residual, left.predicted]
    assert {sketch.level > 0 for sketch in coarse.sketch} == {True}
    assert {sketch.level for sketch in fine.sketch} == {0}
    return [
        *counts,
        *table,
        *(sums.rows, sums.absolute),
        *(field for spread in sums[2:5] for field in vars(spread).values()),
        *(part for sketches in found for sketch in sketches for part in (sketch.value, sketch.weight, [sketch.level])),
    ]


def assert_same(left, right):
    for a, b in zip(left, right, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def whole(y, weight=WEIGHT, rows=slice(None)):
    return LocalBlocks([Block(X[rows], y[rows], weight[rows], 0)])


def test_any_split_of_the_rows_gives_the_same_statistics(engine):
    assert_same(statistics(lambda y: engine(X, y, WEIGHT)), statistics(whole))


def test_weight_two_is_the_row_twice_and_weight_zero_is_no_row(engine):
    repeated = np.repeat(np.arange(ROWS), WEIGHT.astype(int))
    mine = statistics(lambda y: engine(X, y, WEIGHT))
    theirs = statistics(lambda y: whole(y, np.ones(ROWS), repeated))
    counted = (0, 8)  # rows, which count once
    assert_same(*([part for i, part in enumerate(some) if i not in counted] for some in (mine, theirs)))
    assert mine[0].tolist() == mine[8].tolist() == [(WEIGHT > 0).sum()] * 2


def test_models_in_one_pass_are_each_the_one_alone(engine):
    blocks = engine(X, BINARY, WEIGHT)
    counts, ranks = measure(blocks, BINOMIAL, label_counts, ranking)
    assert len(blocks.passes) == 1
    for m in range(2):
        alone, its = measure(blocks, BINOMIAL._replace(coef=BINOMIAL.coef[m : m + 1]), label_counts, ranking)
        assert_same([field[m] for field in counts], [field[0] for field in alone])
        assert area_under_roc(curve(ranks.sketch[m])) == area_under_roc(curve(its.sketch[0]))


class Sums(NamedTuple):
    of_squares: np.ndarray


def squared_values(predictions, label, weight):
    return Sums((predictions.value**2 * weight).sum(axis=1))


class Constant(NamedTuple):
    """A predictor that is no linear model."""

    value: float

    def predictions(self, X):
        return Predictions(np.full((1, X.shape[0]), self.value))


def test_statistics_and_predictors_may_be_anyones(engine):
    (sums,) = measure(engine(X, BINARY, WEIGHT), Constant(3.0), squared_values)
    assert sums.of_squares.tolist() == [9 * WEIGHT.sum()]


def values(kind, rows=5000):
    score = RNG.standard_normal(rows)
    return {
        "normal": score, "tiny": score * 1e-200, "huge": score * 1e200, "far": 1e6 + score, "tied": score.round(1),
        "heavy": score**9, "infinite": np.where(score > 2, np.inf, score),
        "signed zeros": np.where(score > 0, 0.0, -0.0),
    }[kind]  # fmt: skip


KINDS = ["normal", "tiny", "huge", "far", "tied", "heavy", "infinite", "signed zeros"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [1, 2, 77, 1 << 14])
def test_a_sketch_is_that_of_all_rows_however_they_were_divided(kind, limit):
    value, weight = values(kind), RNG.integers(0, 3, (2, 5000)).astype(float)
    parts = np.split(np.arange(5000), np.sort(RNG.integers(0, 5000, 9)))
    at_once, pieces = Sketch.of(value, weight, limit), [Sketch.of(value[p], weight[:, p], limit) for p in parts]
    left = right = pieces[0]
    for piece in pieces[1:]:
        left, right = left + piece, piece + right
    for total in (left, right):
        assert total.level == at_once.level
        np.testing.assert_array_equal(total.key, at_once.key)
        np.testing.assert_array_equal(total.weight, at_once.weight)
    assert len(at_once.key) <= limit
    assert at_once.weight.sum() == weight.sum()
    different = len(np.unique(value[weight.any(axis=0)] + 0.0))
    assert (at_once.level == 0) == (different <= limit)
    if at_once.level == 0:
        np.testing.assert_array_equal(at_once.value, np.unique(value[weight.any(axis=0)] + 0.0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [50, 1 << 14])
def test_counts_at_the_thresholds_of_a_curve_are_exact_and_areas_within_their_bounds(kind, limit):
    score, label = values(kind), RNG.integers(0, 2, 5000)
    weight = np.stack([label == 0, label == 1]) * RNG.uniform(0.1, 2, 5000)
    binned, exact = (curve(Sketch.of(score, weight, n)) for n in (limit, 1 << 14))
    found = [(weight * (score >= t)).sum(axis=1) for t in binned.threshold]
    np.testing.assert_allclose(np.stack([binned.negative, binned.positive], axis=1), found, rtol=1e-12)
    assert exact.exact
    for area in (area_under_roc, area_under_pr, average_precision):
        value, bound = area(binned)
        assert abs(value - area(exact).value) <= bound + 1e-12
        assert (bound == 0) == binned.exact


def test_the_usual_number_of_bins_leaves_next_to_nothing():
    rows = 200_000
    label = RNG.integers(0, 2, rows)
    score = RNG.standard_normal(rows) + label
    weight = np.stack([label == 0, label == 1]).astype(float)
    binned, exact = (curve(Sketch.of(score, weight, limit)) for limit in (1 << 14, rows))
    for area, off in ((area_under_roc, 5e-6), (area_under_pr, 5e-5), (average_precision, 2e-4)):
        assert area(binned).error < 1e-3
        assert abs(area(binned).value - area(exact).value) < off


@pytest.mark.parametrize("limit", [60, 1 << 14])
def test_quantiles_are_those_of_repeated_rows_to_the_width_of_a_bin(limit):
    value, weight = RNG.standard_normal(3000) * 10, RNG.integers(0, 4, 3000)
    share = np.array([0, 0.01, 0.25, 0.5, 0.9, 1])
    sketch = Sketch.of(value, weight[None].astype(float), limit)
    want = np.quantile(np.repeat(value, weight), share, method="inverted_cdf")
    width = abs(want) * 2.0 ** (sketch.level - 51) if sketch.level else 0
    got = sketch.quantile(share)
    assert (got <= want).all()
    assert (want - got <= width).all()
    assert np.isnan(Sketch.of(value[:0], np.zeros((1, 0))).quantile(share)).all()


def test_one_class_has_no_area():
    alone = curve(Sketch.of(np.arange(5.0), np.stack([np.zeros(5), np.ones(5)])))
    assert np.isnan([area_under_roc(alone).value, area_under_pr(alone).value]).all()
    nothing = curve(Sketch.of(np.zeros(0), np.zeros((2, 0))))
    assert np.isnan(area_under_roc(nothing).value)


def test_labels_that_are_no_class_are_counted_and_count_no_further():
    label = np.array([0.0, 1, 2, 3, -1, 0.5, 1])
    weight = np.array([[1.0, 1, 1, 1, 1, 1, 0]])
    seen = Predictions(np.zeros((1, 7)), 3, np.full((1, 3, 7), 1 / 3))
    counts = label_counts(seen, label, weight)
    assert (counts.rows[0], counts.unknown[0], counts.weight[0]) == (6, 3, 3)
    assert log_loss(counts)[0] == pytest.approx(np.log(3))
    assert counts.actual.tolist() == [[1, 1, 1]]


def test_a_row_of_weight_zero_is_absent_even_where_its_prediction_is_nan():
    value, label, weight = np.array([[1.0, np.nan]]), np.array([1.0, 0.0]), np.array([[1.0, 0.0]])
    probability = np.array([[[0.2, np.nan], [0.8, np.nan]]])
    seen = Predictions(value, 2, probability, value)
    counts = label_counts(seen, label, weight)
    assert (accuracy(counts)[0], log_loss(counts)[0]) == (1, pytest.approx(-np.log(0.8)))
    assert confusion(seen, label, weight).table[0].tolist() == [[0, 0], [0, 1]]
    assert errors(seen, label, weight).residual.mean.tolist() == [0]
    assert ranking(seen, label, weight).sketch[0].value.tolist() == [1]


def test_a_metric_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(InputError, match=r"there is no metric 'auc': there are f1, accuracy.* areaUnderROC"):
        named("auc")
