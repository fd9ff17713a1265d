"""Solver selection: the requested solver, adapted to the penalty and checked against the loss and the data."""

import numpy as np

from treefold.algorithms.linear.losses import Loss
from treefold.algorithms.linear.penalties import Penalties
from treefold.algorithms.linear.problem import Problem
from treefold.errors import InputError
from treefold.optim import Solver

MOST_NEWTON = 8192  # most coefficients for which the driver factors the Hessian


def select_solver(solver: Solver, problem: Problem, penalties: Penalties, standardize: bool) -> Solver:
    """The solver of a problem.

    Parameters
    ----------
    solver : Solver
        The requested solver.
    problem : Problem
        The function to minimise.
    penalties : Penalties
        L1 strengths and bounds of the coefficients.
    standardize : bool
        Whether the lasso applies to standardised coefficients.

    Returns
    -------
    Solver
        With the L1 penalties and bounds as its term.

    Raises
    ------
    InputError
        If the solver does not take a lasso, bounds, this loss, or so many coefficients and models.
    """
    solver = _checked(solver, problem.loss, problem.outputs * len(problem.space.inverse), len(problem.unit))
    return solver if penalties.smooth else _proximal(solver, problem, penalties, standardize)


def _checked(solver: Solver, loss: Loss, coefficients: int, models: int) -> Solver:
    if solver.needs.constant_hessian and not loss.constant_curvature:
        raise InputError("solver normal is for the squared loss: use lbfgs or newton")
    if solver.needs.hessian and not loss.twice_differentiable:
        raise InputError("solver newton is for squared, logistic, softmax, squared hinge and Poisson losses: use lbfgs")
    if solver.needs.hessian and not solver.needs.constant_hessian:
        _check_newton(coefficients, models)
    if solver.needs.row_steps and loss.row_kernel is None:
        raise InputError("local steps are for losses of one output: use mini-batches, or lbfgs")
    return solver


def _check_newton(coefficients: int, models: int) -> None:
    """Refuse problems whose Hessians are too many: a partial has those of all models, at most 512 MiB."""
    if coefficients > MOST_NEWTON:
        raise InputError(f"solver newton takes {MOST_NEWTON} coefficients at most, not {coefficients}: use lbfgs")
    most = MOST_NEWTON**2 // coefficients**2
    if models > most:
        raise InputError(
            f"solver newton takes {most} models of {coefficients} coefficients at once, not {models}: use lbfgs, or "
            "fewer settings"
        )


def _proximal(solver: Solver, problem: Problem, penalties: Penalties, standardize: bool) -> Solver:
    wide = np.full(problem.free.shape, np.inf)
    lower, upper = penalties.bounds or (-wide, wide)
    term = problem.term(penalties.l1, lower, upper, standardize)
    try:
        return solver.with_term(term)
    except TypeError as error:
        raise InputError(f"{error}: use L-BFGS, or plain SGD") from error
