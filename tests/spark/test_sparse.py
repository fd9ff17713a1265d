"""Sparse rows on the Spark engine: the same blocks through every reader, one decision, nothing dense, no trace."""

import hashlib
import os

import numpy as np
import pytest
from scipy.sparse import csr_array, issparse, random_array, vstack

from rows import stored, vectors_in_order
from treefold.dataset.block import Block
from treefold.dataset.csr import LOOK_ROWS, densify
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.engine.open import open_blocks
from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.engine.reading.partitioning import TaskCount
from treefold.errors import InputError

pytestmark = pytest.mark.spark

RNG = np.random.default_rng(34)
ROWS, FEATURES = 1500, 60
COLUMNS = Columns(("features",), "label", "weight", "float32", sparse=True)
READERS = ["parquet", "dataframe"]


def rows_of(density: float, rows: int = ROWS, features: int = FEATURES) -> csr_array:
    return csr_array(random_array((rows, features), density=density, format="csr", rng=RNG))


X = rows_of(0.02)
X.data[:5] = [-0.0, 1e-60, 0.0, 3.0, -1e-60]  # what becomes of zeros, stored or not, depends on no reader
Y, WEIGHT = RNG.random(ROWS), RNG.random(ROWS)


def kept(block: Block) -> dict[int, tuple[str, str]]:
    """What exactly a block stores, and its kind."""
    X = block.X
    arrays = (X.data, X.indices, X.indptr) if issparse(X) else (X,)
    content = b"".join(array.tobytes() for array in (*arrays, block.y, block.weight))
    return {block.id: ("csr" if issparse(X) else "dense", hashlib.sha256(content).hexdigest())}


def union(left: dict, right: dict) -> dict:
    assert not left.keys() & right.keys()
    return left | right


def halved(block: Block) -> Block:
    return block._replace(X=block.X / 2)


def content(blocks) -> dict[int, tuple[str, str]]:
    return blocks.reduce(kept, merge=union)


def kinds(blocks) -> set[str]:
    return {kind for kind, _ in content(blocks).values()}


@pytest.fixture(scope="module")
def made(spark, tmp_path_factory):
    """The rows ``X`` as a DataFrame for each reader."""
    frame = vectors_in_order(spark, X, Y, WEIGHT)
    return {"dataframe": frame, "parquet": stored(frame, tmp_path_factory.mktemp("made") / "rows")}


@pytest.fixture
def opened(spark, small_blocks, tmp_path, made):
    """Blocks of rows through a reader; closed in the end."""
    through = []

    def data(reader, rows, dense):
        if rows is X and not dense:
            return made[reader]
        frame = vectors_in_order(spark, rows, Y[: rows.shape[0]], WEIGHT[: rows.shape[0]], dense)
        return frame if reader == "dataframe" else stored(frame, tmp_path / str(len(through)))

    def make(reader, rows, columns=COLUMNS, tasks=None, dense=()):
        through.append(open_blocks(data(reader, rows, dense), columns, "test", tasks))
        return through[-1]

    yield make
    for blocks in through:
        blocks.close()


@pytest.fixture
def expected(small_blocks) -> dict:
    return content(LocalBlocks.from_arrays(X, Y, WEIGHT))


@pytest.mark.parametrize("tasks", [1, 2, 7])
@pytest.mark.parametrize("reader", READERS)
def test_any_reader_and_any_number_of_tasks_make_the_blocks_of_the_local_engine(opened, expected, reader, tasks):
    blocks = opened(reader, X, tasks=tasks)
    assert content(blocks) == expected
    assert {kind for kind, _ in expected.values()} == {"csr"}
    assert (blocks.passes[-1].source, blocks.passes[-1].tasks) == (reader, tasks)


@pytest.mark.parametrize("reader", READERS)
def test_dense_vectors_among_sparse_ones_make_the_same_blocks(opened, expected, reader):
    assert content(opened(reader, X, dense={*range(0, 40, 3), 700, *range(1200, ROWS)})) == expected


@pytest.mark.parametrize("reader", READERS)
def test_dense_vectors_that_are_mostly_zeros_are_stored_as_csr(opened, expected, reader):
    assert content(opened(reader, X, dense=range(ROWS))) == expected


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("columns", [COLUMNS, COLUMNS._replace(sparse=False)], ids=["may be CSR", "may not"])
def test_full_vectors_and_those_not_to_be_read_sparse_are_stored_dense(opened, reader, columns):
    rows = rows_of(0.06) if columns.sparse else X
    blocks = opened(reader, rows, columns, dense=range(100, 200))
    dense = np.empty(rows.shape)
    densify(rows, dense)  # toarray would lose the sign of a zero
    assert content(blocks) == content(LocalBlocks.from_arrays(dense, Y, WEIGHT))


@pytest.mark.parametrize("reader", READERS)
def test_the_first_rows_decide_for_all(opened, reader):
    first, rest = LOOK_ROWS, ROWS - LOOK_ROWS
    assert kinds(opened(reader, vstack([rows_of(0.045, first), rows_of(0.9, rest)], format="csr"))) == {"csr"}
    full = vstack([rows_of(0.055, first), rows_of(0.0, rest)], format="csr")
    assert content(opened(reader, full)) == content(LocalBlocks.from_arrays(full.toarray(), Y, WEIGHT))


@pytest.mark.parametrize("reader", READERS)
def test_only_a_single_column_of_vectors_is_stored_as_csr(spark, small_blocks, tmp_path, reader):
    from pyspark.ml.functions import vector_to_array

    frame = vectors_in_order(spark, X, Y, WEIGHT).withColumn("array", vector_to_array("features"))
    data = frame if reader == "dataframe" else stored(frame, tmp_path / "data")
    dense = X.toarray() + 0.0
    for names, rows in ((("features", "label"), np.column_stack([dense, Y])), (("array",), dense)):
        with open_blocks(data, COLUMNS._replace(features=names), "test") as blocks:
            assert kinds(blocks) == {"dense"}
            assert blocks.features == rows.shape[1]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("harm", [os.unlink, lambda path: os.truncate(path, 100)], ids=["deleted", "truncated"])
def test_blocks_that_vanish_are_made_again(opened, expected, reader, harm):
    blocks = opened(reader, X)
    half = blocks.map(halved)
    before = content(half)
    assert content(blocks) == expected
    for lost in ([half], [blocks], [blocks, half]):
        for path in [path for one in lost for path in one.parts.map(lambda part: part.path).collect()]:
            harm(path)
        assert content(half) == before
        assert content(blocks) == expected
    half.close()


def test_large_files_are_mapped_block_by_block_to_the_same_bits(opened, expected, monkeypatch):
    from treefold.engine.storage import mmap_cache
    from treefold.engine.storage.provenance import Provenance

    blocks = opened("parquet", X, tasks=2)
    parts = blocks.parts.collect()
    monkeypatch.setenv("SPARK_LOCAL_DIRS", os.path.dirname(os.path.dirname(parts[0].path)))
    monkeypatch.setattr(mmap_cache, "KEPT_BYTES", 0)
    read = [kept(block) for part in parts for _, block in part.numbered(Provenance([], []))]
    assert {id: value for one in read for id, value in one.items()} == expected


@pytest.mark.parametrize("reader", READERS)
def test_nan_names_entry_and_row(opened, reader):
    blocks = opened(reader, csr_array(X + csr_array(([np.nan], ([1300], [12])), X.shape)))
    with pytest.raises(InputError, match=r"column 'features\[12\]' holds NaN in row [\d,]+ of") as caught:
        content(blocks)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("reader", READERS)
def test_vectors_of_different_sizes_are_an_error(spark, small_blocks, tmp_path, reader):
    frames = [vectors_in_order(spark, rows_of(0.01, 90, width), Y[:90], WEIGHT[:90]) for width in (200, 201)]
    for i, both in enumerate((frames[0].union(frames[1]), frames[0].union(frames[1]).coalesce(1))):
        data = both if reader == "dataframe" else stored(both, tmp_path / str(i))

        def read(data=data):
            with open_blocks(data, COLUMNS, "test") as blocks:
                content(blocks)

        with pytest.raises(InputError, match=r"20[01].*20[01]"):
            read()


@pytest.mark.parametrize("reader", READERS)
def test_a_million_features_are_never_made_dense(opened, reader):
    """200 dense rows of them would be 800 MB; that the blocks are those of the local engine says the rest."""
    rows = rows_of(0.00005, 200, 1_000_000)
    blocks = opened(reader, rows)
    assert content(blocks) == content(LocalBlocks.from_arrays(rows, Y[:200], WEIGHT[:200]))
    assert blocks.features == 1_000_000
    assert max(blocks.parts.map(lambda part: part.shape.bytes).collect()) < 1 << 20


def test_nothing_but_the_blocks_is_left_of_what_was_received(spark, small_blocks, tmp_path, monkeypatch):
    from treefold.engine.reading.assemble import Rows
    from treefold.engine.reading.dataframe import Layout, Receive
    from treefold.engine.reading.staging import Staged
    from treefold.engine.storage.block_store import BlocksLost, BlockStore

    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path))
    layout = Layout.of([Staged(0, 3, FEATURES, [0, 0, 0], "nowhere", "")], COLUMNS, TaskCount(1))
    pieces = [
        (0, (at, Rows([csr_array((1, FEATURES), dtype="f4")], np.full(1, at, "f4"), np.ones(1, "f4"))))
        for at in (2, 0, 1)
    ]

    def left() -> list[str]:
        return [file.name for file in tmp_path.glob("treefold/*")]

    with pytest.raises(BlocksLost, match="1 of 3 rows did not arrive"):
        list(Receive("kept", layout, BlockStore())(0, pieces[1:]))
    assert left() == []

    def breaking():
        yield pieces[0]
        raise OSError("the network is down")

    with pytest.raises(OSError, match="the network is down"):
        list(Receive("kept", layout, BlockStore())(0, breaking()))
    assert left() == []
    (part,) = Receive("kept", layout, BlockStore())(0, pieces)
    assert left() == ["kept-0"]
    assert part.shape.values == (0,)


def test_rows_received_again_replace_blocks_of_the_same_length(spark, small_blocks, tmp_path, monkeypatch):
    """Rows that Spark makes again may stand in another order: blocks of the order before must not be mixed in."""
    from treefold.engine.reading.assemble import Rows
    from treefold.engine.reading.dataframe import Layout, Receive
    from treefold.engine.reading.staging import Staged
    from treefold.engine.storage.block_store import BlockStore
    from treefold.engine.storage.provenance import Provenance

    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path))
    layout = Layout.of([Staged(0, 1, FEATURES, [FEATURES], "nowhere", "")], COLUMNS, TaskCount(1))
    for label in (1.0, 2.0):
        rows = Rows([np.full((1, FEATURES), label, "f4")], np.full(1, label, "f4"), np.ones(1, "f4"))
        (part,) = Receive("again", layout, BlockStore())(0, [(0, (0, rows))])
        ((_, block),) = part.numbered(Provenance([], []))
        assert block.y == block.X[0, 0] == label
