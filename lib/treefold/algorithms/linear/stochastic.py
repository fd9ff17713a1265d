"""The statistics of stochastic gradient descent. What a block draws depends on (seed, iteration, block id) alone."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.draws import scrambled, substream, uniform
from treefold.algorithms.linear import kernels_sgd as kernels
from treefold.algorithms.linear.objective import Objective, objective, weight_of
from treefold.algorithms.linear.quadratic import standardised
from treefold.block import Block, positions
from treefold.losses import Hinge, Loss, Quantile, Tube, logistic, poisson, squared, squared_hinge

KINDS = {squared: kernels.SQUARED, logistic: kernels.LOGISTIC, squared_hinge: kernels.SQUARED_HINGE,
         poisson: kernels.POISSON}  # fmt: skip


def sampled(
    block: Block,
    windows: int,
    seed: int,
    coef: NDArray,
    loss: Loss,
    shift: NDArray | None,
    by_class: NDArray | None,
    with_offset: bool = False,
    compiled: bool = False,
) -> Objective:
    """The objective of a mini-batch: of each block one of ``windows`` runs of rows, drawn with ``seed``."""
    at = int(uniform(positions(block)[:1], seed)[0] * windows)
    rows = len(block.y)
    part = slice(rows * at // windows, rows * (at + 1) // windows)
    extra = tuple(column[part] for column in block.extra)
    mine = Block(block.X[part], block.y[part], block.weight[part], block.id + part.start, extra)
    return objective(mine, coef, loss, shift, by_class, with_offset, compiled)


class Walk(NamedTuple):
    """Weighted sums over blocks.

    Attributes
    ----------
    coef : (models, outputs, features + 1)
        Where the walks through the blocks have ended, times their weight.
    loss : (models,)
        Met on the way, in the units of the solver.
    weight : float
    """

    coef: NDArray
    loss: NDArray
    weight: float


class Local(NamedTuple):
    """How blocks are walked through: rows a step, the step of each model, and the seed of the order of rows."""

    batch: int
    rate: NDArray
    seed: int


def walk(
    block: Block,
    local: Local,
    theta: NDArray,
    ridge: NDArray,
    loss: Loss,
    centre: NDArray,
    inverse: NDArray,
    label_scale: float,
    fitted: NDArray,
    by_class: NDArray | None,
    with_offset: bool = False,
) -> Walk:
    """Stochastic gradient descent through one block, from the same ``theta`` in all blocks.

    Parameters
    ----------
    theta : (models, outputs, features + 1)
        For features ``(x - centre) * inverse`` and labels over ``label_scale``.
    ridge : (models, features + 1)
    fitted : (features + 1,) of 0 and 1
        Whether a coefficient takes part.
    """
    kind, extra = kind_of(loss, label_scale)
    Z = standardised(block, centre, inverse)
    if not fitted.all():
        Z *= fitted
    order = np.argsort(scrambled(positions(block), substream(local.seed, block.id)), kind="stable")
    weight = weight_of(block, by_class).astype(np.float64)
    end, met = theta.copy(), np.zeros(len(theta))
    y = block.y.astype(np.float64) / label_scale
    offset = block.extra[0].astype(np.float64) / label_scale if with_offset else np.zeros(len(y))
    for m, (outputs, rate) in enumerate(zip(end, local.rate, strict=True)):
        if not weight.any():
            break
        for k, row in enumerate(outputs):
            label = y if len(outputs) == 1 else (y == k) * 1.0
            met[m] += kernels.wander(Z, label, offset, weight, order, row, ridge[m], kind, extra, rate, local.batch)
    total = float(weight.sum())
    return Walk(end * total, met, total)


def kind_of(loss: Loss, label_scale: float) -> tuple[int, float]:
    """The kernel's number for a loss, and its level or width.

    Raises
    ------
    TypeError
        If the kernel has none.
    """
    if isinstance(loss, Hinge):
        return kernels.HINGE, 0.0
    if isinstance(loss, Quantile):
        return kernels.QUANTILE, loss.level
    if isinstance(loss, Tube):
        return kernels.TUBE, loss.width / label_scale
    if loss not in KINDS:
        raise TypeError(f"{loss} has no kernel")
    return KINDS[loss], 0.0
