"""The cascade: machines of the blocks, merged pairwise along the tree of the blocks.

The union of two solutions is feasible for the rows of both, because their sums of coefficients add, so every merge has
a warm start.

References
----------
Graf, Cosatto, Bottou, Durdanovic & Vapnik, "Parallel support vector machines: the cascade SVM", NIPS 2004.
"""

from typing import NamedTuple

import numpy as np

from treefold.algorithms.svm.machine import MOST_SUPPORT, Machine, Support, too_many
from treefold.dataset.block import Block, positions
from treefold.dataset.random import exponential_keys
from treefold.errors import InputError

LEAF_ROWS = 8192
ROUGH = 1e-2  # violation to which leaves and merges are solved: the rounds that follow make it exact
DRAWN = 1024  # rows that represent a set of a single class, which has no solution


class Cascade(NamedTuple):
    """Settings of leaves and merges."""

    machines: tuple[Machine, ...]
    seed: int

    def merged(self, left: tuple[Support, ...], right: tuple[Support, ...]) -> tuple[Support, ...]:
        """Merge two solutions of each machine."""
        return tuple(
            self.reduced(machine, a.joined(b)) if a.size and b.size else (a if a.size else b)
            for machine, a, b in zip(self.machines, left, right, strict=True)
        )

    def reduced(self, machine: Machine, support: Support) -> Support:
        """The support vectors of a set; of one class alone some of its rows, drawn by (seed, position)."""
        target = support.target
        if machine.task.name == "classification" and support.size and (target == target[0]).all():
            order = np.argsort(exponential_keys(support.position, support.bound, self.seed), kind="stable")[:DRAWN]
            return support.taken(np.sort(order))
        solved, _ = machine.solved(support, max(machine.tol, ROUGH))
        kept = solved.used()
        if kept.size > MOST_SUPPORT:
            raise InputError(too_many(kept.size))
        return kept


def leaf(block: Block, cascade: Cascade) -> tuple[Support, ...]:
    """The support vectors of a block for each machine, those of runs of 8192 rows merged."""
    found: tuple[Support, ...] | None = None
    for first in range(0, len(block.y), LEAF_ROWS):
        run = slice(first, first + LEAF_ROWS)
        part = (positions(block)[run], block.X[run], block.y[run], block.weight[run])
        mine = tuple(cascade.reduced(machine, machine.members(*part)) for machine in cascade.machines)
        found = mine if found is None else cascade.merged(found, mine)
    assert found is not None  # no block is empty
    return found
