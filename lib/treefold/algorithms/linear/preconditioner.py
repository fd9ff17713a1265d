"""Initial Hessian approximation for L-BFGS, estimated at coefficients of zero from a sample of the rows.

At zero the second derivatives of a linear model are the products of its columns times the second derivatives of the
loss with respect to the margins. A sample of some rows for each column estimates the products well enough. L-BFGS then
knows from the first step the directions in which the data hardly vary, which would otherwise take dozens of passes.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.linear.problem import Evaluated, Problem
from treefold.algorithms.linear.sampled_products import sampling
from treefold.dataset.random import substream
from treefold.optim import Solver, TakesHessian
from treefold.statistics.moments import Moments

MOST_FEATURES = 512  # beyond that, the products cost more than the passes that they save
MOST_ENTRIES = 1 << 24  # most entries of the matrices of all models
ROWS, MOST_ROWS = 64, 1 << 14  # rows drawn by weight, for each column and in total; the same number is drawn by length
STREAM = 0x9A  # random stream of the problem's seed
LEAST = 1e-4  # least curvature, relative to that of a standardised column, so that rounding cannot make it 0
NO_BEND = 1e-9  # relative curvature where softmax has none: where all margins change equally
SOFT = 1e-3  # the same with an L1 penalty, which has a slope there


class HessianSample(NamedTuple):
    """What is known about the curvature before the fit.

    Attributes
    ----------
    curvature : (outputs, outputs)
        Approximate second derivatives of the loss with respect to the margins.
    moments : Moments
        Of the rows.
    weight : float
        Weight of all rows, including the factors of their classes.
    """

    curvature: NDArray
    moments: Moments
    weight: float


def preconditioned(solver: Solver, problem: Problem, x: NDArray, rough: HessianSample) -> tuple[Solver, Problem]:
    """The solver with approximate second derivatives, and the problem with its value at the start: one pass, or two.

    Other solvers than L-BFGS, and problems of too many features, are returned unchanged.

    Parameters
    ----------
    solver : Solver
        The requested solver.
    problem : Problem
        The function to minimise.
    x : (models, p)
        Variables at the start.
    rough : HessianSample
        What the first pass of the fit has found.

    Returns
    -------
    tuple of Solver and Problem
    """
    if not isinstance(solver, TakesHessian) or _too_many(problem, solver.hessian_outputs(problem.outputs)):
        return solver, problem
    x = x if solver.term is None else solver.term.clip(x)
    columns = problem.free.shape[1]
    how = sampling(
        rough.moments, problem.space, min(ROWS * columns, MOST_ROWS), rough.weight, substream(problem.seed, STREAM)
    )
    value, gradient, gram = problem.with_products(x, how)
    gram += LEAST * np.eye(columns)
    mix, hessian = _hessian(problem, rough.curvature, gram, 1.0 if solver.term is None else SOFT)
    return solver.with_hessian(mix, hessian), problem._replace(first=Evaluated(x, value, gradient))


def _too_many(problem: Problem, together: int) -> bool:
    """Whether the matrices for ``together`` joint outputs would be too large."""
    outputs, columns = problem.free.shape
    entries = together * outputs * columns**2
    return together * columns > MOST_FEATURES + 1 or len(problem.unit) * entries > MOST_ENTRIES


def _hessian(problem: Problem, curvature: NDArray, gram: NDArray, unbent: float) -> tuple[NDArray, NDArray]:
    """Second derivatives of combinations of the outputs, ``(models, outputs, q, q)``, and the combinations."""
    unit, free, columns = problem.unit, problem.free, len(gram)
    penalty = np.zeros((len(unit), columns))
    penalty[:, :-1] = problem.ridge.strength[:, None] * problem.ridge.metric
    bends, mix = (
        (np.diag(curvature), np.eye(len(curvature)))
        if (curvature == np.diag(np.diag(curvature))).all()
        else np.linalg.eigh(curvature)
    )
    bends = np.where(bends > NO_BEND * bends.max(), bends, unbent * bends.max())
    hessian = bends[:, None, None] * gram + np.eye(columns) * penalty[:, None, None]
    hessian *= (unit[:, :, None] * unit[:, None, :])[:, None]
    return mix, np.where(free[:, :, None] & free[:, None, :], hessian, np.eye(columns))
