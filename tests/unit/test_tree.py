"""The order of addition is a property of the data: any cut of the blocks into tasks builds the same tree."""

import errno
from itertools import pairwise

import numpy as np
import pytest

from treefold.dataset.reduction import BlockReduction, Node, TaskReduction, combine_nodes, push_node, reduce_tree
from treefold.engine.execution import kept_partials
from treefold.engine.execution.kept_partials import Limit
from treefold.engine.execution.partials import Account, Packed, Partial, packed
from treefold.engine.execution.tree_reduction import Address, Combine, Extent
from treefold.engine.storage.provenance import BuildRecord


def bracket(left: str, right: str) -> str:
    """A merge that shows its order."""
    return f"({left} {right})"


def tree(blocks: int) -> str:
    return reduce_tree([Node(0, i, str(i)) for i in range(blocks)], bracket)


@pytest.mark.parametrize("blocks", range(1, 34))
def test_any_cut_and_any_order_of_arrival_build_the_same_tree(blocks):
    rng = np.random.default_rng(blocks)
    for tasks in range(1, min(blocks, 8) + 1):
        cuts = [0, *sorted(rng.choice(np.arange(1, blocks), tasks - 1, replace=False)), blocks]
        partials = []
        for first, last in pairwise(cuts):
            nodes: list[Node] = []
            for i in range(first, last):
                push_node(nodes, Node(0, i, str(i)), bracket)
            assert len(nodes) <= BlockReduction.most_nodes(int(last - first))
            partials.append(nodes)
        rng.shuffle(partials)
        pairs = [combine_nodes([*a, *b], bracket) for a, b in zip(partials[::2], partials[1::2], strict=False)]
        rest = partials[-1:] if tasks % 2 else []
        assert reduce_tree([node for some in [*pairs, *rest] for node in some], bracket) == tree(blocks)


def test_no_run_of_so_many_blocks_or_fewer_has_more_nodes_and_some_run_has_as_many():
    most = 0
    for blocks in range(1, 70):
        for first in range(128):
            nodes: list[Node] = []
            for i in range(first, first + blocks):
                push_node(nodes, Node(0, i, ""), lambda a, b: "")
            most = max(most, len(nodes))
        assert most == BlockReduction.most_nodes(blocks)


def test_the_tree_is_balanced_and_keeps_the_order_of_blocks():
    assert tree(8) == "(((0 1) (2 3)) ((4 5) (6 7)))"
    assert tree(6) == "(((0 1) (2 3)) (4 5))"
    assert tree(1) == "0"


def test_floating_sums_are_the_same_bits_for_any_cut():
    values = np.random.default_rng(0).standard_normal(1000) * 10.0 ** np.arange(1000) ** 0.3
    leaves = [Node(0, i, v) for i, v in enumerate(values)]
    whole = reduce_tree(leaves, lambda a, b: a + b)
    for cut in (1, 333, 512, 999):
        halves = [combine_nodes(leaves[:cut], lambda a, b: a + b), combine_nodes(leaves[cut:], lambda a, b: a + b)]
        assert reduce_tree([*halves[1], *halves[0]], lambda a, b: a + b) == whole


def handed_in(blocks: int, cuts: list[int], reduce_tasks: bool) -> list[Partial]:
    """What tasks whose runs begin at the cuts return."""
    partials = []
    for first, last in pairwise([*cuts, blocks]):
        nodes: list[Node] = []
        for i in range(first, last):
            push_node(nodes, Node(0, i, str(i)), bracket)
        if reduce_tasks:
            nodes = [Node(0, first, "".join(f"<{i}>" for i in range(first, last)))]
        sent = packed(nodes)
        made = [BuildRecord(first, last - first, "", 0.0, ())]
        size = sum(len(node.value) for node in sent)
        partials.append(Partial(sent, [Account(0.0, 0, 0, size, len(sent), made, [])], []))
    return partials


@pytest.mark.parametrize("blocks", [*range(1, 34), 200, 1000])
@pytest.mark.parametrize("reduce_tasks", [False, True])
def test_levels_of_tasks_that_combine_build_the_same_tree_and_end_with_the_root(blocks, reduce_tasks):
    rng = np.random.default_rng(blocks)
    for tasks in {1, 2, min(7, blocks), min(40, blocks)}:
        cuts = [0, *sorted(rng.choice(np.arange(1, blocks), min(tasks, blocks) - 1, replace=False).tolist())]
        partials = handed_in(blocks, cuts, reduce_tasks)
        work = TaskReduction(None, (), lambda a, b: a + b) if reduce_tasks else BlockReduction(None, (), bracket)
        whole = "".join(f"<{i}>" for i in range(blocks)) if reduce_tasks else tree(blocks)
        accounts = [account for partial in partials for account in partial.accounts]
        for level in Extent.of(accounts).levels(0):
            inboxes: list[list] = [[] for _ in range(level.tasks)]
            for partial in partials:
                for group, piece in Address(level)(partial):
                    assert 0 <= group < level.groups
                    inboxes[level.dealt(group)].append((group, piece))
            for inbox in inboxes:
                rng.shuffle(inbox)
            partials = [partial for inbox in inboxes for partial in Combine(work, level.height)(inbox)]
            nodes = [each.node for partial in partials for each in partial.nodes]
            assert reduce_tree(nodes, work.merge) == whole
            if not reduce_tasks:
                assert all(node.height >= level.height for node in nodes)
                assert len(nodes) <= level.groups
        assert len(nodes) == 1
        assert sum(len(partial.accounts) for partial in partials) == len(cuts)


def test_a_task_returns_what_is_within_its_limit_and_keeps_the_rest_for_the_next_job_once(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARK_LOCAL_DIRS", f"{tmp_path / 'one'},{tmp_path / 'two'}")
    partial = Partial([Packed(0, 3, b"12345678")], [Account(0.0, 9, 1, 8, 1, [], [])], [])
    assert Limit(8, "pass").returned(partial) == partial
    assert Limit(16, "pass").returned(partial, most_nodes=3).held  # as its neighbours of three nodes
    limit = Limit(7, "pass")
    assert limit.returned(partial) == partial._replace(nodes=[], held=True)
    assert limit.kept() == partial
    assert limit.kept() is None
    assert Limit(7, "").returned(partial).held
    assert Limit(7, "").kept() is None
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_a_folder_that_is_full_before_a_file_is_begun_is_passed_over(tmp_path, monkeypatch):
    folders = [tmp_path / "full", tmp_path / "free"]
    monkeypatch.setattr(kept_partials.local_dirs, "candidates", lambda name: folders)
    monkeypatch.setattr(kept_partials.local_dirs, "create", lambda folder: folder)
    folders[1].mkdir()
    made = kept_partials.tempfile.mkstemp

    def mkstemp(dir, prefix):
        if dir == folders[0]:
            raise OSError(errno.EDQUOT, "quota")
        return made(dir=dir, prefix=prefix)

    monkeypatch.setattr(kept_partials.tempfile, "mkstemp", mkstemp)
    kept_partials._keep("partial", b"content")
    assert [path.name for path in folders[1].iterdir()] == ["partial"]
