"""The result of a task: nodes of the reduction tree, and a record of its work."""

import pickle
from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from pyspark import cloudpickle

from treefold.dataset.blocks import Pass, Recomputed
from treefold.dataset.reduction import Node
from treefold.engine.storage.block_store import Fault
from treefold.engine.storage.provenance import BuildRecord


class Account(NamedTuple):
    """Record of the work of one task; ``bytes`` are those of its ``nodes``."""

    seconds: float
    rows: int
    features: int
    bytes: int
    nodes: int
    built: list[BuildRecord]
    losses: list[Recomputed]


class Packed(NamedTuple):
    """A node of the reduction tree whose value is pickled."""

    height: int
    number: int
    value: bytes

    @property
    def node(self) -> Node:
        """The node."""
        return Node(self.height, self.number, pickle.loads(self.value))

    @property
    def first(self) -> int:
        """Number of its first block."""
        return self.number << self.height


class Partial(NamedTuple):
    """Results of one or more tasks: nodes of the reduction tree, records and faults in task order.

    ``held`` says that the nodes were too large and are kept on the executor.
    """

    nodes: list[Packed]
    accounts: list[Account]
    faults: list[Fault]
    held: bool = False


def packed(nodes: Iterable[Node]) -> list[Packed]:
    """Nodes with their values pickled."""
    return [Packed(height, number, cloudpickle.dumps(value)) for height, number, value in nodes]


def pass_of(
    accounts: Sequence[Account],
    name: str,
    seconds: float,
    sent: int,
    source: str,
    how: str,
    lost: tuple[Recomputed, ...],
) -> Pass:
    """Record of a pass, from the records of its tasks.

    Parameters
    ----------
    accounts : sequence of Account
        Records of the tasks.
    name : str
        Name of the statistic.
    seconds : float
        Wall-clock seconds on the driver.
    sent : int
        Bytes that each task received.
    source : str
        ``memory``, ``parquet`` or ``dataframe``.
    how : str
        ``flat``, ``tree`` or ``pooled``.
    lost : tuple of Recomputed
        Blocks that were recomputed.

    Returns
    -------
    Pass
    """
    slowest, median_task = max(a.seconds for a in accounts), median(a.seconds for a in accounts)
    return Pass(
        name=name,
        seconds=seconds,
        rows=sum(account.rows for account in accounts),
        tasks=len(accounts),
        bytes_down=sent * len(accounts),
        bytes_up=sum(account.bytes for account in accounts),
        skew=slowest / median_task,
        source=source,
        how=how,
        lost=lost,
    )
