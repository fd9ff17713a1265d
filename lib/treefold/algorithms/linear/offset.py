"""Offsets: what is known of the margins beforehand, one number a row."""

from typing import NamedTuple

import numpy as np

from treefold.algorithms.linear.family import Family
from treefold.block import Block
from treefold.blocks import Blocks
from treefold.losses import Loss, poisson


class Offsets(NamedTuple):
    """Weighted sums of offsets and of their exponentials."""

    total: float
    exponential: float
    weight: float


def offsets(block: Block) -> Offsets:
    """Sums of one block, whose first extra column are the offsets."""
    kept = block.weight > 0
    weight, offset = block.weight[kept].astype(np.float64), block.extra[0][kept].astype(np.float64)
    with np.errstate(over="ignore"):
        return Offsets(float(weight @ offset), float(weight @ np.exp(offset)), float(weight.sum()))


def beside(kind: Family, blocks: Blocks, loss: Loss) -> Family:
    """The family with intercepts to start from that allow for the offsets: one pass.

    The best one without features for squared errors and counts; for others that of the mean offset.
    """
    found: Offsets = blocks.sum(offsets)
    if loss is poisson and np.isfinite(found.exponential):
        return kind._replace(start=kind.start - np.log(found.exponential / found.weight))
    return kind._replace(start=kind.start - np.eye(kind.outputs)[0] * found.total / found.weight)
