"""FTRL on shards: no bit depends on tasks, repeats or the form of rows; weights are rows; params change the fit."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from rows import ragged
from treefold import ml
from treefold.algorithms.ftrl.fit import FtrlSettings, fit
from treefold.algorithms.ftrl.gradient import Objective, lane_pushes
from treefold.algorithms.ftrl.rule import Ftrl
from treefold.algorithms.linear.losses import logistic
from treefold.dataset.folds import training
from treefold.dataset.lanes import lanes_of, merge_lanes
from treefold.dataset.minibatch import MiniBatch
from treefold.dataset.splits import Given
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.parameters.shard_group import ShardGroup
from treefold.persistence import model_io
from treefold.persistence.checkpointed_blocks import CheckpointedBlocks

RNG = np.random.default_rng(17)
ROWS, FEATURES, LANES = 640, 12, 5
DENSE = RNG.standard_normal((ROWS, FEATURES)) * (RNG.random((ROWS, FEATURES)) < 0.3)
LABEL = (DENSE @ RNG.standard_normal(FEATURES) + RNG.logistic(size=ROWS) * 0.3 > 0.2) * 1.0
WEIGHT = RNG.integers(0, 3, ROWS) * 1.0
CUTS = [64 * i for i in range(1, 10)]
RULE = Ftrl(0.3, 1.0, 1e-3, 1e-2, free=FEATURES)
CLOCKS = 4


def blocks_of(X, y=LABEL, weight=WEIGHT, cuts=CUTS):
    return ragged(X, y, weight, cuts, "float64")


def fitted(blocks, shards=1, rule=RULE, **more):
    how = FtrlSettings(**({"rows": 200, "lanes": LANES, "epochs": 2} | more))
    return fit(blocks, Objective(logistic), ShardGroup.in_process(FEATURES + 1, shards, rule, "float64"), rule, how)


EXPECTED = fitted(blocks_of(csr_array(DENSE)))


def test_dense_rows_have_the_bits_of_sparse_ones():
    np.testing.assert_array_equal(fitted(blocks_of(DENSE)).coef, EXPECTED.coef)


@pytest.mark.parametrize("tasks", [1, 2, 3, 5])
def test_any_tasks_in_any_order_and_repeated_have_the_same_bits(tasks):
    """As Spark runs a pass: whole lanes go to tasks, which may come in any order, and twice."""
    blocks = blocks_of(csr_array(DENSE))
    lanes, values = lanes_of(blocks, LANES), []
    groups = [group for _, group in lanes.split(blocks.blocks)]
    for several in (False, True):
        rule, group = RULE, ShardGroup.in_process(FEATURES + 1, 3, RULE, "float64")
        for clock in range(CLOCKS):
            batch = MiniBatch(lanes, 0, 0, clock, CLOCKS)
            parts = np.array_split(np.arange(LANES), tasks) if several else [np.arange(LANES)]
            sums = None
            for part in RNG.permutation(len(parts)):
                for _ in range(1 + several):
                    mine = [block for lane in parts[part] for block in groups[lane]]
                    found = lane_pushes(mine, batch, clock, group, rule, Objective(logistic))
                sums = found if sums is None else merge_lanes(sums, found)
            group.apply(clock, LANES, rule)
            rule = rule._replace(weight=rule.weight + sums.total.weight)
        values.append((group.values(rule), sums.total))
    np.testing.assert_array_equal(values[0][0], values[1][0])
    assert values[0][1] == values[1][1]


def test_weight_2_is_the_row_twice_and_weight_0_is_no_row():
    whole = {"rows": 10**6, "lanes": 1}
    times = WEIGHT.astype(int)
    weighted = fitted(blocks_of(csr_array(DENSE)), **whole)
    X, y = np.repeat(DENSE, times, axis=0), np.repeat(LABEL, times)
    repeated = fitted(blocks_of(csr_array(X), y, np.ones(len(y)), [64, 128]), **whole)
    np.testing.assert_allclose(weighted.coef, repeated.coef, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(weighted.losses, repeated.losses, rtol=1e-12)


def test_rows_outside_of_a_fold_are_not_seen():
    out = RNG.random(ROWS) < 0.4
    marked = LocalBlocks.from_arrays(csr_array(DENSE), LABEL, WEIGHT, extra=[out], dtype="float64")
    absent = LocalBlocks.from_arrays(csr_array(DENSE), LABEL, np.where(out, 0, WEIGHT), dtype="float64")
    np.testing.assert_array_equal(fitted(training(marked, Given(0), 1)).coef, fitted(absent).coef)


def test_the_progressive_loss_is_of_rows_not_yet_seen():
    first = fitted(blocks_of(csr_array(DENSE)), rows=10**6, epochs=1)
    assert first.losses == pytest.approx([np.log(2)])  # one clock, at coefficients of 0
    noise = fitted(blocks_of(csr_array(DENSE), RNG.integers(0, 2, ROWS) * 1.0), rows=50, lanes=1, epochs=1)
    assert noise.losses[0] > np.log(2) - 0.02
    assert fitted(blocks_of(csr_array(DENSE)), rows=50, lanes=1, epochs=1).losses[0] < 0.62


def test_a_step_of_one_row_is_that_of_mcmahan_et_al():
    """Without penalties, from coefficients of 0: z is the gradient, n its square, and w = -alpha g / (beta + |g|)."""
    blocks = blocks_of(csr_array(DENSE[:1]), LABEL[:1], np.ones(1), [])
    rule = Ftrl(0.3, 2.0, free=FEATURES)
    made = fitted(blocks, rule=rule, rows=1, lanes=1, epochs=1).coef
    g = (0.5 - LABEL[0]) * np.append(DENSE[0], 1)
    np.testing.assert_allclose(made, -0.3 * g / (2 + abs(g)), rtol=1e-14)


def test_a_strong_l1_penalty_leaves_the_intercept_alone():
    made = fitted(blocks_of(csr_array(DENSE)), rule=RULE._replace(lasso=10.0))
    assert made.nonzero == 0
    assert not made.coef[:-1].any()
    assert made.coef[-1] != 0


KINDS = {ml.FTRLClassifier: LABEL, ml.FTRLRegressor: 10 + 3 * LABEL + DENSE[:, 0]}
CHANGES = {
    "updater": "adagrad", "maxIter": 3, "stepSize": 0.5, "beta": 3.0, "regParam": 0.3, "elasticNetParam": 1.0,
    "fitIntercept": False, "batchSize": 64, "seed": 5, "classWeight": "balanced", "loss": "poisson",
}  # fmt: skip
ELSEWHERE = {"featuresCol", "labelCol", "weightCol", "predictionCol", "probabilityCol", "rawPredictionCol", "dtype"}
ELSEWHERE |= {"numTasks", "threshold", "numShards"}


def coef_of(kind, **params):
    estimator = kind(**{"regParam": 0.01, "batchSize": 200} | params)
    blocks = LocalBlocks.from_arrays(csr_array(DENSE), KINDS[kind], WEIGHT, dtype="float64")
    batch = estimator.fit_batch(blocks, [estimator])
    return batch.numpy_models[0].coef


@pytest.mark.parametrize("kind", KINDS)
def test_every_param_changes_the_fit_but_for_the_number_of_shards(kind):
    base = coef_of(kind)
    absent = {"loss" if kind is ml.FTRLClassifier else "classWeight"}
    assert {param.name for param in kind().params} - ELSEWHERE == set(CHANGES) - absent
    for name, value in CHANGES.items():
        if kind().hasParam(name):
            assert not np.array_equal(coef_of(kind, **{name: value}), base), name
    np.testing.assert_array_equal(coef_of(kind, numShards=4), base)
    assert coef_of(kind, fitIntercept=False)[0, -1] == 0


def test_a_saved_model_scores_without_spark(tmp_path):
    estimator = ml.FTRLClassifier(batchSize=200, threshold=0.3)
    blocks = LocalBlocks.from_arrays(csr_array(DENSE), LABEL, WEIGHT, dtype="float64")
    batch = estimator.fit_batch(blocks, [estimator])
    made = estimator.build_model(batch, blocks.passes).setParams(threshold=0.3)
    made.write().save(str(tmp_path / "m"))
    loaded = model_io.load(str(tmp_path / "m"))
    np.testing.assert_array_equal(loaded.probability(DENSE), batch.numpy_models[0].probability(DENSE))
    assert loaded.threshold == 0.3
    assert isinstance(ml.load_model(str(tmp_path / "m")), ml.FTRLClassificationModel)


@pytest.mark.parametrize(
    ("kind", "params", "labels", "line"),
    [
        (ml.FTRLClassifier, {}, np.arange(ROWS) % 3.0, "takes two classes, but 'label' has 3"),
        (ml.FTRLClassifier, {}, LABEL - 1, "label -1 in row .* is out of range"),
        (ml.FTRLRegressor, {"loss": "poisson"}, LABEL - 1, "a label is -1: counts are 0 or more"),
        (ml.FTRLRegressor, {"stepSize": 1e200, "beta": 1e-300}, KINDS[ml.FTRLRegressor], "diverged"),
    ],
)
def test_bad_input_is_told_in_one_line(kind, params, labels, line):
    estimator = kind(batchSize=64, maxIter=20, **params)
    blocks = LocalBlocks.from_arrays(csr_array(DENSE), labels, dtype="float64")
    if line == "diverged":
        with np.errstate(all="ignore"):
            batch = estimator.fit_batch(blocks, [estimator])
        assert batch.status[0] == 4
        assert "stepSize 1e+200 is too large" in estimator.why_diverged()
        return
    with pytest.raises(InputError, match=line):
        estimator.fit_batch(blocks, [estimator])


def test_a_checkpoint_is_refused():
    estimator = ml.FTRLRegressor()
    blocks = LocalBlocks.from_arrays(csr_array(DENSE), LABEL)

    class NoCheckpoint:
        length, known = 0, ()

        def next(self, asked):
            return None

        def add(self, entry):
            pass

    with pytest.raises(InputError, match="FTRL keeps no checkpoints"):
        estimator.fit_batch(CheckpointedBlocks(blocks, NoCheckpoint()), [estimator])


def test_a_regression_without_intercept_passes_through_0():
    estimator = ml.FTRLRegressor(fitIntercept=False, maxIter=50, stepSize=1.0, batchSize=64, dtype="float64")
    blocks = LocalBlocks.from_arrays(DENSE, DENSE[:, 1] * 7, dtype="float64")
    (model,) = estimator.fit_batch(blocks, [estimator]).numpy_models
    assert model.coef[0, -1] == 0
    np.testing.assert_allclose(model.coef[0, :3], [0, 7, 0], atol=0.05)


def test_rows_in_any_order_end_within_a_hundredth():
    """Each mini-batch has rows of every lane, and every pass has all rows."""
    by_label = np.argsort(LABEL, kind="stable")
    orders = [RNG.permutation(ROWS), by_label, np.argsort(DENSE[:, 0]), by_label[::-1]]
    found = [
        fitted(blocks_of(csr_array(DENSE[order]), LABEL[order], WEIGHT[order]), epochs=60).coef for order in orders
    ]

    def objective(coef):
        margin = (2 * LABEL - 1) * (DENSE @ coef[:-1] + coef[-1])
        penalty = RULE.lasso * abs(coef[:-1]).sum() + RULE.ridge / 2 * (coef[:-1] ** 2).sum()
        return WEIGHT @ np.logaddexp(0, -margin) / WEIGHT.sum() + penalty

    values = [objective(coef) for coef in found]
    assert values[1:] == pytest.approx([values[0]] * 3, rel=1e-2)
    assert max(values) < 0.9 * np.log(2)
