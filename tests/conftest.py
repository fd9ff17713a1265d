"""One session of Spark for all tests that need it, and data sets for every engine."""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from rows import in_order, ragged, stored, vectors_in_order, write_parquet
from treefold.dataset import block as block_module
from treefold.engine.execution.local_blocks import LocalBlocks

ROOT = Path(__file__).parent.parent
os.environ["PYTHONPATH"] = f"{ROOT / 'lib'}{os.pathsep}{ROOT / 'tests'}{os.pathsep}{ROOT / 'tests' / 'spark'}"
os.environ["PYSPARK_PYTHON"] = sys.executable
# A JVM of a test lives too briefly to earn back what its second compiler costs.
os.environ.setdefault("SPARK_SUBMIT_OPTS", "-XX:TieredStopAtLevel=1")


def pytest_report_header() -> str:
    data = os.environ.get("TREEFOLD_DATA")
    return (
        f"TREEFOLD_DATA: {data}" if data else "TREEFOLD_DATA is not set: tests on the larger real data sets are skipped"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Marks are named here, as a change of pyproject.toml has the environment made again."""
    config.addinivalue_line("markers", "processes: jobs in processes of their own that are stopped, killed and resumed")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Files stay whole where tests run side by side, and there is one cluster at a time."""
    from xdist.scheduler import LoadFileScheduling

    class OneCluster(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "cluster" if nodeid.startswith("tests/cluster/") else super()._split_scope(nodeid)

    return OneCluster(config, log)


@pytest.fixture(scope="session")
def data_sets() -> Path:
    """Folder of the larger real data sets."""
    if "TREEFOLD_DATA" not in os.environ:
        pytest.skip("TREEFOLD_DATA is not set")
    return Path(os.environ["TREEFOLD_DATA"])


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.python.unix.domain.socket.enabled", "true")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse")))
        .config("spark.local.dir", str(tmp_path_factory.mktemp("local")))
        .config("spark.hadoop.fs.viewfs.mounttable.elsewhere.link./at", "file:///")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


@pytest.fixture
def process_as_before() -> Iterator[None]:
    """Signals and the library's logger as they were before a job ran in this process."""
    signals = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    logger = logging.getLogger("treefold")
    handlers, propagate = logger.handlers, logger.propagate
    yield
    for each, handler in signals.items():
        signal.signal(each, handler)
    logger.handlers, logger.propagate = handlers, propagate


@pytest.fixture
def small_blocks(monkeypatch) -> int:
    """Blocks of 64 rows, so that little data has many; returns 64."""
    monkeypatch.setattr(block_module, "BLOCK_BYTES", 1)
    monkeypatch.setattr(block_module, "SPARSE_ROWS", block_module.LEAST_ROWS)
    return block_module.LEAST_ROWS


LOCAL = ["one block", "ragged", "local"]
EVERY = [*LOCAL, *(pytest.param(reader, marks=pytest.mark.spark) for reader in ("parquet", "dataframe"))]


@pytest.fixture(params=LOCAL)
def engine(request, small_blocks, tmp_path) -> Iterator:
    """A function that turns arrays into Blocks of this process, cut in three ways.

    Laws of a statistic are tested on these: that every reader gives the same blocks, and every number of tasks the same
    sums, is proved once, by the tests that take ``every_engine`` and by tests/spark/test_engine.py.
    """
    yield from engine_of(request, tmp_path, sparse=False)


@pytest.fixture(params=EVERY)
def every_engine(request, small_blocks, tmp_path) -> Iterator:
    """The same, and through Spark by either reader."""
    yield from engine_of(request, tmp_path, sparse=False)


@pytest.fixture(params=LOCAL)
def sparse_engine(request, small_blocks, tmp_path) -> Iterator:
    """As ``engine``, but arrays or CSR become Blocks of CSR."""
    yield from engine_of(request, tmp_path, sparse=True)


@pytest.fixture(params=EVERY)
def every_sparse_engine(request, small_blocks, tmp_path) -> Iterator:
    """As ``every_engine``, but arrays or CSR become Blocks of CSR."""
    yield from engine_of(request, tmp_path, sparse=True)


def engine_of(request, folder: Path, sparse: bool) -> Iterator:
    opened = []

    def make(X, y, weight=None, dtype="float64", missing=False):
        X, y = csr_array(X) if sparse else np.asarray(X), np.asarray(y)
        weight = np.ones(len(y)) if weight is None else np.asarray(weight)
        if request.param == "one block":
            return ragged(X, y, weight, [], dtype)
        if request.param == "ragged":
            return ragged(X, y, weight, [1, 1, len(y) // 3, len(y) - 2], dtype)
        if request.param == "local":
            return LocalBlocks.from_arrays(X, y, weight, dtype=dtype)
        from treefold.engine.open import open_blocks
        from treefold.engine.reading.arrow_to_numpy import Columns

        session = request.getfixturevalue("spark")
        files = folder / f"{len(opened)}"
        if request.param == "dataframe":
            frame = vectors_in_order(session, X, y, weight) if sparse else in_order(session, X, y, weight)
        elif sparse:
            frame = stored(vectors_in_order(session, X, y, weight), files)
        else:
            frame = session.read.parquet(write_parquet(files, X, y, weight, [5, 5, len(y) // 2]))
        names = ("features",) if sparse else tuple(f"x{j}" for j in range(X.shape[1]))
        columns = Columns(names, "label", "weight", dtype, sparse, missing=missing)
        blocks = open_blocks(frame, columns, "test")
        opened.append(blocks)
        return blocks

    yield make
    for blocks in opened:
        blocks.close()
