"""What the objective curves like where the fit begins, from a sample of the rows: where L-BFGS starts from.

At coefficients of zero the second derivatives of a linear model are the products of its columns, times those of the
loss with respect to the margins. A few rows for every column tell the products well enough: directions that the data
hardly vary in, which L-BFGS would take dozens of passes to learn of, are known from the first step.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.draws import substream, uniform
from treefold.algorithms.linear.objective import weight_of
from treefold.algorithms.linear.problem import Problem
from treefold.algorithms.linear.quadratic import standardised
from treefold.block import Block, positions
from treefold.solvers import Inverse, Lbfgs, ProximalLbfgs

Quasi = Lbfgs | ProximalLbfgs
MOST_FEATURES = 512  # beyond, the products cost more than the passes they save
MOST_ENTRIES = 1 << 24  # of the matrices of all models
ROWS = 32  # for every column: all eigenvalues are then right to a third
STREAM = 0x9A  # of the draws of the problem's seed
LEAST = 1e-4  # curvature, of that of a standardised column, which rounding could make nothing
NO_BEND = 1e-9  # of the greatest: where all margins move alike softmax neither bends nor has a slope
SOFT = 1e-3  # of the greatest: there an L1 penalty still has one


class Products(NamedTuple):
    """Sums over sampled rows.

    Attributes
    ----------
    gram : (features + 1, features + 1)
        Weighted products of the columns in standard units with each other; the last is of ones.
    weight : float
    """

    gram: NDArray
    weight: float


def products(
    block: Block, share: float, seed: int, centre: NDArray, inverse: NDArray, by_class: NDArray | None
) -> Products:
    """Sums of one block over a share of its rows, drawn by (seed, position)."""
    rows = np.flatnonzero(uniform(positions(block), seed) < share)
    drawn = Block(block.X[rows], block.y[rows], block.weight[rows], block.id)
    Z, weight = standardised(drawn, centre, inverse), weight_of(drawn, by_class).astype(np.float64)
    Z *= np.sqrt(weight)[:, None]
    return Products(Z.T @ Z, float(weight.sum()))


def preconditioned(solver: Quasi, problem: Problem, bend: NDArray, rows: int) -> Quasi:
    """The solver with rough second derivatives of all models: one pass, if the features are few enough.

    Parameters
    ----------
    bend : (outputs, outputs)
        Second derivatives of the loss with respect to the margins, about.
    rows : int
        Rows there are.
    """
    space, free, unit = problem.space, problem.free, problem.unit
    outputs, columns = free.shape
    proximal = isinstance(solver, ProximalLbfgs)
    entries = (outputs if proximal else 1) * outputs * columns**2
    if (outputs if proximal else 1) * columns > MOST_FEATURES + 1 or len(unit) * entries > MOST_ENTRIES:
        return solver
    seed = substream(problem.seed, STREAM)
    drawn: Products = problem.blocks.sum(
        products, min(1.0, ROWS * columns / rows), seed, space.centre, space.inverse, problem.by_class
    )
    gram = drawn.gram / (drawn.weight or 1.0) + LEAST * np.eye(columns)
    penalty = np.zeros((len(unit), columns))
    penalty[:, :-1] = problem.ridge.strength[:, None] * problem.ridge.metric
    bends, mix = (np.diag(bend), np.eye(len(bend))) if (bend == np.diag(np.diag(bend))).all() else np.linalg.eigh(bend)
    bends = np.where(bends > NO_BEND * bends.max(), bends, (SOFT if proximal else 1.0) * bends.max())
    hessian = bends[:, None, None] * gram + np.eye(columns) * penalty[:, None, None]
    hessian *= (unit[:, :, None] * unit[:, None, :])[:, None]
    hessian = np.where(free[:, :, None] & free[:, None, :], hessian, np.eye(columns))
    if isinstance(solver, Lbfgs):
        return solver._replace(inverse=Inverse(np.linalg.inv(hessian), mix))
    whole = np.einsum("ai,bi,mipq->mapbq", mix, mix, hessian)
    return solver._replace(hessian=whole.reshape(len(unit), outputs * columns, outputs * columns))
