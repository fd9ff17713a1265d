"""Laws of the k-means statistics: exact assignment, sums that do not depend on the cut, steps that never lose."""

import gc
import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array

from treefold.algorithms.kmeans import KMeansModel, Start, best_of, fit
from treefold.algorithms.kmeans.centres import Centres, Scoring, assigned
from treefold.algorithms.kmeans.clusters import Batch, clusters
from treefold.algorithms.kmeans.silhouette import groups, silhouettes
from treefold.dataset.block import Block
from treefold.dataset.blocks import WidenedStatistic, add
from treefold.dataset.reduction import BlockReduction
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError

RNG = np.random.default_rng(3)
X = np.concatenate([RNG.normal(c, 1, (110, 4)) for c in (-4, 0, 5)])[RNG.permutation(330)]
WEIGHT = RNG.integers(0, 4, 330).astype(float)
STARTS = ["random", "k-means++", "k-means||"]


def block(X, weight=None, dtype="float64") -> Block:
    rows = csr_array(X, dtype=dtype) if isinstance(X, csr_array) else np.asarray(X, dtype)
    n = rows.shape[0]
    return Block(rows, np.zeros(n, dtype), np.ones(n, dtype) if weight is None else np.asarray(weight, dtype), 0)


def brute(X, centres):
    """Labels and squared distances in float64, centre by centre."""
    X = np.asarray(X, np.float64)
    distance = np.stack([np.square(X - c).sum(axis=1) for c in centres])
    return distance.argmin(axis=0), distance.min(axis=0)


def labels(X, centres, cosine=False):
    parts = list(assigned(X, Centres.of([centres], cosine)))
    return np.concatenate([p.label[0] for p in parts]), np.concatenate([p.distance[0] for p in parts])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6])
@pytest.mark.parametrize(
    ("rows", "features", "k"), [(500, 1, 3), (500, 3, 1), (300, 100, 20), (40, 10_000, 7), (200, 30, 1000)]
)
def test_assignment_is_that_of_exact_distances(rows, features, k, offset, dtype):
    rng = np.random.default_rng(features)
    data = (rng.standard_normal((rows, features)) + offset).astype(dtype)
    centres = data[rng.integers(0, rows, k)] + rng.standard_normal((k, features)) / 10
    label, distance = labels(data, centres)
    expected, least = brute(data, centres)
    assert (label == expected).all()
    np.testing.assert_allclose(distance, least, rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-30, 1e25, 1e36])
def test_assignment_survives_products_that_overflow(scale):
    data = (RNG.standard_normal((300, 5)) * scale).astype("float32")
    centres = data[:9].astype(float)
    assert (labels(data, centres)[0] == brute(data, centres)[0]).all()


def test_ties_go_to_the_first_centre():
    centres = np.repeat(X[:3], 3, axis=0)
    assert set(labels(X.astype("f4"), centres)[0]) <= {0, 3, 6}


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_row_that_is_its_centre_has_distance_0(sparse, dtype):
    data = (RNG.standard_normal((64, 50)) * (RNG.random((64, 50)) < 0.2) * 1e5).astype(dtype)
    label, distance = labels(csr_array(data) if sparse else data, data.astype(float))
    assert (distance == 0).all()
    assert (data[label] == data).all()


@pytest.mark.parametrize("cosine", [False, True])
def test_sums_are_the_same_for_any_split_and_reader(engine, cosine):
    centres = Centres.of([X[:3], X[5:10]], cosine)
    total = engine(X, np.zeros(330), WEIGHT).sum(clusters, centres)
    rows = X / np.linalg.norm(X, axis=1, keepdims=True) if cosine else X
    for mine in centres.slices:
        label, distance = brute(rows, centres.at[mine])
        for j, c in enumerate(centres.at[mine]):
            own = (label == j) & (WEIGHT > 0)
            w = WEIGHT[own]
            at = mine.start + j
            np.testing.assert_allclose(total.residual[at], w @ (rows[own] - c), atol=1e-10)
            np.testing.assert_allclose(total.cost[at], w @ distance[own], rtol=1e-12, atol=1e-12)
            assert (total.weight[at], total.rows[at]) == (w.sum(), own.sum())


@pytest.mark.parametrize("cosine", [False, True])
def test_csr_equals_dense(cosine):
    data = X * (RNG.random(X.shape) < 0.6) + np.eye(330, 4)
    data[data.sum(axis=1) == 0, 0] = 1
    centres = Centres.of([data[:3], data[7:16]], cosine)
    dense, sparse = block(data, WEIGHT), block(csr_array(data), WEIGHT)
    a, b = clusters(dense, centres), clusters(sparse, centres)
    for left, right in zip(a, b, strict=True):
        np.testing.assert_allclose(left, right, atol=1e-9)
    for left, right in zip(
        silhouettes(dense, centres, groups(centres, a)), silhouettes(sparse, centres, groups(centres, a)), strict=True
    ):
        np.testing.assert_allclose(left, right, rtol=1e-9)
    assert (
        KMeansModel(centres.models()[1], cosine).predict(data)
        == KMeansModel(centres.models()[1], cosine).predict(csr_array(data))
    ).all()


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("cosine", [False, True])
def test_a_fit_is_the_same_through_every_engine(every_engine, start, cosine):
    def bits(blocks):
        trials = fit(blocks, [2, 4], restarts=2, start_by=Start(start), cosine=cosine, seed=5)
        return [(t.costs, t.centres) for some in trials for t in some]

    mine = bits(every_engine(X, np.zeros(330), WEIGHT))
    for (costs, centres), (others, theirs) in zip(
        mine, bits(LocalBlocks.from_arrays(X, weight=WEIGHT, dtype="float64")), strict=True
    ):
        np.testing.assert_allclose(costs, others, rtol=1e-12)
        np.testing.assert_allclose(centres, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("start", STARTS)
def test_a_model_fitted_in_a_batch_has_the_bits_of_one_fitted_alone(small_blocks, start):
    blocks = LocalBlocks.from_arrays(X.astype("f4"), weight=WEIGHT)
    together = fit(blocks, [2, 3, 7], restarts=3, start_by=Start(start))
    for k, trials in zip([2, 3, 7], together, strict=True):
        alone = fit(blocks, [k], restarts=2, start_by=Start(start))[0]
        for one, same in zip(alone, trials, strict=False):
            assert one.costs == same.costs
            assert (one.centres == same.centres).all()


@pytest.mark.parametrize("cosine", [False, True])
@pytest.mark.parametrize("batch_rows", [None, 100])
def test_weight_2_is_the_row_twice_and_weight_0_is_absent(cosine, batch_rows):
    centres = [X[[0, 50, 100]]]
    options = {"start_by": centres, "cosine": cosine, "max_iter": 4, "tol": 0.0}
    weighted = fit(LocalBlocks.from_arrays(X, weight=WEIGHT, dtype="float64"), [3], **options)[0][0]
    twice = np.repeat(X, WEIGHT.astype(int), axis=0)
    repeated = fit(LocalBlocks.from_arrays(twice, dtype="float64"), [3], **options)[0][0]
    np.testing.assert_allclose(weighted.centres, repeated.centres, rtol=1e-10)
    np.testing.assert_allclose(weighted.costs, repeated.costs, rtol=1e-10)
    if batch_rows:  # rows of weight 0 neither count nor pull, whatever batch they are in
        spoiled = np.where(WEIGHT[:, None] > 0, X, 1e6)
        a, b = (
            fit(LocalBlocks.from_arrays(data, weight=WEIGHT, dtype="float64"), [3], batch_rows=batch_rows, **options)
            for data in (X, spoiled)
        )
        assert (a[0][0].centres == b[0][0].centres).all()


@pytest.mark.parametrize("start", STARTS)
def test_rows_of_weight_0_are_never_drawn(start):
    weight = np.where(np.arange(330) < 300, 0.0, 1.0)
    spoiled = np.where(weight[:, None] > 0, X, 1e6)
    blocks = LocalBlocks.from_arrays(spoiled, weight=weight)
    for seed in range(5):
        trial = fit(blocks, [4], start_by=Start(start), max_iter=0, seed=seed)[0][0]
        assert trial.centres.max() < 1e3
        assert trial.rows.sum() == 30


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cosine", [False, True])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_cost_never_rises(dtype, cosine, offset):
    rng = np.random.default_rng(8)
    data = rng.standard_normal((2000, 6)) + offset
    blocks = LocalBlocks.from_arrays(data, weight=rng.uniform(0, 3, 2000), dtype=dtype)
    for trials in fit(blocks, [2, 5, 40], restarts=2, cosine=cosine, start_by=Start("random"), max_iter=60, tol=0.0):
        for trial in trials:
            costs = np.array(trial.costs)
            assert (np.diff(costs) <= 1e-12 * costs[:-1] + 1e-13 * 2000).all()
            assert costs[-1] < costs[0]


def test_kmeans_plus_plus_draws_by_squared_distance():
    data = np.array([[0.0], [1.0], [3.0]])
    blocks, second = LocalBlocks.from_arrays(data, dtype="float64"), np.zeros(3)
    for trial in fit(blocks, [2], restarts=600, start_by=Start("k-means++"), max_iter=0)[0]:
        if trial.centres[0, 0] == 0.0:
            second[data[:, 0] == trial.centres[1, 0]] += 1
    np.testing.assert_allclose(second / second.sum(), [0, 0.1, 0.9], atol=0.06)  # by distance: 0.25


def test_more_rounds_and_more_oversampling_make_better_starts_on_average():
    rng = np.random.default_rng(0)
    data = np.concatenate([rng.normal(c, 0.1, (20, 2)) for c in rng.uniform(-50, 50, (50, 2))])
    blocks = LocalBlocks.from_arrays(data)

    def mean_start(start):
        return np.mean([t.costs[0] for t in fit(blocks, [50], restarts=10, start_by=start, max_iter=0)[0]])

    none, few, more = (mean_start(Start("k-means||", r, o)) for r, o in ((1, 0.5), (2, 2.0), (5, 4.0)))
    assert none > few > more
    assert mean_start(Start("random")) > few


CORNERS = {
    "one row": (X[:1], 3),
    "identical rows": (np.repeat(X[:1], 70, axis=0), 3),
    "as many centres as distinct rows": (np.repeat(X[:5], 20, axis=0), 5),
    "more centres than distinct rows": (np.repeat(X[:5], 20, axis=0), 8),
    "k = 1": (X, 1),
    "one feature": (X[:, :1], 3),
    "as many centres as rows": (X, 330),
    "10,000 features": (np.tile(X[:70], 2500), 4),
}


@pytest.mark.parametrize("corner", CORNERS)
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("cosine", [False, True])
def test_corner_cases(corner, start, cosine):
    data, k = CORNERS[corner]
    trial = fit(LocalBlocks.from_arrays(data), [k], start_by=Start(start), cosine=cosine, max_iter=30)[0][0]
    assert trial.centres.shape == (k, data.shape[1])
    assert np.isfinite(trial.centres).all()
    assert trial.rows.sum() == len(data)
    label = KMeansModel(trial.centres, cosine).predict(data)
    distinct = len(np.unique(data.astype("f4"), axis=0))
    if distinct <= k:
        assert trial.cost == pytest.approx(0, abs=1e-12)
        assert len(np.unique(label)) == distinct


def test_an_empty_cluster_gets_the_farthest_row():
    data = np.concatenate([np.zeros((50, 2)), np.ones((50, 2)), [[9.0, 9.0]]])
    start = np.array([[0.0, 0.0], [1.0, 1.0], [500.0, 500.0], [400.0, 400.0]])
    trial = fit(LocalBlocks.from_arrays(data), [4], start_by=[start], max_iter=20, tol=0)[0][0]
    assert trial.cost == 0
    assert sorted(trial.rows) == [0, 1, 50, 50]


def test_mini_batches_deal_out_every_row_once_an_epoch():
    parts = [clusters(block(X, WEIGHT), Centres.of([X[:2]], False), Batch(i, 7, 99)) for i in range(7)]
    whole = clusters(block(X, WEIGHT), Centres.of([X[:2]], False))
    assert sum(p.rows.sum() for p in parts) == whole.rows.sum()
    np.testing.assert_allclose(sum(p.residual for p in parts), whole.residual, atol=1e-9)
    assert max(p.rows.sum() for p in parts) < 2 * min(p.rows.sum() for p in parts)


def test_a_mini_batch_step_is_sculleys():
    from treefold.dataset.random import splitmix64, substream

    start, batches, seed = X[:3].copy(), 4, 11
    blocks = LocalBlocks.from_arrays(X, dtype="float64")
    trial = fit(blocks, [3], start_by=[start], batch_rows=-(-330 // batches), max_iter=6, tol=0, seed=seed)[0][0]
    centres, seen = start.copy(), np.zeros(3)
    for t in range(6):
        hashed = splitmix64(np.arange(330, dtype=np.uint64), substream(substream(seed, -1), t // batches))
        rows = X[hashed % np.uint64(batches) == t % batches]
        label = brute(rows, centres)[0]
        for row, j in zip(rows, label, strict=True):
            seen[j] += 1
            centres[j] += (row - centres[j]) / seen[j]
    np.testing.assert_allclose(trial.centres, centres, rtol=1e-9)
    assert trial.cost == pytest.approx(brute(X, centres)[1].sum())


def test_mini_batches_come_near_lloyds_cost():
    rng = np.random.default_rng(4)
    data = np.concatenate([rng.normal(c, 1, (500, 3)) for c in (-6, 0, 6)])[rng.permutation(1500)]
    blocks = LocalBlocks.from_arrays(data)
    lloyd = best_of(fit(blocks, [3], restarts=3, max_iter=100)[0])
    batched = best_of(fit(blocks, [3], restarts=3, batch_rows=100, max_iter=30)[0])
    assert batched.cost < 1.02 * lloyd.cost


def test_bad_input_is_named():
    blocks = LocalBlocks.from_arrays(np.concatenate([X, np.zeros((1, 4))]))
    with pytest.raises(InputError, match="row 330 is all zeros and has no direction"):
        fit(blocks, [2], cosine=True)
    with pytest.raises(InputError, match="every row has weight 0"):
        fit(LocalBlocks.from_arrays(X, weight=np.zeros(330)), [2])
    with pytest.raises(InputError, match=r"shape \(2, 3\): they must be finite, \(k, 4\)"):
        fit(blocks, [2], start_by=[np.ones((2, 3))])
    with pytest.raises(InputError, match="takes rows of 4 features"):
        KMeansModel(X[:2]).predict(X[:, :3])
    weightless = LocalBlocks.from_arrays(np.concatenate([X, np.zeros((1, 4))]), weight=np.append(np.ones(330), 0))
    assert fit(weightless, [2], cosine=True)[0][0].rows.sum() == 330


def test_a_row_with_nan_belongs_nowhere():
    rows = np.array([[np.nan, 0, 0, 0], X[0], [0, 0, 0, 0]])
    made = KMeansModel(X[:2]).outputs(rows)
    assert (made["prediction"][0], made["prediction"][1]) == (-1, 0)
    assert np.isnan(made["distance"][0])
    assert made["distance"][1] == 0
    unit = X[:2] / np.linalg.norm(X[:2], axis=1, keepdims=True)
    assert list(KMeansModel(unit, cosine=True).predict(rows)) == [-1, 0, -1]


def test_a_worker_keeps_no_centres_from_pass_to_pass():
    """A pass is unpickled in the worker, so its centres are new objects even where they have not moved."""
    for iteration in range(3):
        centres = Centres.of([X[iteration : iteration + 5], X[iteration : iteration + 3]], False)
        work = pickle.loads(pickle.dumps(BlockReduction(WidenedStatistic(clusters), (centres,), add)))
        assert work.nodes(enumerate([block(X, WEIGHT), block(X[:7]), block(csr_array(X))]))
        del work
        gc.collect()
        assert [found for found in gc.get_objects() if isinstance(found, Scoring)] == []
