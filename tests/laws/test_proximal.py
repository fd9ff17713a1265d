"""Proximal L-BFGS: minima of penalised and bounded functions, against brute force and SciPy."""

import numpy as np
import pytest
from scipy.optimize import minimize

from functions import Counting, logistic_problem, quadratic, rosenbrock, run
from treefold.optim import ProximalLbfgs
from treefold.optim.coordinate_descent import descend_dense, descend_low_rank
from treefold.optim.penalties import BoxedL1
from treefold.optim.status import CONVERGED, NO_PROGRESS

RNG = np.random.default_rng(5)


def term(lasso, lower=-np.inf, upper=np.inf, p=1, models=1):
    return BoxedL1(*(np.broadcast_to(np.asarray(a, float), (models, p)).copy() for a in (lasso, lower, upper)))


def test_the_smallest_subgradient_is_that_of_brute_force():
    grid = np.array([-1.0, 0.0, 1.0])
    x, gradient, lower, upper = (a.ravel()[None] for a in np.meshgrid(grid, [-3, -1, 0, 0.5, 2], [-1.0, 0], [0, 1.0]))
    allowed = (x >= lower) & (x <= upper)
    x, gradient, lower, upper = (a[allowed][None] for a in (x, gradient, lower, upper))
    penalty, h = BoxedL1(np.ones_like(x), lower, upper), 1e-7
    found = penalty.subgradient(x, gradient, np.array([0]))
    for j in range(x.shape[1]):
        slopes = []  # of a step to the right, then to the left
        for step in (h, -h):
            there = x[0, j] + step
            inside = lower[0, j] <= there <= upper[0, j]
            slopes.append((gradient[0, j] * step + abs(there) - abs(x[0, j])) / h if inside else 0.0)
        fall = min(0.0, *slopes)
        assert abs(found[0, j]) == pytest.approx(-fall, abs=1e-6)
        if fall < 0:
            assert np.sign(found[0, j]) == (-1 if slopes[0] == fall else 1)


@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), (-0.2, 0.3), (0.5, 2.0)])
def test_the_prox_is_that_of_brute_force(bounds):
    grid = np.linspace(max(-4, bounds[0]), min(4, bounds[1]), 8001)
    x, step = RNG.standard_normal((2, 6)) * 2, np.array([0.3, 2.0])
    found = term(0.8, *bounds, p=6, models=2).prox(x, step, np.arange(2))
    for m, j in np.ndindex(x.shape):
        least = grid[((grid - x[m, j]) ** 2 / (2 * step[m]) + 0.8 * abs(grid)).argmin()]
        assert found[m, j] == pytest.approx(least, abs=1e-3)


@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), (-0.2, 0.3)])
@pytest.mark.parametrize("form", ["dense", "low rank"])
def test_coordinate_descent_finds_the_minimum_of_a_quadratic(form, bounds):
    p, rank = 7, 3
    W = RNG.standard_normal((p, rank)) * 0.3
    B = 4 * np.eye(p) - W @ W.T
    gradient, x0 = RNG.standard_normal(p) * 3, np.clip(RNG.standard_normal(p), *bounds)
    lasso, lower, upper = np.full(p, 0.8), np.full(p, bounds[0]), np.full(p, bounds[1])
    x = x0.copy()
    if form == "dense":
        descend_dense(x, gradient, lasso, lower, upper, B, 1e-12, 1000)
    else:
        descend_low_rank(x, gradient, lasso, lower, upper, 4.0, W, W.copy(), 1e-12, 1000)
    left = BoxedL1(lasso[None], lower[None], upper[None]).subgradient(x[None], (gradient + B @ (x - x0))[None], [0])
    np.testing.assert_allclose(left, 0, atol=1e-10)


@pytest.mark.parametrize("lasso", [0.0, 0.05])
@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), (-0.3, 0.8), (0.0, np.inf)])
@pytest.mark.parametrize("name", ["rosenbrock", "quadratic", "logistic"])
def test_the_minimum_is_scipys_of_the_split_variables(name, bounds, lasso):
    """|x| is u + v where x = u - v and u, v >= 0: a smooth problem with bounds."""
    function, p = {
        "rosenbrock": (rosenbrock, 4),
        "quadratic": (quadratic(np.logspace(0, 3, 6), RNG.standard_normal(6)), 6),
        "logistic": (logistic_problem(1), 8),
    }[name]
    counting = Counting(function)
    x0 = np.full(p, 0.1)
    state = run(ProximalLbfgs(term(lasso, *bounds, p=p)), counting, x0, tol=1e-7)
    assert state.status[0] in (CONVERGED, NO_PROGRESS)

    def split(uv):
        value, gradient = function(uv[:p] - uv[p:])
        return value + lasso * uv.sum(), np.concatenate([gradient, -gradient]) + lasso

    sides = [(max(0.0, bounds[0]), max(0.0, bounds[1]))] * p + [(max(0.0, -bounds[1]), max(0.0, -bounds[0]))] * p
    theirs = minimize(
        split, np.concatenate([np.clip(x0, *bounds), np.zeros(p)]), jac=True, method="L-BFGS-B", bounds=sides,
        options={"gtol": 1e-9, "ftol": 0, "maxiter": 2000, "maxfun": 20000},
    )  # fmt: skip
    assert state.value[0] <= theirs.fun + 1e-9 * max(1, abs(theirs.fun))
    np.testing.assert_allclose(state.x[0], theirs.x[:p] - theirs.x[p:], atol=2e-4)
    assert (state.x[0] >= bounds[0]).all()
    assert (state.x[0] <= bounds[1]).all()
    assert counting.calls <= 1.5 * theirs.nfev + 5


def test_a_batch_is_its_members():
    functions = [quadratic(np.logspace(0, k, 5), np.full(5, k + 1.0)) for k in range(3)]
    lasso = np.array([0.1, 0.5, 2.0])[:, None] * np.ones(5)
    wide = np.full((3, 5), np.inf)
    together = run(ProximalLbfgs(BoxedL1(lasso, -wide, wide)), Counting(*functions), np.zeros((3, 5)))
    for m, function in enumerate(functions):
        alone = run(ProximalLbfgs(term(lasso[m, 0], p=5)), Counting(function), np.zeros(5))
        np.testing.assert_array_equal(together.x[m], alone.x[0])


@pytest.mark.parametrize("seed", range(5))
def test_slopes_decide_where_rounding_hides_the_decrease_of_values(seed):
    noise, smooth = np.random.default_rng(seed), logistic_problem(1)

    def rough(x):
        value, gradient = smooth(x)
        return value * (1 + 5e-8 * noise.uniform(-1, 1)), gradient  # of two, together 1e-7

    exact = run(ProximalLbfgs(term(0.01, p=8)), Counting(smooth), np.zeros(8), tol=1e-10)
    counting = Counting(rough)
    state = run(ProximalLbfgs(term(0.01, p=8), noise=1e-7), counting, np.zeros(8), tol=1e-6)
    assert abs(state.gradient).max() < 3e-6  # values tell decreases down to a gradient of 1e-4
    np.testing.assert_allclose(state.x[0], exact.x[0], atol=1e-4)
    counting = Counting(rough)
    assert run(ProximalLbfgs(term(0.01, p=8), noise=1e-7), counting, np.zeros(8), tol=0).status[0] == NO_PROGRESS
    assert counting.calls < 80


def test_values_never_rise_and_a_step_evaluates_once():
    counting, values = Counting(rosenbrock), []
    solver = ProximalLbfgs(term(0.5, 0.0, 0.7, p=2))
    state = solver.init(counting, np.array([[-1.2, 1.0]]))
    for calls in range(1, 20):
        assert counting.calls == calls
        values.append(state.value[0])
        state = solver.step(counting, state)
    assert (np.diff(values) <= 0).all()
