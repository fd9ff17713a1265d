"""The statistics of stochastic gradient descent. Random numbers depend on (seed, iteration, position) alone."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.linear import kernels_sgd as kernels
from treefold.algorithms.linear.losses import Loss
from treefold.algorithms.linear.objective import Objective, objective, weight_of
from treefold.algorithms.linear.quadratic import standardised
from treefold.dataset.block import Block, positions
from treefold.dataset.random import splitmix64, substream, uniform

KERNELS = {
    "squared": kernels.SQUARED, "logistic": kernels.LOGISTIC, "squared_hinge": kernels.SQUARED_HINGE,
    "hinge": kernels.HINGE, "poisson": kernels.POISSON, "quantile": kernels.QUANTILE,
    "epsilon_insensitive": kernels.EPSILON_INSENSITIVE,
}  # fmt: skip


class MiniBatch(NamedTuple):
    """The rows of every block that take part in an iteration.

    The windows of consecutive iterations follow each other through the block and wrap around at its end. The first one
    begins at a row drawn by (seed, block id). After t iterations every row of a block has therefore taken part
    ``floor(t * fraction)`` or ``ceil(t * fraction)`` times.

    Attributes
    ----------
    fraction : float
        Share of a block's rows, in (0, 1]; at least one row.
    """

    fraction: float
    seed: int
    iteration: int

    def rows(self, block: Block) -> slice | NDArray[np.int64]:
        """The rows of a block that take part."""
        n = len(block.y)
        if self.fraction >= 1:
            return slice(0, n)
        length = max(1.0, self.fraction * n)
        first = int(uniform(positions(block)[:1], self.seed)[0] * n)
        begin, end = (first + int(i * length) for i in (self.iteration, self.iteration + 1))
        turn = begin // n * n
        if end - turn <= n:
            return slice(begin - turn, end - turn)
        return np.arange(begin, end) % n


def sampled(
    block: Block,
    batch: MiniBatch,
    coef: NDArray,
    loss: Loss,
    shift: NDArray | None,
    by_class: NDArray | None,
    with_offset: bool = False,
    compiled: bool = False,
) -> Objective:
    """The objective of a mini-batch.

    Parameters
    ----------
    block : Block
        Rows and labels.
    batch : MiniBatch
        Which rows of the block are in the mini-batch.
    coef : (models, outputs, features + 1)
        Coefficients, the intercept last.
    loss, shift, by_class, with_offset, compiled : Loss
        As for :func:`~treefold.algorithms.linear.objective.objective`.

    Returns
    -------
    Objective
    """
    part = batch.rows(block)
    extra = tuple(column[part] for column in block.extra)
    mine = Block(block.X[part], block.y[part], block.weight[part], block.id, extra)
    return objective(mine, coef, loss, shift, by_class, with_offset, compiled)


class LocalEpoch(NamedTuple):
    """Weighted sums over blocks.

    Attributes
    ----------
    coef : (models, outputs, features + 1)
        End points of the blocks times their weight.
    loss : (models,)
        Losses during the epoch, in the solver's units.
    weight : float
    """

    coef: NDArray
    loss: NDArray
    weight: float


class Local(NamedTuple):
    """Settings of a local epoch: rows of a step, the step size of each model, and the seed of the order of rows."""

    batch: int
    rate: NDArray
    seed: int


def local_epoch(
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
) -> LocalEpoch:
    """Run SGD over one block; all blocks start from the same ``theta``.

    Parameters
    ----------
    block : Block
        Rows.
    local : Local
        Settings of the epoch.
    theta : (models, outputs, features + 1)
        Coefficients for features ``(x - centre) * inverse`` and labels divided by ``label_scale``.
    ridge : (models, features + 1)
        L2 strengths.
    loss : Loss
        Loss of the models.
    centre, inverse : (features,)
        Standardisation of the features.
    label_scale : float
        Unit of the label.
    fitted : (features + 1,) of 0 and 1
        Whether each coefficient is fitted.
    by_class : (classes,) or None
        Factors of the weights of the rows of each label.
    with_offset : bool, default False
        Whether the first extra column is added to the margins.

    Returns
    -------
    LocalEpoch
    """
    assert loss.row_kernel, f"{loss} has no kernel"
    kind, extra = KERNELS[loss.row_kernel], loss.row_parameter(label_scale)
    Z = standardised(block, centre, inverse)
    if not fitted.all():
        Z *= fitted
    order = np.argsort(splitmix64(positions(block), substream(local.seed, block.id)), kind="stable")
    weight = weight_of(block, by_class).astype(np.float64)
    end, met = theta.copy(), np.zeros(len(theta))
    y = block.y.astype(np.float64) / label_scale
    offset = block.extra[0].astype(np.float64) / label_scale if with_offset else np.zeros(len(y))
    for m, (outputs, rate) in enumerate(zip(end, local.rate, strict=True) if weight.any() else ()):
        for k, row in enumerate(outputs):
            label = y if len(outputs) == 1 else (y == k) * 1.0
            met[m] += kernels.local_sgd_epoch(
                Z, label, offset, weight, order, row, ridge[m], kind, extra, rate, local.batch
            )
    total = float(weight.sum())
    return LocalEpoch(end * total, met, total)
