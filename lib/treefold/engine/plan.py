"""Plan: which task passes over which blocks."""

from bisect import bisect_left
from collections.abc import Sequence

SLACK = 0.03  # a task may get this share more or fewer blocks, to begin where a row group begins


def block_runs(rows: int, block_rows: int, tasks: int, edges: Sequence[int] = ()) -> list[tuple[int, int]]:
    """Deal the blocks of ``rows`` rows out to tasks: consecutive runs ``[first, last)`` of nearly equal size.

    Parameters
    ----------
    rows, block_rows : int
        Block k has the rows ``[k * block_rows, (k + 1) * block_rows)``.
    tasks : int
        At most this many runs, never more than blocks; none is empty.
    edges : increasing row positions at which a row group begins
        A run that begins just after an edge decodes no rows in vain; runs move there if it costs at most 3 % balance.
    """
    blocks = -(-rows // block_rows)
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
