"""Laws of support vector machines: kernels, weights, forms of rows, solvers, bounds, hard cases."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from treefold.algorithms.svm import Kernel, Machine, SvmModel, Task, fit, fit_nystroem
from treefold.algorithms.svm.kernel import Rows, precision
from treefold.algorithms.svm.row_cache import RowCache
from treefold.algorithms.svm.working_set import solve
from treefold.engine.execution.local_blocks import LocalBlocks

RNG = np.random.default_rng(11)
X = RNG.standard_normal((400, 4))
Y = (X[:, 0] * X[:, 1] + 0.5 * RNG.standard_normal(400) > 0).astype(float)
VALUE = X[:, 0] * X[:, 1] + 0.1 * RNG.standard_normal(400)
RBF = Kernel("rbf", 0.3)
KERNELS = [RBF, Kernel("linear"), Kernel("poly", 0.5, 3, 1.0), Kernel("sigmoid", 0.1, 3, -0.5)]
TASKS = {
    "classification": Task(),
    "regression": Task("regression", epsilon=0.1),
    "one class": Task("one class", nu=0.3),
}
LABEL = {"classification": Y, "regression": VALUE, "one class": np.zeros(400)}


def fitted(X, y, weight=None, solver="direct", **options):
    machine = Machine(**{"task": Task(), "kernel": RBF, "tol": 1e-8} | options)
    (found,) = fit(LocalBlocks.from_arrays(X, y, weight, dtype="float64"), [machine], solver=solver)
    return found


def margins(found, at):
    return SvmModel.of([found]).margin(at)[:, 0]


def naive(kernel, a, b):
    if kernel.name == "rbf":
        return np.exp(-kernel.gamma * sum((s - t) ** 2 for s, t in zip(a, b, strict=True)))
    product = sum(s * t for s, t in zip(a, b, strict=True))
    if kernel.name == "linear":
        return product
    inner = kernel.gamma * product + kernel.coef0
    return inner**kernel.degree if kernel.name == "poly" else np.tanh(inner)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(("dtype", "error"), [(np.float64, 1e-13), (np.float32, 3e-6)])
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_kernel_values_are_those_of_a_loop(kernel, dtype, error, sparse):
    wide = np.zeros((30, 600))
    wide[:, ::100] = RNG.standard_normal((30, 6))
    rows = Rows.of(csr_array(wide) if sparse else wide, dtype)
    found = rows.taken(np.arange(20)).kernel(kernel, rows)
    wanted = np.array([[naive(kernel, a, b) for b in wide] for a in wide[:20]])
    assert isinstance(rows.X, csr_array) == sparse
    assert found.dtype == dtype
    np.testing.assert_allclose(found, wanted, rtol=error, atol=error)


def test_the_exponential_of_float32_is_right_from_zero_to_underflow():
    distance = np.concatenate([np.linspace(0, 200, 4001), [1e6]])
    rows = Rows.of(np.sqrt(distance)[:, None], np.float32)
    found = rows.kernel(Kernel("rbf", 1.0), Rows.of(np.zeros((1, 1)), np.float32))[:, 0]
    np.testing.assert_allclose(found, np.exp(-rows.squares.astype(np.float64)), rtol=1e-5, atol=1e-36)


def test_float32_is_for_errors_far_below_the_tolerance():
    assert precision(RBF, 10.0, 1.0, 1e-3) is np.float32
    assert precision(RBF, 10.0, 1.0, 1e-8) is np.float64
    assert precision(RBF, 1e6, 1.0, 1e-3) is np.float64
    assert precision(RBF, 10.0, 1e6, 1e-3) is np.float64


def test_the_cache_keeps_what_was_used_last_and_counts():
    rows = Rows.of(X[:50], np.float64)
    cache, whole = RowCache(rows, RBF, 0, 10), rows.kernel(RBF, rows)
    for wanted in (np.arange(10), np.arange(5, 15), np.arange(10), np.arange(40, 45)):
        slots = cache.get(wanted)
        np.testing.assert_allclose(cache.values[slots], whole[wanted], rtol=1e-12)
        assert len(set(slots)) == len(wanted)
    assert (cache.made, cache.hits) == (10 + 5 + 5 + 5, 5 + 5)


@pytest.mark.parametrize("solver", ["direct", "cascade"])
@pytest.mark.parametrize("name", TASKS)
def test_weight_two_is_the_row_twice_and_weight_zero_is_none(name, solver, small_blocks):
    weight, y = RNG.integers(0, 3, 400).astype(float), LABEL[name]
    weighted = fitted(X, y, weight, solver, task=TASKS[name])
    repeated = fitted(np.repeat(X, weight.astype(int), axis=0), np.repeat(y, weight.astype(int)), task=TASKS[name])
    assert weighted.dual == pytest.approx(repeated.dual, rel=1e-8)
    np.testing.assert_allclose(margins(weighted, X[:50]), margins(repeated, X[:50]), atol=2e-6)


@pytest.mark.parametrize("name", TASKS)
def test_csr_rows_give_the_machine_of_dense_rows(name, small_blocks):
    wide = np.where(RNG.random((300, 200)) < 0.015, 1.0, 0.0)
    y = RNG.integers(0, 2, 300).astype(float)
    for solver in ("direct", "cascade"):
        dense = fitted(wide, y, solver=solver, task=TASKS[name])
        sparse = fitted(csr_array(wide), y, solver=solver, task=TASKS[name])
        assert isinstance(sparse.support.X, csr_array)
        assert sparse.dual == pytest.approx(dense.dual, rel=1e-9)
        np.testing.assert_allclose(margins(sparse, wide), margins(dense, wide), atol=1e-6)
        np.testing.assert_allclose(margins(sparse, csr_array(wide)), margins(sparse, wide), atol=1e-12)


@pytest.mark.parametrize("name", TASKS)
def test_the_cascade_ends_at_the_optimum_of_the_direct_solver(name, small_blocks):
    direct, cascade = (fitted(X, LABEL[name], solver=solver, task=TASKS[name]) for solver in ("direct", "cascade"))
    assert cascade.rounds > 1
    for found in (direct, cascade):
        assert found.violation <= 1e-8
        assert -1e-9 <= (found.primal - found.dual) / abs(found.primal) < 1e-8
    assert cascade.dual == pytest.approx(direct.dual, rel=1e-10)
    np.testing.assert_allclose(margins(cascade, X), margins(direct, X), atol=1e-7)


def test_the_dual_rises_from_round_to_round_and_each_is_reported(small_blocks):
    told = []
    machine = Machine(Task(), RBF, tol=1e-6)
    fit(LocalBlocks.from_arrays(X, Y), [machine], solver="cascade", on_round=told.append)
    assert [each.number for each in told] == list(range(1, len(told) + 1))
    assert (np.diff([each.dual for each in told]) > 0).all()
    assert all(each.gap >= 0 for each in told)


def test_rows_sorted_by_label_make_leaves_of_one_class_and_the_same_machine(small_blocks):
    order = np.argsort(Y, kind="stable")
    assert fitted(X[order], Y[order], solver="cascade").dual == pytest.approx(fitted(X, Y).dual, rel=1e-9)


def test_coefficients_sum_to_zero_and_lie_in_their_bounds_exactly_at_them():
    weight = RNG.random(400) + 0.5
    found = fitted(X, Y, weight, cost=0.7, factors=(1.0, 3.0))
    coefficient, bound = found.support.coefficient * found.support.target, found.support.bound
    assert abs(found.support.coefficient.sum()) < 1e-10
    assert ((coefficient > 0) & (coefficient <= bound)).all()
    assert (coefficient == bound).sum() > 50
    near = abs(coefficient - bound) < 1e-9 * bound
    assert (coefficient[near] == bound[near]).all()


def test_many_working_sets_find_the_optimum_of_a_single_one(monkeypatch):
    from treefold.algorithms.svm import working_set

    task, signs = Task(), 2 * Y - 1
    rows, variables = Rows.of(X, np.float64), task.variables(signs, np.full(400, 5.0))
    whole = solve(rows, variables, RBF, np.zeros(400), 1e-9, 200)
    monkeypatch.setattr(working_set, "WHOLE", 0)
    monkeypatch.setattr(working_set, "SIZE", 32)
    small = solve(rows, variables, RBF, np.zeros(400), 1e-9, 1)
    assert small.work.working_sets > 10
    assert small.dual == pytest.approx(whole.dual, rel=1e-12)
    again = solve(rows, variables, RBF, small.b, 1e-9, 200)
    assert again.work.steps == 0


def test_the_bias_without_free_support_vectors_is_the_middle_of_what_optimality_allows():
    found = fitted(np.array([[0.0], [1.0], [3.0], [4.0]]), np.array([0.0, 0, 1, 1]), cost=1e-3, kernel=Kernel("linear"))
    assert found.support.size == 4
    assert (abs(found.support.coefficient) == 1e-3).all()
    slope = found.support.target - found.support.X[:, 0] * (found.support.coefficient @ found.support.X[:, 0])
    assert found.bias == pytest.approx((slope[2:].min() + slope[:2].max()) / 2)


def test_two_rows_and_duplicates_of_both_labels():
    two = fitted(np.array([[0.0], [2.0]]), np.array([0.0, 1.0]), kernel=Kernel("linear"))
    np.testing.assert_allclose(margins(two, np.array([[0.0], [1.0], [2.0]])), [-1, 0, 1], atol=1e-7)
    rows = np.repeat(X[:20], 2, axis=0)
    both = fitted(rows, np.tile([0.0, 1.0], 20))
    assert both.violation <= 1e-8
    assert both.primal == pytest.approx(40.0)
    assert abs(margins(both, X[:20])).max() < 1e-6


@pytest.mark.parametrize("gamma", [1e-10, 1e10])
@pytest.mark.parametrize("cost", [1e-6, 1.0, 1e4])
def test_extreme_widths_and_costs_end_at_an_optimum(cost, gamma):
    found = fitted(X[:120], Y[:120], cost=cost, kernel=Kernel("rbf", gamma), tol=1e-3)
    assert found.violation <= 1e-3
    assert (found.primal - found.dual) <= 1e-3 * 120 * cost + 1e-9


def test_constant_features_leave_the_majority():
    found = fitted(np.ones((30, 2)), np.arange(30) % 3 > 0, kernel=RBF)
    assert found.violation <= 1e-8
    assert (margins(found, np.ones((1, 2))) > 0).all()


def test_float64_follows_where_float32_does_not_reach_the_tolerance(small_blocks, monkeypatch):
    from treefold.algorithms.svm import machine

    monkeypatch.setattr(machine, "precision", lambda *_: np.float32)
    (found,) = fit(LocalBlocks.from_arrays(X, Y), [Machine(Task(), RBF, 10.0, tol=1e-9)], solver="cascade")
    assert found.machine.exact
    assert found.violation <= 1e-9


def test_nothing_to_learn_is_no_support_vector(small_blocks):
    for solver in ("direct", "cascade"):
        found = fitted(X, VALUE, solver=solver, task=Task("regression", epsilon=100.0))
        assert found.support.size == 0
        assert found.violation <= 1e-8
        assert np.ptp(margins(found, X)) == 0


def test_a_fit_that_is_cut_short_is_logged(small_blocks):
    (found,) = fit(LocalBlocks.from_arrays(X, Y), [Machine(Task(), RBF, tol=1e-8)], solver="cascade", max_rounds=1)
    assert found.status == 2
    assert found.violation > 1e-8


def test_with_all_rows_as_landmarks_the_approximation_is_exact():
    weight = RNG.integers(1, 3, 400).astype(float)
    blocks = LocalBlocks.from_arrays(X, Y, weight, dtype="float64")
    machine = Machine(Task(), Kernel("rbf", 0.3), 0.5, tol=1e-8, factors=(1.0, 2.0))
    approximate = fit_nystroem(blocks, machine, 400, 1)
    (exact,) = fit(blocks, [machine])
    assert approximate.fitted.primal == pytest.approx(exact.primal, rel=2e-3)
    assert abs(margins(approximate.fitted, X) - margins(exact, X)).max() < 0.1
    regression = Machine(Task("regression", epsilon=0.1), Kernel("rbf", 0.3), 2.0, tol=1e-8)
    blocks = LocalBlocks.from_arrays(X, VALUE, weight, dtype="float64")
    (exact,) = fit(blocks, [regression])
    assert fit_nystroem(blocks, regression, 400, 1).fitted.primal == pytest.approx(exact.primal, rel=1e-2)


def test_landmarks_are_the_same_for_any_cut_and_more_of_them_do_better(small_blocks):
    machine = Machine(Task(), Kernel("rbf", 0.3))
    primal = {}
    for count in (5, 50):
        found = fit_nystroem(LocalBlocks.from_arrays(X, Y), machine, count, 3).fitted
        assert found.support.size == count
        primal[count] = found.primal
    assert primal[50] < primal[5]
    csr = fit_nystroem(LocalBlocks.from_arrays(csr_array(X), Y), machine, 50, 3).fitted
    assert csr.primal == pytest.approx(primal[50], rel=1e-5)
