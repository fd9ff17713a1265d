"""The order of addition is a property of the data: any cut of the blocks into tasks builds the same tree."""

from itertools import pairwise

import numpy as np
import pytest

from treefold.blocks import Node, graft, push, root


def bracket(left: str, right: str) -> str:
    """A merge that shows its order."""
    return f"({left} {right})"


def tree(blocks: int) -> str:
    return root([Node(0, i, str(i)) for i in range(blocks)], bracket)


@pytest.mark.parametrize("blocks", range(1, 34))
def test_any_cut_and_any_order_of_arrival_build_the_same_tree(blocks):
    rng = np.random.default_rng(blocks)
    for tasks in range(1, min(blocks, 8) + 1):
        cuts = [0, *sorted(rng.choice(np.arange(1, blocks), tasks - 1, replace=False)), blocks]
        partials = []
        for first, last in pairwise(cuts):
            nodes: list[Node] = []
            for i in range(first, last):
                push(nodes, Node(0, i, str(i)), bracket)
            assert len(nodes) <= 2 * blocks.bit_length()
            partials.append(nodes)
        rng.shuffle(partials)
        pairs = [graft([*a, *b], bracket) for a, b in zip(partials[::2], partials[1::2], strict=False)]
        rest = partials[-1:] if tasks % 2 else []
        assert root([node for some in [*pairs, *rest] for node in some], bracket) == tree(blocks)


def test_the_tree_is_balanced_and_keeps_the_order_of_blocks():
    assert tree(8) == "(((0 1) (2 3)) ((4 5) (6 7)))"
    assert tree(6) == "(((0 1) (2 3)) (4 5))"
    assert tree(1) == "0"


def test_floating_sums_are_the_same_bits_for_any_cut():
    values = np.random.default_rng(0).standard_normal(1000) * 10.0 ** np.arange(1000) ** 0.3
    leaves = [Node(0, i, v) for i, v in enumerate(values)]
    whole = root(leaves, lambda a, b: a + b)
    for cut in (1, 333, 512, 999):
        halves = [graft(leaves[:cut], lambda a, b: a + b), graft(leaves[cut:], lambda a, b: a + b)]
        assert root([*halves[1], *halves[0]], lambda a, b: a + b) == whole
