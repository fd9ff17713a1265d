"""Bootstrap weights by (seed, position, replicate), and scores in every replicate."""

import numpy as np
import pytest
from scipy.stats import chisquare, poisson

from rows import ragged
from treefold.dataset.random import splitmix64, substream
from treefold.metrics import classification, ranking, regression
from treefold.metrics.predictions import Predictions
from treefold.scoring.evaluation_pass import evaluation, merge_evaluations
from treefold.scoring.intervals import compared, intervals
from treefold.scoring.replicated_scores import ClassScores, NumberScores, Plan
from treefold.statistics.bootstrap import drawn_weights

PLAN = Plan(50, 3)


class Fixed:
    """A model whose features are its predictions: the probability of class 1, of classes, or a number."""

    def __init__(self, classes: int) -> None:
        self.classes = classes

    def predictions(self, X) -> Predictions:
        X = np.asarray(X, np.float64).T
        if not self.classes:
            return Predictions(X[:1])
        probability = (np.stack([1 - X[0], X[0]]) if self.classes == 2 else X)[None]
        score = probability[:, 1] if self.classes == 2 else None
        return Predictions(probability.argmax(axis=1).astype(float), self.classes, probability, score)


def rows(classes: int, n: int = 400):
    rng = np.random.default_rng(classes)
    if not classes:
        x = rng.standard_normal((n, 1))
        return x, x[:, 0] + rng.standard_normal(n), rng.integers(0, 3, n).astype(float)
    X = rng.random((n, 1)) if classes == 2 else rng.dirichlet(np.ones(classes), n)
    y = (
        rng.random(n) < X[:, 0]
        if classes == 2
        else np.where(rng.random(n) < 0.4, X.argmax(axis=1), rng.integers(0, classes, n))
    )
    return X, y.astype(float), rng.integers(0, 3, n).astype(float)


def of(classes: int):
    return ClassScores(PLAN, classes) if classes else NumberScores(PLAN)


def statistic(classes: int):
    return (classification.label_counts,) if classes else (regression.errors,)


def test_weights_have_the_poisson_distribution_and_are_independent():
    weight = drawn_weights(np.arange(20_000, dtype=np.uint64), 7, 40)
    seen = np.bincount(weight.astype(int).ravel(), minlength=7)
    expected = poisson.pmf(np.arange(6), 1.0)
    expected = np.append(expected, 1 - expected.sum()) * weight.size
    assert chisquare(np.append(seen[:6], seen[6:].sum()), expected).pvalue > 1e-3
    assert abs(np.corrcoef(weight)[~np.eye(40, dtype=bool)]).max() < 5 / np.sqrt(20_000)
    assert not np.array_equal(weight, drawn_weights(np.arange(20_000, dtype=np.uint64), 8, 40))


def test_weights_are_read_from_the_hash_of_seed_and_position():
    position = np.array([0, 5, 2**40], np.uint64)
    weight = drawn_weights(position, 9, 6)
    for replicate in range(6):
        group, place = divmod(replicate, 4)
        bits = (splitmix64(position, substream(9, group)) >> np.uint64(16 * place)) & np.uint64(0xFFFF)
        np.testing.assert_array_equal(weight[replicate], poisson.ppf((bits + 0.5) / 65536, 1.0))


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_scores_of_a_replicate_are_those_of_its_weighted_rows(engine, classes):
    X, y, weight = rows(classes)
    measured = engine(X, y, weight).reduce(
        evaluation, Fixed(classes), statistic(classes), of(classes), 0, merge=merge_evaluations
    )
    scores = of(classes).scores(measured.replicates)
    said = Fixed(classes).predictions(X)
    drawn = np.vstack([np.ones(len(y)), drawn_weights(np.arange(len(y), dtype=np.uint64), PLAN.seed, PLAN.replicates)])
    for replicate in (0, 1, 17, 50):
        w = weight * drawn[replicate]
        if classes:
            counts = classification.label_counts(said, y, w)
            expected = {
                "accuracy": classification.accuracy(counts), "log_loss": classification.log_loss(counts),
                "f1": classification.weighted(counts, classification.f_measure(counts)),
            }  # fmt: skip
        else:
            sums = regression.errors(said, y, w)
            expected = {"rmse": regression.rmse(sums), "mae": regression.mae(sums), "r2": regression.r2(sums)}
        for name, value in expected.items():
            assert scores[name][replicate] == pytest.approx(value[0], rel=1e-9), name


def test_areas_of_replicates_are_exact_where_no_bin_holds_two_scores():
    rng = np.random.default_rng(2)
    X = ((rng.choice(256, 120, replace=False) + 0.5) / 256)[:, None]
    y = (rng.random(120) < X[:, 0]).astype(float)
    blocks = ragged(X, y, np.ones(120), [40], "float64")
    measured = blocks.reduce(evaluation, Fixed(2), statistic(2), of(2), 0, merge=merge_evaluations)
    scores = of(2).scores(measured.replicates)
    drawn = np.vstack([np.ones(120), drawn_weights(np.arange(120, dtype=np.uint64), PLAN.seed, PLAN.replicates)])
    for replicate in (0, 4, 33):
        curve = ranking.curve(ranking.ranking(Fixed(2).predictions(X), y, drawn[replicate]).sketch[0])
        assert scores["area_under_roc"][replicate] == pytest.approx(ranking.area_under_roc(curve).value)
        assert scores["area_under_pr"][replicate] == pytest.approx(ranking.area_under_pr(curve).value)


def test_replicates_and_slices_are_the_same_for_any_division_of_rows(engine):
    X, y, weight = rows(3)
    measured = engine(X, y, weight).reduce(evaluation, Fixed(3), statistic(3), of(3), 0, merge=merge_evaluations)
    whole = ragged(X, y, weight, [], "float64").reduce(
        evaluation, Fixed(3), statistic(3), of(3), 0, merge=merge_evaluations
    )
    np.testing.assert_allclose(measured.replicates.counts, whole.replicates.counts, rtol=1e-12)
    np.testing.assert_allclose(measured.replicates.sums, whole.replicates.sums, rtol=1e-12)


def test_the_interval_of_an_accuracy_is_the_binomial_one():
    n = 5000
    rng = np.random.default_rng(4)
    X = rng.random((n, 1))
    y = np.where(rng.random(n) < 0.8, X[:, 0] > 0.5, X[:, 0] <= 0.5).astype(float)
    plan = Plan(1000, 1)
    blocks = ragged(X, y, np.ones(n), [999], "float64")
    measured = blocks.reduce(evaluation, Fixed(2), statistic(2), ClassScores(plan, 2), 0, merge=merge_evaluations)
    scores = ClassScores(plan, 2).scores(measured.replicates)
    found, share = intervals(scores, 0.95)["accuracy"], scores["accuracy"][0]
    width = np.sqrt(share * (1 - share) / n)
    assert found["standard_error"] == pytest.approx(width, rel=0.1)
    assert (found["high"] - found["low"]) / (2 * 1.96) == pytest.approx(width, rel=0.1)


def test_a_model_does_not_differ_from_itself_and_a_worse_one_does():
    X, y, weight = rows(2)

    def scores(X):
        blocks = ragged(X, y, weight, [], "float64")
        return of(2).scores(
            blocks.reduce(evaluation, Fixed(2), statistic(2), of(2), 0, merge=merge_evaluations).replicates
        )

    same = compared(scores(X), scores(X), 0.9)
    assert {(each["low"], each["high"], each["better_in"]) for each in same} == {(0.0, 0.0, 0.0)}
    worse = {each["metric"]: each for each in compared(scores(1 - X), scores(X), 0.9)}
    assert worse["accuracy"]["high"] < 0 < worse["log_loss"]["low"]
    assert worse["accuracy"]["better_in"] == worse["log_loss"]["better_in"] == 0
