"""A disk that is full while blocks are written: a slower way that works, or one clear line, and nothing left behind."""

import os
import subprocess

import numpy as np
import pytest

from rows import write_parquet
from treefold.algorithms.linear.losses import logistic
from treefold.algorithms.linear.objective import objective
from treefold.dataset.blocks import WidenedStatistic, add
from treefold.dataset.reduction import BlockReduction, reduce_tree
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.engine.execution.task import MapTask, PassTask, ReadTask, pack
from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.engine.reading.assemble import Rows
from treefold.engine.reading.dataframe import Layout, Receive
from treefold.engine.reading.parquet import ParquetSource
from treefold.engine.reading.partitioning import TaskCount
from treefold.engine.reading.staging import Staged
from treefold.engine.storage.block_store import BlockStore

RNG = np.random.default_rng(9)
ROWS, FEATURES = 4000, 60
X = RNG.standard_normal((ROWS, FEATURES)).astype("f4")
Y = (X[:, 0] > 0).astype("f4")
COEF = RNG.standard_normal((1, 1, FEATURES + 1))
COLUMNS = Columns(tuple(f"x{j}" for j in range(FEATURES)), "label", "weight")


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """A disk of three quarters the size of the blocks."""
    if os.geteuid():
        pytest.skip("only root may mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={X.nbytes * 3 // 4}", "none", folder], check=True)
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(folder))
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def runs(tmp_path, small_blocks):
    path = write_parquet(tmp_path / "data", X, Y, np.ones(ROWS), [1000], "float32")
    return ParquetSource([f"file://{path}/part-00{i}.parquet" for i in range(2)], COLUMNS).runs(FEATURES, None, 2)


def passed(parts):
    """The sum, and what was lost, of a pass over the parts of two tasks."""
    work = pack(BlockReduction(WidenedStatistic(objective), (COEF, logistic, None), add))
    partials = [partial for part in parts for partial in PassTask(work)([part])]
    assert [fault for partial in partials for fault in partial.faults] == []
    value = reduce_tree((packed.node for partial in partials for packed in partial.nodes), add)
    return value, [str(loss) for partial in partials for account in partial.accounts for loss in account.losses]


def halved(block):
    return block._replace(X=block.X / 2)


def test_parquet_rows_that_have_no_room_are_read_in_every_pass(disk, runs):
    parts = [part for run in runs for part in ReadTask("full", BlockStore())([run])]
    assert [bool(part.path) for part in parts] == [True, False]
    assert [file.name for file in disk.glob("treefold/*")] == ["full-0"]
    for _ in range(2):
        value, (loss,) = passed(parts)
        assert loss.startswith(f"lost {parts[1].built.blocks} blocks, there is no room for blocks in {disk}")
        for got, wanted in zip(value, LocalBlocks.from_arrays(X, Y).sum(objective, COEF, logistic, None), strict=True):
            np.testing.assert_array_equal(got, wanted)


def test_mapped_blocks_that_have_no_room_are_mapped_in_every_pass(disk, runs):
    parts = [part for run in runs for part in ReadTask("full", BlockStore())([run])]
    half = [part for one in parts for part in MapTask("half", pack(halved, ()), BlockStore())([one])]
    assert [bool(part.path) for part in half] == [False, False]
    value, losses = passed(half)
    assert len(losses) == 2
    wanted = LocalBlocks.from_arrays(X, Y).map(halved).sum(objective, COEF, logistic, None)
    for got, of in zip(value, wanted, strict=True):
        np.testing.assert_array_equal(got, of)


def greedy(block):
    raise MemoryError


def test_memory_that_runs_out_is_one_clear_line(monkeypatch, tmp_path, runs):
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path))
    (part,) = ReadTask("memory", BlockStore())(runs[:1])
    (partial,) = PassTask(pack(BlockReduction(greedy, (), add)))([part])
    assert [fault.message.split(":")[0] for fault in partial.faults] == ["a Python worker ran out of memory"]


def test_a_dataframe_that_has_no_room_is_one_clear_line(disk, small_blocks):
    layout = Layout.of([Staged(0, ROWS, FEATURES, [], "nowhere", "")], COLUMNS, TaskCount(1))
    pieces = [(0, (at, Rows([X[at : at + 500]], Y[at : at + 500], np.ones(500, "f4")))) for at in range(0, ROWS, 500)]
    (fault,) = Receive("full", layout, BlockStore())(0, pieces)
    assert fault.message.startswith(f"there is no room for blocks in {disk} of ")
    assert fault.message.endswith(": give spark.local.dir more room, or save the rows as Parquet")
    assert list(disk.glob("treefold/*")) == []
