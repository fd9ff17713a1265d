"""Solvers on functions whose minimum is known, counting evaluations against SciPy's."""

import numpy as np
import pytest
from scipy.optimize import minimize

from functions import Counting, logistic_problem, quadratic, rosenbrock, run
from treefold.optim import GradientDescent, Lbfgs
from treefold.optim.iterate import iterate
from treefold.optim.status import CONVERGED, DIVERGED, MAX_ITER, NO_PROGRESS

PROBLEMS = {
    "rosenbrock 2": (rosenbrock, [-1.2, 1.0]),
    "rosenbrock 10": (rosenbrock, np.tile([-1.2, 1.0], 5)),
    "quadratic, condition 1e4": (quadratic(np.logspace(0, 4, 20), np.ones(20)), np.zeros(20)),
    "logistic": (logistic_problem(0), np.zeros(8)),
    "logistic, columns to 1e2": (logistic_problem(2), np.zeros(8)),
    "logistic, columns to 1e4": (logistic_problem(4), np.zeros(8)),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_lbfgs_reaches_the_minimum_in_no_more_evaluations_than_scipy(name):
    function, x0 = PROBLEMS[name]
    counting = Counting(function)
    state = run(Lbfgs(), counting, x0, tol=1e-5)
    theirs = minimize(function, x0, jac=True, method="L-BFGS-B", options={"gtol": 1e-5, "ftol": 0, "maxcor": 10})
    assert state.status[0] == CONVERGED
    assert state.value[0] <= theirs.fun + 1e-8
    assert counting.calls <= theirs.nfev * 1.1 + 2


def test_a_batch_is_its_members_and_frozen_models_cost_nothing():
    functions = [quadratic(np.logspace(0, k, 5), np.full(5, k)) for k in range(4)]
    counting = Counting(*functions)
    together = run(Lbfgs(), counting, np.zeros((4, 5)))
    longest = 0
    for m, function in enumerate(functions):
        single = Counting(function)
        alone = run(Lbfgs(), single, np.zeros(5))
        np.testing.assert_array_equal(together.x[m], alone.x[0])
        assert together.iteration[m] == alone.iteration[0]
        longest = max(longest, single.calls)
    assert counting.calls == longest
    assert counting.asked[-1] < 4
    assert counting.asked == sorted(counting.asked, reverse=True)


@pytest.mark.parametrize("solver", [Lbfgs(), GradientDescent(0.1)], ids=["lbfgs", "gd"])
def test_a_step_evaluates_once(solver):
    counting = Counting(rosenbrock)
    state = solver.init(counting, np.array([[-1.2, 1.0]]))
    for calls in range(1, 30):
        assert counting.calls == calls
        state = solver.step(counting, state)


@pytest.mark.parametrize("solver", [Lbfgs(), GradientDescent(0.1)], ids=["lbfgs", "gd"])
def test_values_never_rise_and_max_iter_holds(solver):
    counting, values = Counting(rosenbrock), []
    state = iterate(
        lambda s: solver.step(counting, s),
        solver.init(counting, np.array([[-1.2, 1.0]])),
        15,
        0.0,
        lambda s: values.append(s.value[0]),
    )
    assert state.status[0] == MAX_ITER
    assert state.iteration[0] == 15
    assert (np.diff(values) <= 0).all()


def test_lbfgs_ends_where_rounding_hides_any_decrease():
    noise = np.random.default_rng(0)

    def rough(x):
        value, gradient = quadratic(np.ones(3), np.ones(3))(x)
        return 1 + value + 1e-9 * noise.uniform(-1, 1), gradient + 1e-5 * noise.uniform(-1, 1, 3)

    counting = Counting(rough)
    state = run(Lbfgs(noise=1e-8), counting, np.zeros(3), tol=0.0)
    assert state.status[0] == NO_PROGRESS
    assert counting.calls < 40
    np.testing.assert_allclose(state.x[0], 1, atol=1e-3)


def test_a_function_that_is_not_finite_far_away_is_searched_nearer():
    def barrier(x):
        with np.errstate(all="ignore"):
            return float(-np.log(x).sum() + x.sum()), 1 - 1 / x

    state = run(Lbfgs(), Counting(barrier), [0.01, 5.0, 80.0])
    np.testing.assert_allclose(state.x[0], 1, atol=1e-6)
    assert state.status[0] == CONVERGED


def test_gradient_descent_with_a_constant_step_is_the_textbook_iteration():
    scale, centre = np.array([1.0, 3.0]), np.array([2.0, -1.0])
    state = run(
        GradientDescent(0.25, backtracking=False), Counting(quadratic(scale, centre)), [0, 0], max_iter=7, tol=0
    )
    x = np.zeros(2)
    for _ in range(7):
        x = x - 0.25 * scale * (x - centre)
    np.testing.assert_allclose(state.x[0], x, rtol=1e-14)


def test_a_step_too_large_diverges_alone():
    both = Counting(quadratic(np.array([1e3]), np.zeros(1)), quadratic(np.ones(1), np.zeros(1)))
    with np.errstate(over="ignore", invalid="ignore"):
        state = run(GradientDescent(1.0, backtracking=False), both, np.ones((2, 1)))
    assert state.status.tolist() == [DIVERGED, CONVERGED]


@pytest.mark.parametrize("first", [1e-6, 1.0, 1e6])
def test_backtracking_finds_a_step_from_any_start(first):
    state = run(GradientDescent(first), Counting(quadratic(np.array([1.0, 20.0]), np.ones(2))), [0, 0], tol=1e-6)
    assert state.status[0] == CONVERGED
    np.testing.assert_allclose(state.x[0], 1, atol=1e-5)


def test_a_start_at_the_minimum_takes_no_step():
    counting = Counting(quadratic(np.ones(2), np.ones(2)))
    state = run(Lbfgs(), counting, [1, 1])
    assert (counting.calls, state.iteration[0], state.status[0]) == (1, 0, CONVERGED)
