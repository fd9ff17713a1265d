"""What a task tells of the blocks it read."""

import time
from typing import NamedTuple

from pyspark import TaskContext

from treefold.blocks import Loss

PASS = "treefold.pass"  # Spark's property of a job, by which its tasks know for which pass they run


def this_pass() -> str:
    """The pass that this task runs for."""
    context = TaskContext.get()
    return (context.getLocalProperty(PASS) or "") if context else ""


class Made(NamedTuple):
    """How blocks came to rest.

    Attributes
    ----------
    first, blocks : int
        Number of the first block, and how many.
    during : str
        The pass for which they were made.
    seconds : float
    checksums : tuple of int
        Of each block; empty where they are not known.
    """

    first: int
    blocks: int
    during: str
    seconds: float
    checksums: tuple[int, ...]


class Diary(NamedTuple):
    """What a task saw of the blocks it read: how they had come to rest, and which of them it had to make again."""

    made: list[Made]
    losses: list[Loss]

    def lost(self, why: str, blocks: int, start: float) -> None:
        """Note what had to be made again, which began at ``start``."""
        self.losses.append(Loss(why, blocks, time.perf_counter() - start))
