"""Collection of partials: directly, or combined on the executors first if they are too large.

A task knows the size of its nodes of the reduction tree. If that exceeds its share of what the driver accepts, it keeps
them in a file on its executor and returns their size alone; a second job then combines them. Later passes of the
statistic skip the first job. Nodes are grouped by their ancestor at some height of the tree, so that a group merges
into one node. ``RDD.treeAggregate`` groups strided tasks, whose nodes have no siblings to merge with.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pyspark import RDD

from treefold.dataset.reduction import BlockReduction, TaskReduction
from treefold.engine.execution.kept_partials import KeptTask, Limit, Task
from treefold.engine.execution.partials import Account, Packed, Partial, packed
from treefold.engine.storage.block_store import Fault

FAN = 8  # number of nodes that a task of a level merges into one


class Extent(NamedTuple):
    """Size of the nodes of a pass: tasks, total nodes, bytes of a node of the largest task, blocks."""

    tasks: int
    nodes: int
    node_bytes: int
    blocks: int

    @classmethod
    def of(cls, accounts: Sequence[Account]) -> "Extent":
        """Extent of a pass, from the records of all tasks."""
        heaviest = max((-(-account.bytes // max(1, account.nodes)) for account in accounts), default=0)
        blocks = max((built.first + built.blocks for account in accounts for built in account.built), default=1)
        return cls(len(accounts), sum(account.nodes for account in accounts), heaviest, blocks)

    @property
    def bytes(self) -> int:
        """Bytes of all nodes, at most."""
        return self.nodes * self.node_bytes

    def levels(self, budget: int) -> list["Level"]:
        """Levels at which tasks merge nodes, one after the other, up to the root."""
        count = self.nodes
        found: list[Level] = []
        while count > 1 or not found:
            count = -(-count // FAN)
            height = (-(-self.blocks // count) - 1).bit_length()
            count = -(-self.blocks // (1 << height))
            found.append(Level(height, count, min(count, self.tasks), count * self.node_bytes <= budget))
        return found


class Level(NamedTuple):
    """A level at which nodes are merged: each of ``groups`` has the nodes below one node of ``height``.

    ``light`` says whether the driver may collect the result, if merged nodes are as large as nodes before.
    """

    height: int
    groups: int
    tasks: int
    light: bool

    def dealt(self, group: int) -> int:
        """The task of a group; neighbouring groups have the same task."""
        return group * self.tasks // self.groups


@dataclass(frozen=True)
class Address:
    """Addresses the nodes of a partial to the groups of their ancestors, and the rest of it to the first group."""

    level: Level

    def __call__(self, partial: Partial) -> Iterator[tuple[int, Partial]]:
        yield self._group(partial.nodes[0]) if partial.nodes else 0, partial._replace(nodes=[])
        for node in partial.nodes:
            yield self._group(node), Partial([node], [], [])

    def _group(self, node: Packed) -> int:
        return min(node.first >> self.level.height, self.level.groups - 1)


@dataclass(frozen=True)
class Combine:
    """Merges the nodes that have arrived in any order; returns them if they are within the limit."""

    work: BlockReduction | TaskReduction
    height: int
    limit: Limit | None = None

    def __call__(self, arrived: Iterable[tuple[int, Partial]]) -> Iterator[Partial]:
        nodes: list[Packed] = []
        accounts: list[Account] = []
        faults: list[Fault] = []
        for _, partial in arrived:
            nodes += partial.nodes
            accounts += partial.accounts
            faults += partial.faults
        nodes.sort(key=lambda node: node.first)
        merged = self.work.merged((node.node for node in nodes), self.height)
        partial = Partial(packed(merged), accounts, faults)
        yield self.limit.returned(partial) if self.limit else partial


def collected(
    parts: RDD,
    task: Callable[[Limit | None], Task],
    work: BlockReduction | TaskReduction,
    budget: int,
    name: str,
    before: Extent | None,
) -> tuple[list[Partial], str]:
    """Partials of all tasks of a pass, at most about ``budget`` bytes, and how they were combined.

    Parameters
    ----------
    parts : RDD
        Handles of the blocks.
    task : callable
        Makes the task of a pass for a limit, or for no limit.
    work : BlockReduction or TaskReduction
        The statistic and its merge.
    budget : int
        Bytes of partials that the driver accepts.
    name : str
        Prefix of the files in which tasks keep large partials; empty if no disk may hold them.
    before : Extent, optional
        Extent of an earlier pass of the statistic.

    Returns
    -------
    tuple of list of Partial, and str
        The second is ``flat`` or ``tree``.
    """
    if before is not None and before.bytes > budget:
        return _combined(parts.mapPartitions(task(None)), work, budget, before), "tree"
    limit = Limit(budget // parts.getNumPartitions(), name)
    found: list[Partial] = parts.mapPartitions(task(limit)).collect()
    if not any(partial.held for partial in found):
        return found, "flat"
    extent = Extent.of([account for partial in found for account in partial.accounts])
    return _combined(parts.mapPartitions(KeptTask(task(None), limit)), work, budget, extent), "tree"


def _combined(partials: RDD, work: BlockReduction | TaskReduction, budget: int, extent: Extent) -> list[Partial]:
    """The partials after as many levels of merging as are needed to stay within the budget, or up to the root."""
    work = work._replace(args=())
    for level in extent.levels(budget):
        sent = partials.flatMap(Address(level)).partitionBy(level.tasks, level.dealt)
        partials = sent.mapPartitions(Combine(work, level.height))
        if level.light and level.groups > 1:  # unless merged nodes are larger
            some = Limit(budget // level.tasks, "")
            found: list[Partial] = sent.mapPartitions(Combine(work, level.height, some)).collect()
            if not any(partial.held for partial in found):
                return found
    return partials.collect()
