"""Stochastic gradient descent: textbook steps, kernels that are the losses, draws that are the data's, optima."""

import numpy as np
import pytest

from functions import Counting, quadratic
from rows import ragged
from treefold.algorithms.linear import fit
from treefold.algorithms.linear import kernels_sgd as kernels
from treefold.algorithms.linear.losses import (
    EpsilonInsensitive,
    Hinge,
    Quantile,
    logistic,
    poisson,
    softmax,
    squared,
    squared_hinge,
)
from treefold.algorithms.linear.objective import objective
from treefold.algorithms.linear.stochastic import KERNELS, MiniBatch, sampled
from treefold.dataset.block import Block
from treefold.dataset.csr import as_csr
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.optim import Sgd
from treefold.optim.iterate import iterate
from treefold.optim.schedules import Adaptive, InverseScaling, OneCycle
from treefold.optim.status import DIVERGED, MAX_ITER
from treefold.optim.update_rules import Adagrad, Adam, Momentum
from treefold.statistics.label_summary import data_summary

RNG = np.random.default_rng(17)
ROWS = 4000
X = (RNG.standard_normal((ROWS, 6)) @ (np.eye(6) + 0.3) + 2) * np.logspace(-1, 1, 6)
SCORE = (X - X.mean(axis=0)) / X.std(axis=0) @ [1, -1, 0.5, 0, 2, 0] + RNG.logistic(size=ROWS)
LABELS = {"binary": (SCORE > 0.3) * 1.0, "many": np.digitize(SCORE, [-1, 1]) * 1.0, "target": 1000 + 50 * SCORE,
          "count": RNG.poisson(np.exp(SCORE / 4)) * 1.0}  # fmt: skip
WEIGHT = RNG.integers(0, 3, ROWS) * 1.0


class Quadratics(Counting):
    """Functions whose every sample is the whole."""

    def sampled(self, x, models, fraction, iteration):
        return self(x, models)


def by_hand(rule, steps, gradient, x, rate):
    """The updates as their papers write them, one model."""
    mean, square = np.zeros_like(x), np.zeros_like(x)
    for t in range(steps):
        if rule == "momentum":
            mean = 0.9 * mean + gradient(x)
            x = x - rate * mean
        elif rule == "nesterov":
            mean = 0.9 * mean + gradient(x)
            x = x - rate * (gradient(x) + 0.9 * mean)
        elif rule == "adagrad":
            square = square + gradient(x) ** 2
            x = x - rate * gradient(x) / np.sqrt(square)
        elif rule == "adam":
            g = gradient(x)
            mean, square = 0.9 * mean + 0.1 * g, 0.999 * square + 0.001 * g**2
            x = x - rate * (mean / (1 - 0.9 ** (t + 1))) / np.sqrt(square / (1 - 0.999 ** (t + 1)))
        else:
            x = x - rate / np.sqrt(1 + t) * gradient(x)
    return x


RULES = {
    "momentum": {"rule": Momentum(0.9)}, "nesterov": {"rule": Momentum(0.9, nesterov=True)},
    "adagrad": {"rule": Adagrad()}, "adam": {"rule": Adam()}, "invscaling": {"schedule": InverseScaling()},
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_the_steps_are_the_textbooks(rule):
    scale, centre = np.array([1.0, 3.0]), np.array([2.0, -1.0])
    fun, solver = Quadratics(quadratic(scale, centre)), Sgd(0.05, **RULES[rule])
    state = iterate(lambda s: solver.step(fun, s), solver.init(fun, np.zeros((1, 2))), 9, 0.0)
    np.testing.assert_allclose(
        state.x[0], by_hand(rule, 9, lambda x: scale * (x - centre), np.zeros(2), 0.05), rtol=1e-7
    )


def test_averaging_is_the_mean_of_the_second_half():
    fun = Quadratics(quadratic(np.ones(1), np.ones(1)))
    averaged, plain = Sgd(0.1, 10, average=True), Sgd(0.1, 10)
    states = [plain.init(fun, np.zeros((1, 1)))]
    for _ in range(10):
        states.append(plain.step(fun, states[-1]))
    state = iterate(lambda s: averaged.step(fun, s), averaged.init(fun, np.zeros((1, 1))), 10, 0.0)
    assert state.x[0, 0] == pytest.approx(np.mean([s.x[0, 0] for s in states[6:]]))


def test_a_step_size_for_each_model_and_one_that_diverges_alone():
    fun = Quadratics(*[quadratic(np.ones(2), np.ones(2))] * 3)
    solver = Sgd(np.array([0.1, 1e200, 0.5]))
    with np.errstate(all="ignore"):
        state = iterate(lambda s: solver.step(fun, s), solver.init(fun, np.zeros((3, 2))), 30, 0.0)
    assert state.status.tolist() == [MAX_ITER, DIVERGED, MAX_ITER]
    np.testing.assert_allclose(state.x[[0, 2]], 1, atol=0.05)


@pytest.mark.parametrize(
    ("loss", "label"),
    [(squared, "target"), (logistic, "binary"), (squared_hinge, "binary"), (Hinge(), "binary"), (poisson, "count"),
     (Quantile(0.8), "target"), (EpsilonInsensitive(3.0), "target")],
    ids=["squared", "logistic", "squared hinge", "hinge", "poisson", "quantile", "tube"],
)  # fmt: skip
def test_one_epoch_in_one_batch_is_a_step_along_the_gradient(loss, label):
    Z = np.column_stack([(X - X.mean(axis=0)) / X.std(axis=0), np.ones(ROWS)])
    y = LABELS[label]
    theta, ridge = RNG.standard_normal(7) * 0.3, np.append(np.full(6, 0.2), 0)
    value, slope = loss((Z @ theta)[None, None], y)
    gradient = Z.T @ (slope[0, 0] * WEIGHT) / WEIGHT.sum() + ridge * theta
    walked = theta.copy()
    met = kernels.local_sgd_epoch(
        Z,
        y,
        np.zeros(ROWS),
        WEIGHT,
        np.arange(ROWS)[::-1].copy(),
        walked,
        ridge,
        KERNELS[loss.row_kernel],
        loss.row_parameter(1.0),
        0.01,
        ROWS,
    )
    np.testing.assert_allclose(walked, theta - 0.01 * gradient, rtol=1e-10)
    assert met == pytest.approx(value[0] @ WEIGHT)


def taken(block, fraction, seed, iteration):
    return np.arange(len(block.y))[MiniBatch(fraction, seed, iteration).rows(block)]


@pytest.mark.parametrize("fraction", [0.01, 0.1, 1 / 3, 0.4, 0.5, 0.66, 0.7, 0.99, 1.0])
@pytest.mark.parametrize("rows", [1, 7, 64, 1000])
def test_any_share_of_the_rows_takes_part_and_every_row_equally_often(fraction, rows):
    block = Block(X[:rows], LABELS["binary"][:rows], WEIGHT[:rows], 640)
    share = max(fraction, 1 / rows)
    visits = np.zeros(rows, int)
    for iteration in range(60):
        found = taken(block, fraction, 5, iteration)
        assert len(np.unique(found)) == len(found)
        assert abs(len(found) - share * rows) < 1
        visits[found] += 1
        expected = (iteration + 1) * share
        assert visits.sum() == pytest.approx(expected * rows, abs=1)
        assert visits.min() >= np.floor(expected - 1e-9)
        assert visits.max() <= np.ceil(expected + 1e-9)


def test_blocks_and_seeds_begin_anywhere_and_rows_beyond_the_end_are_the_first():
    blocks = [Block(X[:100], LABELS["binary"][:100], WEIGHT[:100], at) for at in (0, 64, 128)]
    first = [taken(block, 0.7, seed, 0) for block in blocks for seed in range(9)]
    assert len({rows[0] for rows in first}) > 20
    wrapped = next(rows for rows in first if rows[0] > rows[-1])
    np.testing.assert_array_equal(wrapped, np.arange(wrapped[0], wrapped[0] + 70) % 100)


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "CSR"])
def test_a_mini_batch_has_the_objective_of_its_rows(sparse):
    block, coef = Block(X[:100], LABELS["binary"][:100], WEIGHT[:100], 640), RNG.standard_normal((1, 1, 7))
    stored = block._replace(X=as_csr(block.X, np.float64)) if sparse else block
    for iteration in range(4):
        rows = taken(block, 0.7, 5, iteration)
        mine = sampled(stored, MiniBatch(0.7, 5, iteration), coef, logistic, None, None)
        wanted = objective(Block(block.X[rows], block.y[rows], block.weight[rows], 0), coef, logistic)
        for one, other in zip(mine, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12)
    whole = sampled(block, MiniBatch(1.0, 5, 3), coef, logistic, None, None)
    for mine, theirs in zip(whole, objective(block, coef, logistic), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_every_fraction_makes_a_fit_of_its_own():
    blocks = ragged(X, LABELS["binary"], np.ones(ROWS), [1000, 2000], "float64")
    found = data_summary(blocks, classification=True)
    fits = [
        fit(blocks, logistic, found, ridge=0.01, solver=Sgd(0.1, 5, fraction=fraction), max_iter=5, tol=0.0).coef
        for fraction in (0.4, 0.5, 0.66, 0.7, 1.0)
    ]
    assert len({coef.tobytes() for coef in fits}) == 5


def test_a_mini_batch_without_a_row_of_weight_is_one_clear_line():
    weight = np.zeros(ROWS)
    weight[7] = weight[3000] = 1.0
    blocks = ragged(X, LABELS["target"], weight, [], "float64")
    found = data_summary(blocks, classification=False)
    with pytest.raises(InputError, match=r"^a mini-batch has no row of positive weight: raise miniBatchFraction"):
        fit(blocks, squared, found, ridge=0.1, solver=Sgd(0.01, 30, fraction=0.05), max_iter=30, tol=0.0)


LOCAL = Sgd(0.3, 20, OneCycle(20), local=16)
SAMPLED = Sgd(0.3, 150, OneCycle(150), rule=Momentum(0.9, nesterov=True), fraction=0.25)


@pytest.mark.parametrize("solver", [LOCAL, SAMPLED], ids=["20 epochs of local descent", "150 mini-batches"])
@pytest.mark.parametrize(("loss", "label"), [(squared, "target"), (logistic, "binary"), (squared_hinge, "many")])
def test_the_objective_comes_within_a_thousandth_of_the_least(loss, label, solver):
    if loss is squared_hinge:
        solver = solver._replace(step_size=0.1)
    for weight in (None, WEIGHT):
        blocks = ragged(X, LABELS[label], np.ones(ROWS) if weight is None else weight, [1000, 2000, 3000], "float64")
        found = data_summary(blocks, classification=loss is not squared)
        least = fit(blocks, loss, found, ridge=0.01, max_iter=500).objective[0][-1]
        made = fit(blocks, loss, found, ridge=0.01, solver=solver, max_iter=solver.horizon, tol=0.0, seed=3)
        assert made.objective[0][-1] < least * 1.001
        again = fit(blocks, loss, found, ridge=0.01, solver=solver, max_iter=solver.horizon, tol=0.0, seed=3)
        np.testing.assert_array_equal(made.coef, again.coef)
        other = fit(blocks, loss, found, ridge=0.01, solver=solver, max_iter=solver.horizon, tol=0.0, seed=4)
        assert not np.array_equal(made.coef, other.coef)


def test_the_adaptive_schedule_shortens_steps_without_progress():
    fun, solver = Quadratics(quadratic(np.ones(1), np.ones(1))), Sgd(2.0, schedule=Adaptive())  # jumps to and fro
    state = iterate(lambda s: solver.step(fun, s), solver.init(fun, np.zeros((1, 1))), 3, 0.0)
    assert (state.shrink[0], state.value[0]) == (0.2, 0.5)
    state = iterate(lambda s: solver.step(fun, s), state._replace(status=np.zeros(1, int)), 10, 0.0)
    assert state.value[0] < 0.05


def test_local_steps_take_losses_of_one_output():
    blocks = LocalBlocks.from_arrays(X, LABELS["many"])
    with pytest.raises(InputError, match="local steps are for losses of one output: use mini-batches, or lbfgs"):
        fit(blocks, softmax, data_summary(blocks, classification=True), ridge=0.0, solver=LOCAL)
