"""Mini-batches of perceptrons: lanes, steps that are scikit-learn's, dropout, early stopping, divergence."""

import warnings
from itertools import pairwise

import numpy as np
import pytest

from rows import ragged
from treefold.algorithms import perceptron
from treefold.algorithms.perceptron import Layers, MiniBatches, Network
from treefold.algorithms.perceptron.local_epoch import Steps, lane_epochs
from treefold.algorithms.perceptron.losses import CrossEntropy, Squared
from treefold.algorithms.perceptron.minibatch import lane_gradients
from treefold.algorithms.perceptron.network import Dropout
from treefold.algorithms.perceptron.objective import objective
from treefold.dataset.block import Block
from treefold.dataset.csr import as_csr
from treefold.dataset.folds import Fold
from treefold.dataset.lanes import Lanes, lane_count, lane_cuts, lanes_of, merge_lanes
from treefold.dataset.minibatch import MiniBatch, gathered
from treefold.dataset.splits import Given, Hashed, Part, Shared, stratified
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.engine.reading.partitioning import block_runs
from treefold.optim.fused_updates import FusedAdam, FusedMomentum
from treefold.optim.status import DIVERGED, HALTED, MAX_ITER
from treefold.optim.update_rules import Adam, Momentum

RNG = np.random.default_rng(41)
ROWS = 600
X = RNG.standard_normal((ROWS, 5))
SCORE = X[:, 0] ** 2 - X[:, 1] * X[:, 2] + 0.2 * RNG.standard_normal(ROWS)
LABEL = np.digitize(SCORE, [0.2, 1.2]) * 1.0
WEIGHT = RNG.integers(0, 3, ROWS) * 1.0
NET = Network(Layers((5, 8, 3)), "relu", CrossEntropy())
CUTS = [64 * i for i in range(1, 10)]


def start(models=1, net=NET):
    return np.stack([net.layers.drawn(seed, net.activation) for seed in range(models)])


def test_lanes_are_as_many_as_the_rows_of_a_mini_batch_are_worth():
    assert [lane_count(rows) for rows in (1, 255, 512, 1024, 1500, 10**6)] == [1, 1, 2, 4, 4, 64]
    assert lane_cuts(10, 4) == [0, 2, 5, 8, 10]
    assert lane_cuts(3, 8) == [0, 1, 2, 3]


@pytest.mark.parametrize("tasks", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("lanes", [1, 4, 8])
def test_tasks_own_whole_lanes(tasks, lanes):
    runs = block_runs(6400, 64, tasks, lanes=lanes)
    cuts = lane_cuts(100, lanes)
    assert [first for first, _ in runs] + [100] == sorted({first for first, _ in runs} | {100})
    assert {edge for run in runs for edge in run} <= set(cuts)
    assert len(runs) == min(tasks, lanes)


def batch_of(blocks, lanes, step=0, steps=5, **others):
    return MiniBatch(lanes_of(blocks, lanes), 3, 2, step, steps, **others)


@pytest.mark.parametrize("lanes", [1, 3, 4])
def test_an_epoch_takes_every_row_once_and_any_cut_into_tasks_has_the_same_bits(lanes):
    blocks = ragged(X, LABEL, WEIGHT, CUTS, "float64")
    seen = []
    for step in range(5):
        batch = batch_of(blocks, lanes, step)
        whole = blocks.reduce_tasks(lane_gradients, batch, start(2), NET, merge=merge_lanes)
        for cuts in ([0, lanes], range(lanes + 1)):
            starts = [*batch.lanes.starts, ROWS]
            tasks = [
                [b for b in blocks.blocks if starts[first] <= b.id < starts[last]]
                for first, last in zip(list(cuts)[:-1], list(cuts)[1:], strict=True)
            ]
            parts = [lane_gradients(task, batch, start(2), NET) for task in reversed(tasks)]
            merged = parts[0]
            for part in parts[1:]:
                merged = merge_lanes(part, merged)
            np.testing.assert_array_equal(merged.total.gradient, whole.total.gradient)
        for lane, group in batch.lanes.split(blocks.blocks):
            rows = gathered(group, batch, lane)
            np.testing.assert_array_equal(rows.block.X, X[rows.position])
            np.testing.assert_array_equal(rows.block.y, LABEL[rows.position])
            np.testing.assert_array_equal(rows.block.weight, WEIGHT[rows.position])
            seen.append(rows.position)
    np.testing.assert_array_equal(np.sort(np.concatenate(seen)), np.arange(ROWS))


def test_the_sum_of_all_steps_is_the_objective_of_all_rows_dense_and_csr():
    blocks, flat = ragged(X, LABEL, WEIGHT, CUTS, "float64"), start(2)
    wanted = blocks.sum(objective, flat, NET)
    sparse = LocalBlocks([block._replace(X=as_csr(block.X, np.float64)) for block in blocks.blocks])
    for rows in (blocks, sparse):
        parts = [
            rows.reduce_tasks(lane_gradients, batch_of(rows, 3, step), flat, NET, merge=merge_lanes).total
            for step in range(5)
        ]
        np.testing.assert_allclose(sum(part.gradient for part in parts), wanted.gradient, rtol=1e-9, atol=1e-9)
        assert sum(part.weight for part in parts) == pytest.approx(wanted.weight)


def test_rows_held_out_and_class_factors_count_in_the_sums():
    held = (RNG.random(ROWS) < 0.3) * 1.0
    blocks = LocalBlocks.from_arrays(X, LABEL, WEIGHT, extra=[held], dtype="float64")
    factors = np.array([0.5, 2.0, 3.0])
    for split in (Given(), Shared(0.3, 5)):
        batch = batch_of(blocks, 1, 0, 1, parts=(Part(split, 1, inside=False),))
        found = blocks.reduce_tasks(lane_gradients, batch, start(), NET, factors, merge=merge_lanes).total
        out = np.concatenate([split.fold_of(block) for block in blocks.blocks])
        rest = LocalBlocks.from_arrays(X, LABEL, WEIGHT * (out == 0), dtype="float64")
        wanted = rest.sum(objective, start(), NET, factors)
        np.testing.assert_allclose(found.gradient, wanted.gradient, rtol=1e-9, atol=1e-9)
        assert found.weight == pytest.approx(wanted.weight)


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("kind", ["given", "hashed", "shared", "stratified"])
def test_a_mini_batch_of_a_fold_is_that_of_rows_whose_other_weights_are_0(kind, inside, weighted):
    fold = RNG.integers(0, 3, ROWS) * 1.0
    parts = [slice(first, last) for first, last in pairwise([0, *CUTS, ROWS])]
    rows = [Block(X[part], LABEL[part], WEIGHT[part], part.start, (fold[part],)) for part in parts]
    blocks = LocalBlocks(rows)
    split = {"given": Given(), "hashed": Hashed(3, 1), "shared": Shared(0.4, 2)}.get(kind) or stratified(blocks, 3, 4)
    kept = [(split.fold_of(block) == 1) == inside for block in rows]
    other = LocalBlocks([
        block._replace(weight=np.where(mine, block.weight if weighted else 1.0, 0.0))
        for block, mine in zip(rows, kept, strict=True)
    ])  # fmt: skip
    batch = batch_of(blocks, 3, 2)
    args = (lane_gradients, batch, start(2), NET)
    found = Fold(blocks, split, 1, inside, weighted).reduce_tasks(*args, merge=merge_lanes).total
    wanted = other.reduce_tasks(*args, merge=merge_lanes).total
    np.testing.assert_array_equal(found.gradient, wanted.gradient)
    assert found.weight == wanted.weight > 0


def test_a_lane_that_is_cut_is_refused():
    blocks = ragged(X, LABEL, WEIGHT, CUTS, "float64")
    with pytest.raises(RuntimeError, match="lane 0 is cut between tasks"):
        lane_gradients(blocks.blocks[:2], batch_of(blocks, 2), start(), NET)
    assert isinstance(lanes_of(blocks, 2), Lanes)


def test_fifty_steps_are_scikit_learns():
    from sklearn.neural_network import MLPClassifier

    blocks = LocalBlocks.from_arrays(X, LABEL, dtype="float64")
    theirs = MLPClassifier((8,), alpha=0.0, learning_rate_init=0.01, batch_size=ROWS)
    flat = start()
    theirs.partial_fit(X, LABEL, classes=[0.0, 1.0, 2.0])
    for (weights, bias), coef, intercept in zip(
        NET.layers.affine(flat[0]), theirs.coefs_, theirs.intercepts_, strict=True
    ):
        coef[:], intercept[:] = weights, bias
    optimizer = theirs._optimizer
    optimizer.t = 0
    for moments in (optimizer.ms, optimizer.vs):
        for one in moments:
            one[:] = 0
    mean, square, x = np.zeros_like(flat[0]), np.zeros_like(flat[0]), flat[0].copy()
    penalised = NET.layers.penalised * 1.0
    for step in range(50):
        batch = batch_of(blocks, 1, step % 5)
        rows = batch.rows_of(0)
        total = blocks.reduce_tasks(lane_gradients, batch, x[None], NET, merge=merge_lanes).total
        FusedAdam()(x, total.gradient[0] / total.weight, mean, square, penalised, 0.0, 0.01, step)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs.set_params(batch_size=len(rows)).partial_fit(X[rows], LABEL[rows])
        assert total.loss[0] / total.weight == pytest.approx(theirs.loss_, rel=1e-5)
    share = theirs.predict_proba(X)[np.arange(ROWS), LABEL.astype(int)]
    assert blocks.sum(objective, x[None], NET).loss[0] / ROWS == pytest.approx(-np.log(share).mean(), rel=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("fused", "rule"),
    [(FusedAdam(), Adam()), (FusedMomentum(0.9), Momentum(0.9)), (FusedMomentum(0.9, True), Momentum(0.9, True))],
    ids=["adam", "momentum", "nesterov"],
)  # fmt: skip
def test_fused_updates_are_the_rules(fused, rule, dtype):
    x = RNG.standard_normal(40).astype(dtype)
    wanted, mean, square = x[None].astype(float), np.zeros((1, 40)), np.zeros((1, 40))
    own = np.zeros_like(x), np.zeros_like(x)
    marks = (np.arange(40) % 2).astype(dtype)
    for t in range(9):
        gradient = RNG.standard_normal(40)
        fused(x, gradient.astype(dtype), *own, marks, 0.1, 0.01, t)
        direction, mean, square = rule.direction(gradient + 0.1 * marks * wanted, mean, square, t)
        wanted = wanted - 0.01 * direction
    np.testing.assert_allclose(x, wanted[0], rtol=1e-4 if dtype == "float32" else 1e-9)


def test_decoupled_decay_shrinks_weights_beside_the_step():
    x, none = np.array([2.0, 2.0]), np.zeros(2)
    FusedAdam(decoupled=True)(x, none, none.copy(), none.copy(), np.array([1.0, 0.0]), 0.5, 0.1, 0)
    np.testing.assert_allclose(x, [2.0 - 0.1 * 0.5 * 2.0, 2.0])


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh", "identity"])
def test_dropout_has_the_gradient_of_differences_and_leaves_out_its_share(activation):
    net = Network(Layers((5, 6, 4, 1)), activation, Squared())
    flat = RNG.standard_normal(net.layers.size) * 0.5
    keys = RNG.integers(0, 2**63, 50).astype(np.uint64)
    some, target, weight = X[:50], SCORE[:50, None], np.ones(50)

    def value(at):
        return net.gradient(some, target, weight, at, np.empty_like(at), Dropout(0.4, keys))

    found = np.empty_like(flat)
    net.gradient(some, target, weight, flat, found, Dropout(0.4, keys))
    for number in range(net.layers.size):
        move = np.zeros_like(flat)
        move[number] = 1e-6
        assert found[number] == pytest.approx((value(flat + move) - value(flat - move)) / 2e-6, rel=1e-5, abs=1e-5)
    ones = np.ones((4000, 10))
    Dropout(0.4, np.arange(4000).astype(np.uint64) * np.uint64(7919)).apply(ones, 0)
    assert (ones == 0).mean() == pytest.approx(0.4, abs=0.01)
    assert ones.max() == pytest.approx(1 / 0.6)
    other = np.ones((4000, 10))
    Dropout(0.4, np.arange(4000).astype(np.uint64) * np.uint64(7919)).apply(other, 1)
    assert not np.array_equal(ones, other)


HOW = MiniBatches(100, 2, 0.02, epochs=12, dtype="float64")


@pytest.mark.parametrize("schedule", ["constant", "invscaling", "adaptive", "onecycle"])
@pytest.mark.parametrize("update", [FusedAdam(), FusedMomentum()], ids=["adam", "momentum"])
def test_epochs_lower_the_objective_of_all_rows(schedule, update):
    blocks = ragged(X, LABEL, WEIGHT, CUTS, "float64")
    how = HOW._replace(schedule=schedule, update=update, step_size=0.2)
    found = perceptron.fit(blocks, NET, start(), ridge=1e-4, solver=how, max_iter=12)
    (history,) = found.objective
    assert found.status.tolist() == [MAX_ITER]
    assert found.iterations.tolist() == [12] == [len(history) - 1]
    assert history[-1] < 0.85 * history[0]
    measured = blocks.sum(objective, found.weights, NET)
    penalty = 0.5e-4 * ((found.weights * NET.layers.penalised) ** 2).sum()
    assert history[-1] == pytest.approx(measured.loss[0] / measured.weight + penalty)


def test_a_batch_is_its_models_alone_and_one_that_diverges_does_not_touch_the_others():
    blocks = ragged(X, LABEL, WEIGHT, CUTS, "float64")
    how = HOW._replace(step_size=np.array([0.02, 1e300, 0.05]), update=FusedMomentum())
    with np.errstate(all="ignore"):
        batch = perceptron.fit(blocks, NET, start(3), ridge=[0.0, 0.0, 0.1], solver=how, max_iter=3)
    assert batch.status.tolist() == [MAX_ITER, DIVERGED, MAX_ITER]
    for m, (rate, ridge) in {0: (0.02, 0.0), 2: (0.05, 0.1)}.items():
        alone = perceptron.fit(
            blocks, NET, start(3)[m : m + 1], ridge=ridge, solver=how._replace(step_size=rate), max_iter=3
        )
        np.testing.assert_array_equal(alone.weights[0], batch.weights[m])


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_rows_held_out_end_a_fit_at_its_best_epoch(dropout):
    blocks = ragged(X, LABEL, WEIGHT, CUTS, "float64")
    how = HOW._replace(epochs=200, step_size=0.1, dropout=dropout)
    found = perceptron.fit(blocks, NET, start(), solver=how, max_iter=200, validation=Shared(0.3, 1), patience=3)
    (history,) = found.held
    assert found.status.tolist() == [HALTED]
    assert len(history) == int(np.argmin(history)) + 1 + 3
    again = perceptron.fit(blocks, NET, start(), solver=how, max_iter=200, validation=Shared(0.3, 1), patience=3)
    np.testing.assert_array_equal(again.weights, found.weights)
    other = perceptron.fit(
        blocks, NET, start(), solver=how._replace(seed=1), max_iter=200, validation=Shared(0.3, 1), patience=3
    )
    assert not np.array_equal(other.weights, found.weights)


@pytest.mark.parametrize("update", [FusedAdam(), FusedMomentum(0.9, True)], ids=["adam", "nesterov"])
def test_local_descent_of_one_lane_is_that_of_its_mini_batches(update):
    blocks = ragged(X, LABEL, WEIGHT, CUTS, "float64")
    one = HOW._replace(lanes=1, update=update, schedule="onecycle")
    fits = [
        perceptron.fit(blocks, NET, start(2), ridge=[0.0, 0.1], solver=one._replace(local=local), max_iter=3)
        for local in (False, True)
    ]
    np.testing.assert_allclose(fits[0].weights, fits[1].weights, rtol=1e-9)
    assert fits[0].objective[0] == pytest.approx(fits[1].objective[0])


def test_local_descent_averages_weights_and_moments_by_weight_and_moves_on_slowly():
    blocks = ragged(X, LABEL, WEIGHT, CUTS, "float64")
    batch = batch_of(blocks, 3, steps=4)
    steps = Steps(FusedAdam(), np.full((4, 1), 0.05), np.zeros(1), 0)
    none = np.zeros_like(start())
    tasks = [
        [b for b in blocks.blocks if first <= b.id < last] for first, last in pairwise([*batch.lanes.starts, ROWS])
    ]
    ends = [lane_epochs(task, batch, start(), none, none, steps, NET).total for task in tasks]
    total = blocks.reduce_tasks(lane_epochs, batch, start(), none, none, steps, NET, merge=merge_lanes).total
    for field in ("x", "mean", "square", "weight"):
        np.testing.assert_allclose(getattr(total, field), sum(getattr(end, field) for end in ends), rtol=1e-12)
    assert total.weight == WEIGHT.sum()
    local = HOW._replace(local=True, lanes=4, rows=20)
    plain, slow = (
        perceptron.fit(blocks, NET, start(), solver=local._replace(slow=slow), max_iter=12).objective[0]
        for slow in (0.0, 0.5)
    )
    assert plain[-1] < 0.85 * plain[0]
    assert (slow[1], slow[2]) == (plain[1], plain[2])  # the first move is that of the average alone
    assert slow[3] != plain[3]
    assert slow[-1] < 0.85 * slow[0]


def test_sorted_labels_do_not_ruin_the_steps():
    order = np.argsort(LABEL, kind="stable")
    mixed, rows = ragged(X, LABEL, np.ones(ROWS), CUTS, "float64"), ragged(
        X[order], LABEL[order], np.ones(ROWS), CUTS, "float64"
    )  # fmt: skip
    one, other = (
        perceptron.fit(blocks, NET, start(), solver=HOW, max_iter=12).objective[0][-1] for blocks in (mixed, rows)
    )
    assert other < one * 1.15
