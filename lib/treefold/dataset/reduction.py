"""How partial sums are added: the reduction tree, and the work of a task.

The order of addition is a property of the data, not of the run: partials are merged along one binary tree over the
block numbers. A node ``(height, number, value)`` covers the blocks ``[number << height, (number + 1) << height)``. Two
siblings merge into their parent as soon as both are present. A task returns the few nodes that exactly cover its run of
blocks. The same floating-point additions therefore happen in the same order for any number of tasks and any order of
arrival, and also if tasks are retried or duplicated.
"""

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, NamedTuple

from treefold.dataset.blocks import Merge, add, stat_name
from treefold.dataset.widening import widened


class Node(NamedTuple):
    """Merged value of the blocks ``[number << height, (number + 1) << height)``."""

    height: int
    number: int
    value: Any


def push_node(stack: list[Node], node: Node, merge: Merge) -> None:
    """Append ``node`` and merge siblings at the top of the stack, like the carry of a binary counter.

    Parameters
    ----------
    stack : list of Node
        Nodes so far, from left to right; changed in place.
    node : Node
        The next node to the right.
    merge : Merge
        Merges the values of two siblings.
    """
    while stack and stack[-1].height == node.height and stack[-1].number == node.number ^ 1 and node.number & 1:
        node = Node(node.height + 1, node.number >> 1, merge(stack.pop().value, node.value))
    stack.append(node)


def combine_nodes(nodes: Iterable[Node], merge: Merge) -> list[Node]:
    """Merge every pair of siblings among ``nodes``, in block order."""
    stack: list[Node] = []
    for node in sorted(nodes, key=lambda node: node.number << node.height):
        push_node(stack, node, merge)
    return stack


def reduce_tree(nodes: Iterable[Node], merge: Merge) -> Any:
    """Value of all blocks. The right edge of the tree is incomplete; it is merged from right to left."""
    stack = combine_nodes(nodes, merge)
    value = stack.pop().value
    while stack:
        value = merge(stack.pop().value, value)
    return value


class BlockReduction(NamedTuple):
    """A statistic of each block, merged along the tree: the work of one task of ``Blocks.reduce``."""

    stat: Callable
    args: tuple
    merge: Merge

    def nodes(self, numbered: Iterable[tuple[int, Any]]) -> list[Node]:
        """The nodes that cover the blocks."""
        stack: list[Node] = []
        for number, block in numbered:
            push_node(stack, Node(0, number, self.stat(block, *self.args)), self.merge)
        return stack

    @staticmethod
    def most_nodes(blocks: int) -> int:
        """Most nodes of a run of at most ``blocks`` blocks: two of each height, but one of the greatest height."""
        pairs = (blocks // 2 + 1).bit_length() - 1  # 2 (1 + 2 + 4 + ...) blocks have so many pairs of nodes
        return 2 * pairs + (blocks >= 2 * ((1 << pairs) - 1) + (1 << pairs))

    def merged(self, nodes: Iterable[Node], height: int) -> list[Node]:
        """Merge nodes up to a height.

        The tree is incomplete at its right edge. The nodes that are left there are merged into one node of this height.
        The root is merged from right to left, so its value is the same either way.

        Parameters
        ----------
        nodes : iterable of Node
            In block order: all descendants of some nodes of height ``height``.
        height : int
            Height of the nodes to return.

        Returns
        -------
        list of Node
        """
        stack: list[Node] = []
        for node in nodes:
            push_node(stack, node, self.merge)
        edge: list[Node] = []
        while stack and stack[-1].height < height:
            edge.insert(0, stack.pop())
        if edge:
            first = edge[0].number << edge[0].height
            push_node(stack, Node(height, first >> height, reduce_tree(edge, self.merge)), self.merge)
        return stack


class TaskReduction(NamedTuple):
    """A statistic of all blocks of a task at once: the work of one task of ``Blocks.reduce_tasks``."""

    stat: Callable
    args: tuple
    merge: Merge

    def nodes(self, numbered: Iterable[tuple[int, Any]]) -> list[Node]:
        """One node, numbered as the first block."""
        numbered = iter(numbered)
        first = next(numbered, None)
        if first is None:
            return []
        value = self.stat((block for _, block in chain([first], numbered)), *self.args)
        if self.merge is add:
            value = widened(value, stat_name(self.stat))
        return [Node(0, first[0], value)]

    @staticmethod
    def most_nodes(blocks: int) -> int:
        """One node for any number of blocks; none without blocks."""
        return min(blocks, 1)

    def merged(self, nodes: Iterable[Node], height: int) -> list[Node]:
        """One node, merged from neighbouring nodes in block order; ``height`` is ignored."""
        nodes = iter(nodes)
        first = next(nodes, None)
        if first is None:
            return []
        value = first.value
        for node in nodes:
            value = self.merge(value, node.value)
        return [first._replace(value=value)]
