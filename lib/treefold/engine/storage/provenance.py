"""How stored blocks were built, and what a task had to recompute."""

import time
from typing import NamedTuple

from pyspark import TaskContext

from treefold.dataset.blocks import Recomputed

PASS = "treefold.pass"  # Spark's property of a job, by which its tasks know for which pass they run


def this_pass() -> str:
    """The pass that this task runs for."""
    context = TaskContext.get()
    return (context.getLocalProperty(PASS) or "") if context else ""


class BuildRecord(NamedTuple):
    """How blocks were built.

    Attributes
    ----------
    first, blocks : int
        Number of the first block, and how many.
    during : str
        The pass for which they were built.
    seconds : float
        That it took.
    checksums : tuple of int
        One for each block; empty if they are not known.
    """

    first: int
    blocks: int
    during: str
    seconds: float
    checksums: tuple[int, ...]


class Provenance(NamedTuple):
    """How the blocks that a task read were built, and which of them the task had to recompute."""

    built: list[BuildRecord]
    losses: list[Recomputed]

    def lost(self, why: str, blocks: int, start: float) -> None:
        """Record a recomputation.

        Parameters
        ----------
        why : str
            The reason, as it appears in ``passes.jsonl``.
        blocks : int
            How many blocks were recomputed.
        start : float
            ``time.perf_counter()`` when the recomputation began.
        """
        self.losses.append(Recomputed(why, blocks, time.perf_counter() - start))
