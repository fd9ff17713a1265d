"""The certificate: how far machines are from optimality over all rows, and the rows that violate it. One pass."""

from typing import NamedTuple

import numpy as np

from treefold.algorithms.svm.machine import Machine, Support
from treefold.dataset.block import Block, positions


class Candidate(NamedTuple):
    """A machine with its support vectors and bias, and the number of violators to return."""

    machine: Machine
    support: Support
    bias: float
    most: int


class Certificate(NamedTuple):
    """Optimality of a machine over rows.

    Attributes
    ----------
    loss : float
        Sum of the rows' losses, each times its bound.
    top, bottom : float
        The largest slope of a variable that can rise, and the smallest of one that can fall.
    violation : (violators,)
        Of the worst rows by (violation, position), in the order of their positions.
    violators : Support
    """

    loss: float
    top: float
    bottom: float
    violation: np.ndarray
    violators: Support

    @property
    def gap(self) -> float:
        """Largest violation of any pair of variables of all rows; at most ``tol`` at an optimum."""
        return self.top - self.bottom


def certify(block: Block, candidates: tuple[Candidate, ...]) -> tuple[Certificate, ...]:
    """Certificates of machines over the rows of a block."""
    return tuple(_certificate(block, *each) for each in candidates)


def merge_certificates(
    left: tuple[Certificate, ...], right: tuple[Certificate, ...], most: tuple[int, ...]
) -> tuple[Certificate, ...]:
    """Certificates over the rows of both, with up to ``most`` violators of each machine.

    Parameters
    ----------
    left, right : tuple of Certificate
        One certificate for each machine.
    most : tuple of int
        How many violators each machine keeps.

    Returns
    -------
    tuple of Certificate
    """
    return tuple(_merged(a, b, n) for a, b, n in zip(left, right, most, strict=True))


def _certificate(block: Block, machine: Machine, support: Support, bias: float, most: int) -> Certificate:
    members = machine.members(positions(block), block.X, block.y, block.weight)
    if not members.size:
        return Certificate(0.0, -np.inf, np.inf, np.zeros(0), members)
    members = members._replace(coefficient=support.at(members.position))
    rows, centres = machine.rows_of(members, support)
    margin = rows.sums(machine.kernel, centres, support.coefficient)
    variables = machine.task.variables(members.target, members.bound)
    up, down = variables.gaps(machine.task.split(members.coefficient), margin)
    each = np.maximum(up - bias, bias - down)
    violation = each.reshape(-1, members.size).max(axis=0)
    loss = machine.task.losses(members.target, margin + bias) @ members.bound
    bad = np.flatnonzero(violation > machine.tol / 4)
    worst = np.sort(bad[np.lexsort((members.position[bad], -violation[bad]))[:most]])
    return Certificate(float(loss), float(up.max()), float(down.min()), violation[worst], members.taken(worst))


def _merged(left: Certificate, right: Certificate, most: int) -> Certificate:
    if not len(right.violation):
        violation, violators = left.violation, left.violators
    elif not len(left.violation):
        violation, violators = right.violation, right.violators
    else:
        violators = left.violators.joined(right.violators)
        both = np.concatenate([left.violation, right.violation])
        violation = both[np.argsort(np.concatenate([left.violators.position, right.violators.position]), kind="stable")]
        worst = np.lexsort((violators.position, -violation))[:most]
        order = worst[np.argsort(violators.position[worst], kind="stable")]
        violation, violators = violation[order], violators.taken(order)
    top, bottom = max(left.top, right.top), min(left.bottom, right.bottom)
    return Certificate(left.loss + right.loss, top, bottom, violation, violators)
