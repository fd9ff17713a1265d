"""Blocks: what an algorithm sees of the data, and how partial sums add.

The order of addition is a property of the data, not of the run: partials are merged along one binary tree over the
block numbers. A node ``(height, number, value)`` covers the blocks ``[number << height, (number + 1) << height)``; two
siblings merge into their parent as soon as both are there. A task hands in the few nodes that exactly cover its run of
blocks, so the same floating-point sums happen, in the same shape, for any number of tasks, any order of arrival, and
with retried or duplicated tasks.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

S = TypeVar("S", bound=tuple)
F = TypeVar("F", bound=Callable)
Merge = Callable[[Any, Any], Any]


class Node(NamedTuple):
    """Merged value of the blocks ``[number << height, (number + 1) << height)``."""

    height: int
    number: int
    value: Any


def push(stack: list[Node], node: Node, merge: Merge) -> None:
    """Append ``node`` and merge siblings at the top of the stack, as a binary counter carries."""
    while stack and stack[-1].height == node.height and stack[-1].number == node.number ^ 1 and node.number & 1:
        node = Node(node.height + 1, node.number >> 1, merge(stack.pop().value, node.value))
    stack.append(node)


def graft(nodes: Iterable[Node], merge: Merge) -> list[Node]:
    """Merge every pair of siblings among ``nodes``, in block order."""
    stack: list[Node] = []
    for node in sorted(nodes, key=lambda node: node.number << node.height):
        push(stack, node, merge)
    return stack


def root(nodes: Iterable[Node], merge: Merge) -> Any:
    """Value of all blocks: the incomplete right edge of the tree is merged from the right."""
    stack = graft(nodes, merge)
    value = stack.pop().value
    while stack:
        value = merge(stack.pop().value, value)
    return value


def add(left: S, right: S) -> S:
    """Add two statistics field by field."""
    return type(left)(*(a + b for a, b in zip(left, right, strict=True)))


class Leaf:
    """A statistic of one block, its floating fields widened to float64 before they are added."""

    def __init__(self, stat: Callable) -> None:
        self.stat = stat
        self.__name__ = stat_name(stat)

    def __call__(self, block: Any, *args: Any) -> Any:
        return self.widened(self.stat(block, *args))

    @staticmethod
    def widened(value: Any) -> Any:
        """The value with floating fields of float64."""
        return type(value)(*(np.asarray(a, np.float64) if np.asarray(a).dtype.kind == "f" else a for a in value))


def joined_by(many: Callable[[Sequence[Any], Sequence[tuple]], Sequence[Any]]) -> Callable[[F], F]:
    """Mark a statistic that is cheaper computed for several callers at once.

    ``many(blocks, args)`` is given the same rows under the weights of each caller, and each caller's arguments; it
    returns what ``stat(block, *args)`` would for each, to rounding.
    """

    def mark(stat: F) -> F:
        stat.joined = many  # type: ignore[attr-defined]
        return stat

    return mark


class Fold(NamedTuple):
    """A statistic of each block, merged along the tree: what a task of ``Blocks.fold`` does."""

    stat: Callable
    args: tuple
    merge: Merge

    def nodes(self, numbered: Iterable[tuple[int, Any]]) -> list[Node]:
        """The nodes that cover the blocks."""
        stack: list[Node] = []
        for number, block in numbered:
            push(stack, Node(0, number, self.stat(block, *self.args)), self.merge)
        return stack


class Tally(NamedTuple):
    """A statistic of all blocks of a task at once: what a task of ``Blocks.tally`` does."""

    stat: Callable
    args: tuple
    merge: Merge

    def nodes(self, numbered: Iterable[tuple[int, Any]]) -> list[Node]:
        """One node, at the place of the first block."""
        numbered = iter(numbered)
        first = next(numbered, None)
        if first is None:
            return []
        value = self.stat(_chained(first[1], numbered), *self.args)
        return [Node(0, first[0], value)]


def _chained(first: Any, numbered: Iterator[tuple[int, Any]]) -> Iterator[Any]:
    yield first
    for _, block in numbered:
        yield block


def stat_name(stat: Callable) -> str:
    """Name of a statistic, as passes and Spark's UI show it."""
    return getattr(stat, "__name__", type(stat).__name__)


@dataclass(frozen=True)
class Loss:
    """Blocks that were not at rest where a pass looked for them: why, how many, and the seconds to make them again."""

    why: str
    blocks: int
    seconds: float

    def __str__(self) -> str:
        return f"lost {self.blocks:,} blocks, {self.why}: made again in {self.seconds:.1f} s"


@dataclass(frozen=True)
class Pass:
    """Account of one pass over the data.

    ``seconds`` of the driver's clock; ``rows`` read; ``bytes_down`` of arguments shipped to all tasks and ``bytes_up``
    of partials returned; ``skew`` is the slowest task's seconds over the median task's; ``source`` is the door the data
    came through: ``memory``, ``parquet`` or ``dataframe``; ``how`` the partials came together: ``flat`` or ``tree`` in
    a job of their own, or ``standing`` from the tasks of a job that serves many passes.
    """

    name: str
    seconds: float
    rows: int
    tasks: int
    bytes_down: int
    bytes_up: int
    skew: float
    source: str
    how: str
    lost: tuple[Loss, ...] = ()


class Scan(Protocol):
    """Rows that can be passed over.

    A statistic is a module-level function ``stat(block, *args)`` that returns a NamedTuple of arrays or numbers.
    """

    def sum(self, stat: Callable, *args: Any) -> Any:
        """Sum of ``stat(block, *args)`` over all blocks, field by field in float64: one pass."""
        ...

    def fold(self, stat: Callable, *args: Any, merge: Merge) -> Any:
        """Merge of ``stat(block, *args)`` over all blocks along the fixed tree: one pass."""
        ...


class Blocks(Scan, Protocol):
    """A data set at rest, cut into :class:`~treefold.block.Block` s."""

    @property
    def features(self) -> int:
        """Number of features."""
        ...

    @property
    def passes(self) -> list[Pass]:
        """Accounts of the passes so far."""
        ...

    def tally(self, stat: Callable, *args: Any, merge: Merge = add) -> Any:
        """Merge of ``stat(blocks, *args)`` over the tasks, each of which sees an iterator of its blocks: one pass.

        Only for what merges exactly, so that neither the cut into tasks nor the order can show: counts, sums of numbers
        on a grid, rows in their order (the merge is given the earlier ones first).
        """
        ...

    def map(self, fn: Callable, *args: Any) -> "Blocks":
        """Blocks ``fn(block, *args)``, which keep their rows and their id, at rest beside these."""
        ...

    def close(self) -> None:
        """Give back the room the blocks take."""
        ...
