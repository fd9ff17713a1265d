"""FTRL-Proximal: the bits of a plain loop over rows and entries, and the optima of scikit-learn."""

import math
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse import random_array
from sklearn.linear_model import ElasticNet, LogisticRegression, PoissonRegressor

from rows import ragged
from treefold import ml
from treefold.algorithms.ftrl.fit import ORDER_STREAM, FtrlSettings, fit
from treefold.algorithms.ftrl.gradient import Objective
from treefold.algorithms.ftrl.rule import Ftrl
from treefold.algorithms.linear.losses import logistic, squared
from treefold.dataset.csr import as_csr
from treefold.dataset.lanes import lane_order, lanes_of
from treefold.dataset.random import substream
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.parameters.shard_group import ShardGroup
from treefold.parameters.start import shard_processes

RNG = np.random.default_rng(5)
ROWS, FEATURES = 600, 40
X = as_csr(random_array((ROWS, FEATURES), density=0.2, rng=RNG, format="csr"), np.float64)
TRUE = np.where(np.arange(FEATURES) < 15, RNG.standard_normal(FEATURES) * 2, 0)
SCORE = X @ TRUE + 0.3
LABELS = {
    "class": (SCORE + RNG.logistic(size=ROWS) * 0.5 > 0) * 1.0,
    "value": 100 + 20 * SCORE + RNG.standard_normal(ROWS),
}
WEIGHT = RNG.integers(0, 3, ROWS) * 1.0
LOSSES = {"class": logistic, "value": squared}
LANES = 3
BLOCKS = {name: ragged(X, y, WEIGHT, [64 * i for i in range(1, 10)], "float64") for name, y in LABELS.items()}


def oracle(kind, rule, how, store):
    """FTRL-Proximal over rows in a dictionary of coefficients, as alg. 1 of McMahan et al. 2013 but for its penalties.

    AdaGrad if the rule is not proximal: dual averaging, section 5.1 of Duchi et al. 2011.

    The gradients of a mini-batch are added by lane, then in the order of the lanes.
    """
    y, loss, blocks = LABELS[kind], LOSSES[kind], BLOCKS[kind]
    z, n = defaultdict(store), defaultdict(store)
    lanes, seed = lanes_of(blocks, how.lanes), substream(how.seed, ORDER_STREAM)
    bounds, steps, seen, losses = [*lanes.starts, lanes.rows], -(-lanes.rows // how.rows), 0.0, []

    def coefficient(key):
        l1, l2 = (0.0, 0.0) if key == rule.free else (rule.lasso * seen, rule.ridge * seen)
        z_, n_ = float(z[key]), float(n[key])
        if abs(z_) <= l1:
            return 0.0
        return (math.copysign(l1, z_) - z_) / ((rule.beta + math.sqrt(n_)) / rule.step_size + l2)

    for epoch in range(how.epochs):
        met = []
        for step in range(steps):
            total, weight = defaultdict(float), 0.0
            for lane, (first, end) in enumerate(pairwise(bounds)):
                rows = end - first
                order = lane_order(seed, epoch, lane, rows)[step * rows // steps : (step + 1) * rows // steps]
                mine = [row for row in np.sort(order) + first if WEIGHT[row] > 0]
                margin = np.zeros(len(mine))
                for i, row in enumerate(mine):
                    for at in range(X.indptr[row], X.indptr[row + 1]):
                        margin[i] += X.data[at] * float(store(coefficient(X.indices[at])))
                margin += float(store(coefficient(FEATURES)))
                value, slope = loss(margin[None, None], y[mine])
                pull, lane_sum = slope[0, 0] * WEIGHT[mine], defaultdict(float)
                for i, row in enumerate(mine):
                    for at in range(X.indptr[row], X.indptr[row + 1]):
                        lane_sum[X.indices[at]] += X.data[at] * pull[i]
                lane_sum[FEATURES] = pull.sum()
                for key, one in lane_sum.items():
                    total[key] += one
                met += list(zip(value[0], WEIGHT[mine], strict=True))
                weight += WEIGHT[mine].sum()
            for key, g in total.items():
                w, before = coefficient(key), float(n[key])
                kept = (math.sqrt(before + g * g) - math.sqrt(before)) / rule.step_size * w if rule.proximal else 0.0
                z[key] = store(float(z[key]) + (g - kept))
                n[key] = store(before + g * g)
            seen += weight
        losses.append(np.average([one for one, _ in met], weights=[w for _, w in met]))
    return np.array([coefficient(key) for key in range(FEATURES + 1)]), losses


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("kind", "proximal"), [("class", True), ("class", False), ("value", True)])
def test_shards_have_the_bits_of_one_process(kind, proximal, dtype):
    rule = Ftrl(0.3, 1.0, 2e-3, 1e-2, free=FEATURES, proximal=proximal)
    how, objective = FtrlSettings(200, LANES, 2, seed=1), Objective(LOSSES[kind])
    coef, losses = oracle(kind, rule, how, np.dtype(dtype).type)
    for shards in (1, 2, 5):
        group = ShardGroup.in_process(FEATURES + 1, shards, rule, dtype)
        made = fit(BLOCKS[kind], objective, group, rule, how)
        np.testing.assert_array_equal(made.coef, coef)
        np.testing.assert_allclose(made.losses, losses, rtol=1e-12)
    with shard_processes(FEATURES + 1, 2, rule, dtype) as group:
        np.testing.assert_array_equal(fit(BLOCKS[kind], objective, group, rule, how).coef, coef)
    assert made.nonzero == np.count_nonzero(coef[:-1])
    assert kind == "value" or made.nonzero < FEATURES  # a penalty has taken some away


def objective_of(coef, kind, l1, l2):
    margin, y, w = X @ coef[:-1] + coef[-1], LABELS[kind], WEIGHT / WEIGHT.sum()
    loss = LOSSES[kind](margin[None, None], y)[0][0] @ w
    return loss + l1 * abs(coef[:-1]).sum() + l2 / 2 * (coef[:-1] ** 2).sum()


FTRL, ADAGRAD = ("ftrl", 2e-5, 0.02), ("adagrad", 5e-4, 0.1)  # with how near they come in 400 passes


@pytest.mark.parametrize(("share", "by"), [(0.0, FTRL), (0.5, FTRL), (1.0, FTRL), (0.5, ADAGRAD)])
def test_the_classifier_approaches_the_optimum_of_scikit_learn(share, by):
    updater, within, coef_within = by
    strength = 5e-3
    estimator = ml.FTRLClassifier(
        regParam=strength, elasticNetParam=share, maxIter=400, stepSize=0.5, batchSize=150, dtype="float64",
        updater=updater,
    )  # fmt: skip
    (model,) = estimator.fit_batch(
        LocalBlocks.from_arrays(X, LABELS["class"], WEIGHT, dtype="float64"), [estimator]
    ).numpy_models
    theirs = LogisticRegression(
        C=1 / (strength * WEIGHT.sum()), l1_ratio=share, solver="saga", max_iter=100_000, tol=1e-9
    ).fit(X, LABELS["class"], WEIGHT)
    best = np.append(theirs.coef_[0], theirs.intercept_)
    values = [objective_of(c, "class", share * strength, (1 - share) * strength) for c in (model.coef[0], best)]
    assert values[0] == pytest.approx(values[1], rel=within)
    np.testing.assert_allclose(model.coef[0], best, atol=coef_within)
    if share == 1:
        assert (np.count_nonzero(model.coef[0]) < FEATURES) == (np.count_nonzero(best) < FEATURES)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_the_regressor_approaches_the_optimum_of_scikit_learn_whatever_the_unit_of_the_label(share):
    y = LABELS["value"]
    deviation = np.sqrt(np.average((y - np.average(y, weights=WEIGHT)) ** 2, weights=WEIGHT))
    strength = 0.02
    found = []
    for unit in (1.0, 1000.0):
        estimator = ml.FTRLRegressor(
            regParam=strength * unit, elasticNetParam=share, maxIter=400, stepSize=0.5, batchSize=150, dtype="float64"
        )
        blocks = LocalBlocks.from_arrays(X, y * unit, WEIGHT, dtype="float64")
        found.append(estimator.fit_batch(blocks, [estimator]).numpy_models[0].coef[0] / unit)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6, atol=1e-6)
    l1, l2 = share * strength, (1 - share) * strength / deviation
    theirs = ElasticNet(alpha=l1 + l2, l1_ratio=l1 / (l1 + l2), tol=1e-12, max_iter=100_000).fit(X.toarray(), y, WEIGHT)
    best = np.append(theirs.coef_, theirs.intercept_)
    values = [objective_of(c, "value", l1, l2) for c in (found[0], best)]
    assert values[0] == pytest.approx(values[1], rel=1e-3)
    np.testing.assert_allclose(found[0], best, atol=0.01 * abs(best).max())


def test_the_regressor_of_counts_approaches_the_optimum_of_scikit_learn():
    y = RNG.poisson(np.exp(SCORE / 4)) * 1.0
    estimator = ml.FTRLRegressor(
        loss="poisson", regParam=0.02, maxIter=400, stepSize=0.3, batchSize=150, dtype="float64"
    )
    blocks = LocalBlocks.from_arrays(X, y, WEIGHT, dtype="float64")
    (model,) = estimator.fit_batch(blocks, [estimator]).numpy_models
    theirs = PoissonRegressor(alpha=0.02, tol=1e-10, max_iter=10_000).fit(X, y, WEIGHT)
    np.testing.assert_allclose(model.coef[0], np.append(theirs.coef_, theirs.intercept_), atol=0.01)
    np.testing.assert_allclose(model.predict(X), theirs.predict(X), rtol=0.03)
