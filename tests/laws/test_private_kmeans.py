"""Differentially private k-means: what one row can change, what is replayed, refused, found."""

import json

import numpy as np
import pytest
from scipy import stats
from scipy.sparse import csr_array
from sklearn.cluster import KMeans as Sklearn
from sklearn.datasets import make_blobs

from treefold import LocalBlocks, load
from treefold.algorithms.kmeans.centres import Centres
from treefold.algorithms.kmeans.private import clipped_clusters, fit_with_noise
from treefold.errors import InputError
from treefold.ml import KMeans, fill
from treefold.persistence.checkpoint import Checkpoint
from treefold.privacy.accountant import noise_multiplier
from treefold.privacy.clipped_rows import clipped_moments, mean_and_deviation
from treefold.privacy.noisy_blocks import Noise, NoisyBlocks

PRIVATE = {"solver": "dplloyd", "privacyEpsilon": 3.0, "maxIter": 6, "k": 3}
CENTRES = np.random.default_rng(4).normal(size=(3, 4))


def seeded(seed: int):
    return np.random.default_rng(seed).standard_normal


def rows(seed: int, count: int = 20):
    """Rows of very different sizes, some of them with weights above 1, below 1 and of 0."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(count, 4)) * 10.0 ** rng.integers(-2, 3, (count, 1))
    return X, rng.choice([0.0, 0.3, 1.0, 5.0], count)


def total(stat, args, X, weight) -> np.ndarray:
    blocks = LocalBlocks.from_arrays(X, np.zeros(X.shape[0]), weight, dtype="float64")
    return np.concatenate([np.ravel(field) for field in blocks.sum(stat, *args)])


SUMS = [(clipped_clusters, lambda norm: (Centres.of([CENTRES], False), norm)), (clipped_moments, lambda norm: (norm,))]


@pytest.mark.parametrize(("stat", "args"), SUMS, ids=["clusters", "moments"])
@pytest.mark.parametrize("norm", [0.1, 1.0, 100.0])
def test_no_row_changes_a_sum_by_more_than_its_bound(stat, args, norm):
    """Every row is removed in turn, and replaced by its opposite and by one that is far away in another cluster."""
    X, weight = rows(1)
    args = args(norm)
    whole, bound, moved = total(stat, args, X, weight), stat.sensitivity(*args), []
    for i in range(len(X)):
        others = np.arange(len(X)) != i
        moved.append(np.linalg.norm(whole - total(stat, args, X[others], weight[others])))
        for far in (-1e6 * np.sign(X[i]), *(1e6 * CENTRES), *(1e6 * np.eye(4)), 0.0 * X[i]):
            other, heavy = X.copy(), weight.copy()
            other[i], heavy[i] = far, 1e6
            moved.append(np.linalg.norm(whole - total(stat, args, other, heavy)))
    assert max(moved) <= bound * (1 + 1e-9)
    assert max(moved) > 0.7 * bound, "the bound is not much larger than what can happen"


@pytest.mark.parametrize(("stat", "args"), SUMS, ids=["clusters", "moments"])
def test_weight_0_is_absent_a_weight_above_1_counts_once_and_csr_is_dense(stat, args):
    X, weight = rows(3)
    X[np.random.default_rng(4).random(X.shape) < 0.5] = 0.0
    args, there = args(1.0), weight > 0
    whole = total(stat, args, X, weight)
    for other in ((X[there], weight[there]), (X, np.minimum(weight, 1)), (csr_array(X), weight)):
        np.testing.assert_allclose(whole, total(stat, args, *other), atol=1e-12)
    bad = np.array([[np.nan, 1, 1, 1], [np.inf, 1, 1, 1]])
    more = total(stat, args, np.vstack([X, bad]), np.append(weight, [1.0, 1.0]))
    np.testing.assert_allclose(whole, more, atol=1e-12)


def test_the_noise_of_sums_is_normal_with_the_deviation_that_their_bound_asks_for():
    X, weight = rows(1)
    blocks = LocalBlocks.from_arrays(X, np.zeros(20), weight, dtype="float64")
    for stat, args, bound in (
        (clipped_clusters, (Centres.of([CENTRES], False), 0.7), 1.4),
        (clipped_moments, (0.7,), 0.7 * 6**0.5),
    ):
        noisy, exact = NoisyBlocks(blocks, Noise(3.0, 200, seeded(7))), total(stat, args, X, weight)
        drawn = [np.concatenate([np.ravel(f) for f in noisy.sum(stat, *args)]) - exact for _ in range(200)]
        assert stats.kstest(np.ravel(drawn) / (3.0 * bound), "norm").pvalue > 1e-3, "seeded: it always is, or never"


def test_moments_of_rows_within_the_ball_are_their_mean_and_deviation():
    X = np.random.default_rng(2).normal(3.0, 2.0, (500, 4))
    found = LocalBlocks.from_arrays(X, np.zeros(500), dtype="float64").sum(clipped_moments, 100.0)
    mean, deviation = mean_and_deviation(found, 100.0)
    np.testing.assert_allclose(mean, X.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(deviation, X.std(axis=0), rtol=1e-9)


def blobs():
    X, label = make_blobs(3000, centers=3, n_features=4, random_state=3)
    return X / np.linalg.norm(X, axis=1).max(), label


def fitted(blocks, noise, start=None, iterations=6):
    return fit_with_noise(
        blocks, 3, 1.0, rows=3000, start=start, deviation=2 * noise.multiplier, iterations=iterations, seed=1,
        on_step=lambda passes: None,
    )  # fmt: skip


def test_without_noise_it_is_lloyds_algorithm():
    X, _ = blobs()
    start = X[:3]
    blocks = LocalBlocks.from_arrays(X, np.zeros(len(X)), dtype="float64")
    found = fitted(NoisyBlocks(blocks, Noise(0.0, 50, np.zeros)), Noise(0.0, 50), start, 50)
    lloyd = Sklearn(3, init=start, n_init=1, max_iter=300, tol=0).fit(X)
    np.testing.assert_allclose(found.centres, lloyd.cluster_centers_, rtol=1e-6)
    np.testing.assert_allclose(found.sizes, np.bincount(lloyd.labels_), rtol=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_clusters_far_apart_are_found_with_little_privacy_spent(seed):
    """Of seeded noise and draws, so that the outcome is always the same. Some starts end in a poorer optimum."""
    X, label = blobs()
    blocks = LocalBlocks.from_arrays(X, np.zeros(len(X)), dtype="float64")
    best = Sklearn(3, n_init=10, random_state=0).fit(X).inertia_
    of_each = np.stack([X[label == c][0] for c in range(3)])
    for start, most in ((of_each, 1.1 * best), (None, 0.7 * np.square(X - X.mean(axis=0)).sum())):
        noise = Noise(noise_multiplier(3.0, 1e-6, 7), 7, seeded(seed))
        found = fitted(NoisyBlocks(blocks, noise), noise, start)
        cost = np.square(X[:, None] - found.centres[None]).sum(axis=2).min(axis=1).sum()
        assert cost < most
    assert abs(found.sizes.sum() - 3000) < 300


class Unread:
    """Blocks as those of Spark: how many features there are is known after the first pass."""

    def __init__(self, blocks):
        self.blocks = blocks

    def __getattr__(self, name):
        return getattr(self.blocks, name)

    @property
    def features(self):
        return self.blocks.features if self.blocks.passes else 0


def estimated(estimator, checkpoint=None):
    blocks = estimator.with_noise(Unread(LocalBlocks.from_arrays(*blobs())))
    blocks = checkpoint.over(blocks) if checkpoint else blocks
    return estimator.build_model(estimator.fit_batch(blocks, [estimator]), list(blocks.passes))


@pytest.mark.parametrize("more", [{}, {"initialCenters": [[0.1] * 4, [0.2] * 4, [-0.1] * 4]}], ids=["drawn", "given"])
def test_a_private_model_says_what_it_has_spent(tmp_path, more):
    seen = []
    model = estimated(KMeans(**PRIVATE, **more).watch(seen.append))
    told = model.training_summary.to_dict()
    assert told["epsilon"] == pytest.approx(3.0, rel=1e-6)
    assert (told["k"], told["iterations"], len(told["cluster_sizes"])) == (3, 6, 3)
    assert "training_cost" not in told
    assert [chart.title for chart in model.training_summary.charts()] == ["Cluster sizes, k = 3"]
    spent = [each.figures["epsilon spent"] for each in seen]
    assert spent == sorted(spent)
    assert spent[-1] == told["epsilon"]
    names = [each.name for each in model.training_summary.passes]
    assert names == ["row_count", *([] if more else ["clipped_moments"]), *["clipped_clusters"] * 6]
    fill(model, tmp_path / "model")
    assert load(str(tmp_path / "model")).privacy == model.numpy_model.privacy
    facts = json.loads((tmp_path / "model/model.json").read_text())["facts"]
    assert facts["privacy"]["epsilon"] == told["epsilon"]
    assert not np.array_equal(estimated(KMeans(**PRIVATE, **more)).numpy_model.centres, model.numpy_model.centres)


def test_a_resumed_fit_has_the_noise_of_the_passes_before(tmp_path):
    class Stopped(Exception):
        pass

    def stop(progress):
        if progress.iteration == 4:
            raise Stopped

    def checkpoint():
        return Checkpoint(str(tmp_path / "checkpoint"), "job", every=1, resume=True)

    estimator = KMeans(**PRIVATE)
    with pytest.raises(Stopped):
        estimated(estimator.copy().watch(stop), checkpoint())
    before = [entry.answer for entry in checkpoint().known]
    model = estimated(estimator, checkpoint())
    after = [entry.answer for entry in checkpoint().known]
    assert (len(before), len(after)) == (5, 8)
    for one, other in zip(before[1:], after[1:5], strict=True):
        np.testing.assert_array_equal(one.total, other.total)
    np.testing.assert_array_equal(estimated(estimator, checkpoint()).numpy_model.centres, model.numpy_model.centres)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (PRIVATE | {"privacyEpsilon": None}, "solver dplloyd spends a privacy budget: set privacyEpsilon"),
        (PRIVATE | {"k": [2, 3]}, "to choose from several would look at the rows"),
        (PRIVATE | {"maxIter": 0}, "raise maxIter"),
        (PRIVATE | {"nInit": 2}, "solver dplloyd reads no nInit"),
        (PRIVATE | {"distanceMeasure": "cosine"}, "solver dplloyd reads no distanceMeasure"),
        (PRIVATE | {"initialCenters": [[0.0], [1.0], [2.0]]}, r"of shape \(3, 1\): they must be \(k, 4\)"),
        ({"k": 3, "privacyEpsilon": 1.0}, "solver auto reads no privacyEpsilon: leave it out, or use dplloyd"),
        ({"k": 3, "clip": 2.0}, "solver auto reads no clip"),
    ],
)
def test_a_private_fit_that_would_not_be_one_is_refused(params, message):
    with pytest.raises(InputError, match=message):
        estimated(KMeans(**params))


def test_blocks_without_noise_and_batches_are_refused():
    estimator, blocks = KMeans(**PRIVATE), LocalBlocks.from_arrays(*blobs())
    for given, trials in ((blocks, [estimator]), (estimator.with_noise(blocks), [estimator, estimator])):
        with pytest.raises(InputError, match="without noise"):
            estimator.fit_batch(given, trials)
    assert blocks.passes == []
