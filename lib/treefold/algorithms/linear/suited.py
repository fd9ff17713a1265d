"""Which solver a problem gets: the one asked for, where it can, with what the penalty and the data ask of it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.linear.preconditioner import preconditioned
from treefold.algorithms.linear.problem import Problem
from treefold.algorithms.linear.stochastic import kind_of
from treefold.errors import InputError
from treefold.losses import Loss, logistic, poisson, softmax, squared, squared_hinge
from treefold.solvers import GradientDescent, Lbfgs, Newton, Normal, ProximalLbfgs, Sgd, Solver

MOST_NEWTON = 8192  # coefficients whose second derivatives the driver takes apart


class Bounds(NamedTuple):
    """Least and greatest coefficients, ``(outputs, features + 1)``, the intercept last; infinite for none."""

    lower: NDArray
    upper: NDArray


def suited(
    solver: Solver,
    problem: Problem,
    lasso: NDArray,
    bounds: Bounds | None,
    standardize: bool,
    bend: NDArray,
    rows: int,
) -> Solver:
    """The solver of a problem.

    Parameters
    ----------
    lasso : (models,)
        L1 strengths.
    bend : (outputs, outputs)
        See :func:`~treefold.algorithms.linear.preconditioner.preconditioned`.
    rows : int
        Rows there are; 0 for a fit of no iterations, which needs no second derivatives.

    Raises
    ------
    InputError
        If the solver takes no lasso or bounds, or not this loss.
    """
    solver = _checked(solver, problem.loss, problem.outputs * len(problem.space.inverse))
    if lasso.any() or bounds is not None:
        solver = _proximal(solver, problem, lasso, bounds, standardize)
    if isinstance(solver, Lbfgs | ProximalLbfgs) and rows:
        solver = preconditioned(solver, problem, bend, rows)
    return solver


def _checked(solver: Solver, loss: Loss, coefficients: int) -> Solver:
    if isinstance(solver, Normal) and loss is not squared:
        raise InputError("solver normal is for the squared loss: use lbfgs or newton")
    if isinstance(solver, Newton) and loss not in (squared, logistic, softmax, poisson, squared_hinge):
        raise InputError("solver newton is for squared, logistic, softmax, squared hinge and Poisson losses: use lbfgs")
    if isinstance(solver, Newton) and coefficients > MOST_NEWTON:
        raise InputError(f"solver newton takes {MOST_NEWTON} coefficients at most, not {coefficients}: use lbfgs")
    if isinstance(solver, Sgd) and solver.local:
        try:
            kind_of(loss, 1.0)
        except TypeError as error:
            raise InputError("local steps are for losses of one output: use mini-batches, or lbfgs") from error
    return solver


def _proximal(solver: Solver, problem: Problem, lasso: NDArray, bounds: Bounds | None, standardize: bool) -> Solver:
    if bounds is None:
        wide = np.full(problem.free.shape, np.inf)
        bounds = Bounds(-wide, wide)
    term = problem.term(lasso, bounds.lower, bounds.upper, standardize)
    if isinstance(solver, Newton | Normal | GradientDescent):
        return solver._replace(term=term)
    if isinstance(solver, Sgd) and not solver.local and solver.rule == "sgd":
        return solver._replace(term=term)
    if isinstance(solver, Lbfgs):
        return ProximalLbfgs(term, solver.history, solver.noise)
    raise InputError("neither local steps nor AdaGrad and Adam take an L1 penalty or bounds: use L-BFGS, or plain SGD")
