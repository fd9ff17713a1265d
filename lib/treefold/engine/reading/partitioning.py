"""Assignment of blocks to tasks."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from treefold.dataset.block import INDEX_BYTES
from treefold.dataset.lanes import lane_cuts

BYTES_A_TASK = 128 << 20
LEAST_BYTES_A_TASK = 16 << 20  # of tasks for executors that are not there yet
SLACK = 0.03  # share by which the blocks of a task may vary, so that it can begin at a row group


class TaskCount(NamedTuple):
    """Number of tasks of a pass: ``least``, or with ``by_bytes`` one for each 128 MiB of blocks if that is more.

    With dynamic allocation, the number of slots at the time when a data set is opened says little: it may be two for
    terabytes. If it is known how many slots there may be, there is a task for each, but none of less than 16 MiB.
    """

    least: int
    by_bytes: bool = False
    slots_to_come: int = 0

    def of(self, size: int) -> int:
        """Tasks of a data set of ``size`` bytes."""
        if not self.by_bytes:
            return self.least
        return max(self.least, -(-size // BYTES_A_TASK), min(self.slots_to_come, size // LEAST_BYTES_A_TASK))


def bytes_of_blocks(rows: int, features: int, dtype: str, stored: int | None) -> int:
    """Approximate bytes of the features of a data set.

    Parameters
    ----------
    rows, features : int
        Size of the data set.
    dtype : str
        Type of the features.
    stored : int or None
        Mean stored entries of a row if the blocks are CSR, else None.

    Returns
    -------
    int
    """
    value = np.dtype(dtype).itemsize
    return rows * (features * value if stored is None else stored * (value + INDEX_BYTES))


def block_runs(
    rows: int, block_rows: int, tasks: int, edges: Sequence[int] = (), lanes: int = 0
) -> list[tuple[int, int]]:
    """Assign the blocks of ``rows`` rows to tasks: consecutive runs ``[first, last)`` of nearly equal size.

    Parameters
    ----------
    rows, block_rows : int
        Block k has the rows ``[k * block_rows, (k + 1) * block_rows)``.
    tasks : int
        Most runs; there are never more runs than blocks, and none is empty.
    edges : sequence of int
        Increasing row positions at which row groups begin. A run that begins just after an edge decodes no unnecessary
        rows; runs are moved there if the balance changes by at most 3 %.
    lanes : int
        Where it is not 0, runs are of whole lanes: see :mod:`treefold.dataset.lanes`.

    Returns
    -------
    list of (int, int)
    """
    blocks = -(-rows // block_rows)
    if lanes:
        cuts = lane_cuts(blocks, lanes)
        return [
            (cuts[first], cuts[last]) for first, last in pairwise(lane_cuts(len(cuts) - 1, max(1, min(tasks, blocks))))
        ]
    tasks = max(1, min(tasks, blocks))
    slack = int(SLACK * blocks / tasks)
    cuts = [0]
    for task in range(1, tasks):
        ideal = round(task * blocks / tasks)
        cuts.append(max(_near_edge(ideal, slack, block_rows, edges), cuts[-1] + 1))
    return list(zip(cuts, [*cuts[1:], blocks], strict=True))


def _near_edge(ideal: int, slack: int, block_rows: int, edges: Sequence[int]) -> int:
    i = bisect_left(edges, ideal * block_rows)
    candidates = [-(-edge // block_rows) for edge in edges[max(0, i - 1) : i + 1]]
    return min((c for c in candidates if abs(c - ideal) <= slack), key=lambda c: abs(c - ideal), default=ideal)
