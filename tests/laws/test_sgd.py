"""Stochastic gradient descent: textbook steps, kernels that are the losses, draws that are the data's, optima."""

import numpy as np
import pytest

from functions import Counting, quadratic
from rows import ragged
from treefold.algorithms.linear import fit
from treefold.algorithms.linear import kernels_sgd as kernels
from treefold.algorithms.linear.objective import objective
from treefold.algorithms.linear.stochastic import kind_of, sampled
from treefold.algorithms.survey import survey
from treefold.block import Block
from treefold.engine.local import LocalBlocks
from treefold.errors import InputError
from treefold.iterate import iterate
from treefold.losses import Hinge, Quantile, Tube, logistic, poisson, softmax, squared, squared_hinge
from treefold.solvers import Sgd
from treefold.solvers.status import DIVERGED, MAX_ITER

RNG = np.random.default_rng(17)
ROWS = 4000
X = (RNG.standard_normal((ROWS, 6)) @ (np.eye(6) + 0.3) + 2) * np.logspace(-1, 1, 6)
SCORE = (X - X.mean(axis=0)) / X.std(axis=0) @ [1, -1, 0.5, 0, 2, 0] + RNG.logistic(size=ROWS)
LABELS = {"binary": (SCORE > 0.3) * 1.0, "many": np.digitize(SCORE, [-1, 1]) * 1.0, "target": 1000 + 50 * SCORE,
          "count": RNG.poisson(np.exp(SCORE / 4)) * 1.0}  # fmt: skip
WEIGHT = RNG.integers(0, 3, ROWS) * 1.0


class Quadratics(Counting):
    """Functions whose every sample is the whole."""

    def sampled(self, x, models, windows, iteration):
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
    "momentum": {"momentum": 0.9}, "nesterov": {"momentum": 0.9, "nesterov": True}, "adagrad": {"rule": "adagrad"},
    "adam": {"rule": "adam"}, "invscaling": {"schedule": "invscaling"},
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
     (Quantile(0.8), "target"), (Tube(3.0), "target")],
    ids=["squared", "logistic", "squared hinge", "hinge", "poisson", "quantile", "tube"],
)  # fmt: skip
def test_one_walk_in_one_batch_is_a_step_along_the_gradient(loss, label):
    Z = np.column_stack([(X - X.mean(axis=0)) / X.std(axis=0), np.ones(ROWS)])
    y = LABELS[label]
    theta, ridge = RNG.standard_normal(7) * 0.3, np.append(np.full(6, 0.2), 0)
    value, slope = loss((Z @ theta)[None, None], y)
    gradient = Z.T @ (slope[0, 0] * WEIGHT) / WEIGHT.sum() + ridge * theta
    walked = theta.copy()
    met = kernels.wander(
        Z, y, np.zeros(ROWS), WEIGHT, np.arange(ROWS)[::-1].copy(), walked, ridge, *kind_of(loss, 1.0), 0.01, ROWS
    )
    np.testing.assert_allclose(walked, theta - 0.01 * gradient, rtol=1e-10)
    assert met == pytest.approx(value[0] @ WEIGHT)


def test_a_mini_batch_is_one_of_the_windows_of_a_block_whatever_the_task():
    block, coef = Block(X[:100], LABELS["binary"][:100], WEIGHT[:100], 640), np.zeros((1, 1, 7))
    parts = {float(sampled(block, 4, seed, coef, logistic, None, None).weight) for seed in range(60)}
    assert parts == {WEIGHT[a : a + 25].sum() for a in range(0, 100, 25)}
    whole = objective(block, coef, logistic)
    one = sampled(block, 1, 5, coef, logistic, None, None)
    for mine, theirs in zip(one, whole, strict=True):
        np.testing.assert_array_equal(mine, theirs)


LOCAL = Sgd(0.3, 20, schedule="onecycle", local=16)
SAMPLED = Sgd(0.3, 150, schedule="onecycle", momentum=0.9, nesterov=True, fraction=0.25)


@pytest.mark.parametrize("solver", [LOCAL, SAMPLED], ids=["20 epochs of local descent", "150 mini-batches"])
@pytest.mark.parametrize(("loss", "label"), [(squared, "target"), (logistic, "binary"), (squared_hinge, "many")])
def test_the_objective_comes_within_a_thousandth_of_the_least(loss, label, solver):
    if loss is squared_hinge:
        solver = solver._replace(step_size=0.1)
    for weight in (None, WEIGHT):
        blocks = ragged(X, LABELS[label], np.ones(ROWS) if weight is None else weight, [1000, 2000, 3000], "float64")
        found = survey(blocks, classification=loss is not squared)
        least = fit(blocks, loss, found, ridge=0.01, max_iter=500).objective[0][-1]
        made = fit(blocks, loss, found, ridge=0.01, solver=solver, max_iter=solver.horizon, tol=0.0, seed=3)
        assert made.objective[0][-1] < least * 1.001
        again = fit(blocks, loss, found, ridge=0.01, solver=solver, max_iter=solver.horizon, tol=0.0, seed=3)
        np.testing.assert_array_equal(made.coef, again.coef)
        other = fit(blocks, loss, found, ridge=0.01, solver=solver, max_iter=solver.horizon, tol=0.0, seed=4)
        assert not np.array_equal(made.coef, other.coef)


def test_the_adaptive_schedule_shortens_steps_that_bring_nothing():
    fun, solver = Quadratics(quadratic(np.ones(1), np.ones(1))), Sgd(2.0, schedule="adaptive")  # jumps to and fro
    state = iterate(lambda s: solver.step(fun, s), solver.init(fun, np.zeros((1, 1))), 3, 0.0)
    assert (state.shrink[0], state.value[0]) == (0.2, 0.5)
    state = iterate(lambda s: solver.step(fun, s), state._replace(status=np.zeros(1, int)), 10, 0.0)
    assert state.value[0] < 0.05


def test_local_steps_take_losses_of_one_output():
    blocks = LocalBlocks.from_arrays(X, LABELS["many"])
    with pytest.raises(InputError, match="local steps are for losses of one output: use mini-batches, or lbfgs"):
        fit(blocks, softmax, survey(blocks, classification=True), ridge=0.0, solver=LOCAL)
