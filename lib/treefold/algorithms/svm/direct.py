"""The direct solver: one pass brings all rows to the driver."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse, vstack

from treefold.algorithms.svm.machine import Machine
from treefold.algorithms.svm.result import Fitted, Round, result_of, round_of
from treefold.dataset.block import Block, positions
from treefold.dataset.blocks import Blocks


class Gathered(NamedTuple):
    """Rows of positive weight, in the order of their positions."""

    position: NDArray
    X: Any
    y: NDArray
    weight: NDArray


def gather(blocks: Iterable[Block]) -> Gathered:
    """The rows of positive weight of blocks in their order."""
    parts = []
    for block in blocks:
        kept = np.flatnonzero(block.weight > 0)
        parts.append(Gathered(positions(block)[kept], block.X[kept], block.y[kept], block.weight[kept]))
    return _end_to_end(parts)


def _end_to_end(parts: list[Gathered]) -> Gathered:
    position, X, y, weight = zip(*parts, strict=True)
    rows = vstack(X, "csr") if issparse(X[0]) else np.concatenate(X)
    return Gathered(np.concatenate(position), rows, np.concatenate(y), np.concatenate(weight))


def _after(left: Gathered, right: Gathered) -> Gathered:
    return _end_to_end([left, right])


def direct(blocks: Blocks, machines: list[Machine], tell: Callable[[Round], None]) -> list[Fitted]:
    """Fit machines one after the other over all rows.

    Parameters
    ----------
    blocks : Blocks
        All rows.
    machines : list of Machine
        Machines to fit.
    tell : callable
        Called after each machine.

    Returns
    -------
    list of Fitted
        In the order of the machines.
    """
    rows: Gathered = blocks.reduce_tasks(gather, merge=_after)
    found: list[Fitted] = []
    for machine in machines:
        solved, solution = machine.solved(machine.members(*rows), machine.tol)
        margin = solution.margin + solution.bias
        loss = float(machine.task.losses(solved.target, margin) @ solved.bound)
        found.append(result_of(machine, solved, solution, loss, solution.violation, 1))
        tell(round_of(len(found), found))
    return found
