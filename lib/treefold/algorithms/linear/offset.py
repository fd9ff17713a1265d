"""Offsets: a known part of the margin, one number for each row."""

from typing import NamedTuple

import numpy as np

from treefold.algorithms.linear.losses import Loss, Start
from treefold.dataset.block import Block
from treefold.dataset.blocks import Blocks


class Offsets(NamedTuple):
    """Weighted sums of offsets and of their exponentials."""

    total: float
    exponential: float
    weight: float


def offsets(block: Block) -> Offsets:
    """Sums of one block, whose first extra column has the offsets."""
    kept = block.weight > 0
    weight, offset = block.weight[kept].astype(np.float64), block.extra[0][kept].astype(np.float64)
    with np.errstate(over="ignore"):
        return Offsets(float(weight @ offset), float(weight @ np.exp(offset)), float(weight.sum()))


def start_with_offsets(start: Start, blocks: Blocks, loss: Loss) -> Start:
    """The start with a first intercept that accounts for the offsets: one pass.

    Parameters
    ----------
    start : Start
        Start of the fit, computed without offsets.
    blocks : Blocks
        Rows with their offsets in ``extra[0]``.
    loss : Loss
        It says by how much the intercept-only margin moves.

    Returns
    -------
    Start
    """
    found: Offsets = blocks.sum(offsets)
    with np.errstate(divide="ignore"):
        shift = loss.offset_shift(found.total / found.weight, float(np.log(found.exponential / found.weight)))
    intercepts = start.intercepts.copy()
    intercepts[0] -= shift
    return start._replace(intercepts=intercepts)
