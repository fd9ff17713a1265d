"""Differential privacy of sums: what one row can change, how much noise there is, and what a budget allows."""

import dp_accounting
import numpy as np
import pytest
from dp_accounting import pld
from scipy import stats
from scipy.sparse import csr_array

from treefold import LocalBlocks
from treefold.algorithms.linear.losses import Hinge, Softmax, logistic, squared
from treefold.algorithms.linear.private import (
    Clipping,
    FeatureClipping,
    Space,
    clipped_gradient,
    fit_with_noise,
    noisy_space,
)
from treefold.errors import InputError
from treefold.privacy.accountant import epsilon_spent, noise_multiplier
from treefold.privacy.clipped_rows import row_count
from treefold.privacy.noise import system_normals
from treefold.privacy.noisy_blocks import Noise, NoisyBlocks
from treefold.statistics.moments import block_moments, merge_moments

SPACE = Space(np.array([1.0, -2.0, 0.0, 0.5]), np.array([0.5, 10.0, 1.0, 0.01]))
LOSSES = [(logistic, 1, 2), (Softmax(), 3, 3), (Hinge(), 1, 2), (squared, 1, 0)]


def seeded(seed: int):
    return np.random.default_rng(seed).standard_normal


def rows(seed: int, count: int = 40, classes: int = 2):
    """Rows of very different sizes, some of them with weights above 1, below 1 and of 0."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(count, 4)) * 10.0 ** rng.integers(-3, 4, (count, 1))
    y = rng.integers(0, classes, count) if classes else rng.normal(size=count) * 100
    return X, y.astype(float), rng.choice([0.0, 0.3, 1.0, 5.0], count)


def total(X, y, weight, coef, loss, clipping, space=None):
    blocks = LocalBlocks.from_arrays(X, y, weight, dtype="float64")
    return blocks.sum(clipped_gradient, coef, loss, clipping, space).gradient


@pytest.mark.parametrize("space", [None, SPACE], ids=["as they are", "standardised"])
@pytest.mark.parametrize(("loss", "outputs", "classes"), LOSSES, ids=lambda value: str(value))
def test_no_row_changes_a_sum_by_more_than_its_bound(loss, outputs, classes, space):
    """Every row is removed in turn, and replaced by one that is far away."""
    X, y, weight = rows(outputs, classes=classes)
    coef = np.random.default_rng(5).normal(size=(outputs, 5))
    for norm in (0.01, 100.0):
        clipping = Clipping(norm, classes)
        bound = clipped_gradient.sensitivity(coef, loss, clipping, space)
        assert bound == 2 * norm
        whole, removed, replaced = total(X, y, weight, coef, loss, clipping, space), [], []
        for i in range(len(y)):
            others = np.arange(len(y)) != i
            removed.append(
                np.linalg.norm(whole - total(X[others], y[others], weight[others], coef, loss, clipping, space))
            )
            far, label, heavy = X.copy(), y.copy(), weight.copy()
            far[i], label[i], heavy[i] = -1e6 * np.sign(X[i]), 0.0, 1e6
            replaced.append(np.linalg.norm(whole - total(far, label, heavy, coef, loss, clipping, space)))
        assert max(removed) <= norm * (1 + 1e-9)
        assert max(replaced) <= bound * (1 + 1e-9)
        if norm < 100:
            assert max(removed) > 0.99 * norm, "no row was clipped"


def test_a_large_norm_leaves_the_gradient_as_it_is():
    X, y, _ = rows(1)
    coef = np.random.default_rng(2).normal(size=(1, 5))
    step, wide = 1e-6, Clipping(1e12, 2)

    def value(coef):
        margin = X @ coef[0, :-1] + coef[0, -1]
        return logistic(margin[None, None], y)[0].sum()

    numeric = [(value(coef + step * unit) - value(coef - step * unit)) / (2 * step) for unit in np.eye(5)[:, None]]
    np.testing.assert_allclose(total(X, y, np.ones(40), coef, logistic, wide)[0], numeric, rtol=1e-5, atol=1e-3)


def test_weight_0_is_absent_a_weight_above_1_counts_once_and_csr_is_dense():
    X, y, weight = rows(3)
    X[np.random.default_rng(4).random(X.shape) < 0.5] = 0.0
    coef, clipping = np.random.default_rng(2).normal(size=(1, 5)), Clipping(1.0, 2)
    whole = total(X, y, weight, coef, logistic, clipping)
    there = weight > 0
    np.testing.assert_allclose(whole, total(X[there], y[there], weight[there], coef, logistic, clipping), atol=1e-12)
    np.testing.assert_allclose(whole, total(X, y, np.minimum(weight, 1), coef, logistic, clipping), atol=1e-12)
    np.testing.assert_allclose(whole, total(csr_array(X), y, weight, coef, logistic, clipping), atol=1e-12)
    np.testing.assert_allclose(
        total(X, y, weight, coef, logistic, clipping, SPACE),
        total(csr_array(X), y, weight, coef, logistic, clipping, SPACE),
        atol=1e-12,
    )
    expected = total((X - SPACE.mean) * SPACE.inverse, y, weight, coef, logistic, clipping)
    np.testing.assert_allclose(total(X, y, weight, coef, logistic, clipping, SPACE), expected, atol=1e-12)


def test_a_row_that_is_no_row_is_absent():
    X, y, weight = rows(3)
    coef, clipping = np.random.default_rng(2).normal(size=(1, 5)), Clipping(1.0, 2)
    whole = total(X, y, weight, coef, logistic, clipping)
    bad = np.array([[np.nan, 1, 1, 1], [np.inf, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]])
    labels = np.array([0.0, 1.0, 0.5, 2.0, np.nan])
    more = total(np.vstack([X, bad]), np.append(y, labels), np.append(weight, np.ones(5)), coef, logistic, clipping)
    np.testing.assert_allclose(whole, more, atol=1e-12)


def test_the_numbers_of_the_operating_system_are_normal():
    """Fails once in a million runs if they are: a Kolmogorov-Smirnov test, and one of the correlation of neighbours."""
    drawn = system_normals(100_000)
    assert stats.kstest(drawn, "norm").pvalue > 5e-7
    assert stats.pearsonr(drawn[:-1], drawn[1:]).pvalue > 5e-7
    assert not np.array_equal(system_normals(10), system_normals(10))


def test_the_noise_of_a_sum_is_normal_with_the_deviation_that_its_bound_asks_for():
    X, y, weight = rows(1)
    coef, clipping = np.zeros((1, 5)), Clipping(0.7, 2)
    exact = total(X, y, weight, coef, logistic, clipping)
    blocks = LocalBlocks.from_arrays(X, y, weight, dtype="float64")
    noisy = NoisyBlocks(blocks, Noise(3.0, 400, seeded(7)))
    drawn = [noisy.sum(clipped_gradient, coef, logistic, clipping).gradient - exact for _ in range(400)]
    assert stats.kstest(np.ravel(drawn) / (3.0 * 2 * 0.7), "norm").pvalue > 1e-3, "seeded: it always is, or never"
    assert noisy.sum(row_count).rows == 40


def test_a_budget_that_is_spent_stops_before_the_pass():
    X, y, weight = rows(1)
    blocks = LocalBlocks.from_arrays(X, y, weight)
    noisy = NoisyBlocks(blocks, Noise(1.0, 3, seeded(1)))
    for _ in range(3):
        noisy.sum(clipped_gradient, np.zeros((1, 5)), logistic, Clipping(1.0, 2))
    with pytest.raises(InputError, match="privacy budget is for 3 passes"):
        noisy.sum(clipped_gradient, np.zeros((1, 5)), logistic, Clipping(1.0, 2))
    assert len(blocks.passes) == 3


def test_nothing_without_a_bound_is_given_away():
    X, y, weight = rows(1)
    noisy = NoisyBlocks(LocalBlocks.from_arrays(X, y, weight), Noise(1.0, 3))
    for asked in (
        lambda: noisy.sum(block_moments),
        lambda: noisy.reduce(block_moments, merge=merge_moments),
        lambda: noisy.reduce(clipped_gradient, np.zeros((1, 5)), logistic, Clipping(1.0), merge=merge_moments),
        lambda: noisy.reduce_tasks(row_count),
        lambda: noisy.map(row_count),
    ):
        with pytest.raises(InputError, match="use another solver"):
            asked()
    assert noisy.passes == []


@pytest.mark.parametrize("passes", [1, 30, 200])
@pytest.mark.parametrize("epsilon", [0.5, 1.0, 3.0, 8.0])
def test_the_noise_spends_the_budget(passes, epsilon):
    multiplier = noise_multiplier(epsilon, 1e-5, passes)
    assert epsilon_spent(multiplier, 1e-5, passes) == pytest.approx(epsilon, rel=1e-6)
    assert epsilon_spent(multiplier, 1e-5, passes // 2) < epsilon
    assert epsilon_spent(multiplier, 1e-5, 0) == 0.0


def test_many_passes_spend_what_the_composition_of_their_losses_says():
    ledger = pld.PLDAccountant()
    ledger.compose(dp_accounting.SelfComposedDpEvent(dp_accounting.GaussianDpEvent(20.0), 30))
    assert epsilon_spent(20.0, 1e-5, 30) == pytest.approx(ledger.get_epsilon(1e-5), rel=1e-3)


def fitted(blocks, noise: Noise, features: FeatureClipping | None = None, ridge: float = 0.0) -> np.ndarray:
    return fit_with_noise(
        NoisyBlocks(blocks, noise),
        logistic,
        1,
        Clipping(1.0, 2),
        ridge=ridge,
        step_size=1.0,
        iterations=noise.passes - (features is not None),
        on_step=lambda step: None,
        features=features,
    )


def test_without_noise_a_fit_of_standardised_features_is_that_of_features_standardised_before():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 3)) * [0.1, 1.0, 10.0] + [0.0, 5.0, -30.0]
    y = (X[:, 0] > 0).astype(float)
    before = (X - X.mean(axis=0)) / X.std(axis=0)
    expected = fitted(LocalBlocks.from_arrays(before, y, dtype="float64"), Noise(0.0, 7, np.zeros), ridge=0.1)
    found = fitted(
        LocalBlocks.from_arrays(X, y, dtype="float64"), Noise(0.0, 8, np.zeros), FeatureClipping(1e3, 0.0), ridge=0.1
    )
    np.testing.assert_allclose(X @ found[0, :-1] + found[0, -1], before @ expected[0, :-1] + expected[0, -1], rtol=1e-6)


def test_a_deviation_that_the_noise_hides_does_not_make_its_feature_large():
    X = np.column_stack([np.random.default_rng(2).normal(size=500), np.full(500, 3.0)])
    for seed in range(5):
        blocks = NoisyBlocks(LocalBlocks.from_arrays(X, np.zeros(500)), Noise(1.0, 1, seeded(seed)))
        space = noisy_space(blocks, FeatureClipping(5.0, 1.0), 500, True)
        least = 5.0 * np.sqrt(2 * 6**0.5 / 500)
        assert space.inverse.max() <= 1 / least * (1 + 1e-12)


def test_without_noise_the_fit_is_gradient_descent_and_the_mean_of_its_second_half():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 3)) * 0.1
    y = (X[:, 0] > 0).astype(float)
    coef, iterates, ones = np.zeros(4), [], np.column_stack([X, np.ones(200)])
    for _ in range(7):
        coef = coef - ones.T @ (1 / (1 + np.exp(-ones @ coef)) - y) / 200
        iterates.append(coef)
    found = fitted(LocalBlocks.from_arrays(X, y, dtype="float64"), Noise(0.0, 7, np.zeros))
    np.testing.assert_allclose(found[0], np.mean(iterates[3:], axis=0), rtol=1e-9)


@pytest.mark.parametrize(("honest", "above"), [(True, False), (False, True)])
def test_an_audit_finds_no_more_than_the_claim_and_more_without_noise(honest, above):
    """A canary is in the rows or not; how well fits tell so bounds epsilon from below (Clopper-Pearson, 99.9 %).

    The generator is seeded, so the outcome is always the same.
    """
    rng = np.random.default_rng(11)
    X, y = rng.normal(size=(50, 3)), rng.integers(0, 2, 50).astype(float)
    epsilon, delta, steps, runs = 1.0, 1e-5, 3, 400
    multiplier = noise_multiplier(epsilon, delta, steps) if honest else 0.01
    canary = np.array([0.0, 0.0, 1e3])
    seen = {}
    for there in (False, True):
        rows = np.vstack([X, canary if there else X[0]])
        labels = np.append(y, 1.0 if there else y[0])
        blocks = LocalBlocks.from_arrays(rows, labels, dtype="float64")
        noise = [Noise(multiplier, steps, seeded(2 * run + there)) for run in range(runs)]
        seen[there] = np.array([fitted(blocks, each)[0, 2] for each in noise])
    half = runs // 2
    threshold = np.median(np.concatenate([seen[False][:half], seen[True][:half]]))
    hits, misses = int((seen[True][half:] < threshold).sum()), int((seen[False][half:] < threshold).sum())
    if hits < misses:
        hits, misses = half - hits, half - misses
    low = stats.beta.ppf(0.0005, hits, half - hits + 1)
    high = stats.beta.ppf(0.9995, misses + 1, half - misses)
    assert (np.log(max(low - delta, 1e-12) / high) > epsilon) == above
