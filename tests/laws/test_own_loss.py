"""A loss that is not the library's trains a linear model, by every solver that its derivatives allow."""

import numpy as np
import pytest
from scipy.optimize import minimize

from treefold.algorithms.linear import fit
from treefold.algorithms.linear.losses import Loss
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.optim import GradientDescent, Lbfgs, Newton, Normal, Sgd
from treefold.statistics.label_summary import data_summary

RNG = np.random.default_rng(3)
X = RNG.standard_normal((300, 4)) * [1, 2, 0.5, 1]
Y = X @ [1.0, -2.0, 0.0, 0.5] + 3 + RNG.standard_t(2, 300)
RIDGE = 0.05


class LogCosh(Loss):
    def __call__(self, margin, label):
        residual = margin - label
        return np.logaddexp(residual, -residual)[:, 0] - np.log(2), np.tanh(residual)


class CurvedLogCosh(LogCosh):
    twice_differentiable = True

    def curvature(self, margin, label):
        return 1 - np.square(np.tanh(margin - label))


def fitted(loss, solver, **options):
    blocks = LocalBlocks.from_arrays(X, Y, dtype="float64")
    found = data_summary(blocks, classification=False)
    return fit(blocks, loss, found, ridge=RIDGE, solver=solver, standardize=False, tol=1e-8, **options).coef[0, 0]


def objective(coef):
    residual = X @ coef[:4] + coef[4] - Y
    return np.mean(np.logaddexp(residual, -residual) - np.log(2)) + RIDGE / 2 * coef[:4] @ coef[:4]


BEST = minimize(objective, np.zeros(5), method="BFGS", options={"gtol": 1e-9}).x


@pytest.mark.parametrize(
    ("loss", "solver"),
    [(LogCosh(), Lbfgs()), (LogCosh(), GradientDescent(1.0)), (CurvedLogCosh(), Newton())],
    ids=["lbfgs", "gradient descent", "newton"],
)
def test_it_is_fitted_to_its_optimum(loss, solver):
    np.testing.assert_allclose(fitted(loss, solver, max_iter=500), BEST, atol=1e-5)


def test_with_a_lasso_the_objective_is_least():
    blocks = LocalBlocks.from_arrays(X, Y, dtype="float64")
    found = data_summary(blocks, classification=False)
    coef = fit(blocks, LogCosh(), found, ridge=0.0, lasso=0.1, standardize=False, tol=1e-8).coef[0, 0]

    def value(c):
        residual = X @ c[:4] + c[4] - Y
        return np.mean(np.logaddexp(residual, -residual) - np.log(2)) + 0.1 * abs(c[:4]).sum()

    for nudge in np.concatenate([np.eye(5), -np.eye(5)]) * 1e-3:
        assert value(coef + nudge) >= value(coef)


@pytest.mark.parametrize(
    ("solver", "message"),
    [(Newton(), "newton is for"), (Normal(), "normal is for"), (Sgd(local=8), "local steps are for")],
    ids=["newton", "normal", "local"],
)
def test_a_solver_that_needs_a_missing_derivative_is_refused_by_name(solver, message):
    with pytest.raises(InputError, match=message):
        fitted(LogCosh(), solver)


def test_without_a_formula_the_message_names_what_to_write():
    with pytest.raises(NotImplementedError, match=r"Loss must implement __call__"):
        Loss()(np.zeros((1, 1, 1)), np.zeros(1))
