"""What the Spark engine owes everyone: the same bits, one wave, nothing lost, nothing left."""

import os
import stat
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rows import ragged, write_parquet
from treefold.algorithms.forest.first_pass import first_pass
from treefold.algorithms.linear.gram import gram
from treefold.algorithms.linear.losses import logistic
from treefold.algorithms.linear.objective import objective
from treefold.dataset.block import Block
from treefold.engine.execution import pass_jobs, task
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.engine.open import open_blocks
from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.engine.storage.block_store import BlockStore
from treefold.errors import InputError
from treefold.statistics.moments import moments

pytestmark = pytest.mark.spark

RNG = np.random.default_rng(5)
ROWS, FEATURES = 3000, 6
X = RNG.standard_normal((ROWS, FEATURES)).astype("f4")
Y = (X[:, 0] > 0).astype(float)
COEF = RNG.standard_normal((1, 1, FEATURES + 1))
COLUMNS = Columns(tuple(f"x{j}" for j in range(FEATURES)), "label", "weight")
LAYOUTS = {
    "one file": [],
    "a thousand files": list(range(3, ROWS, 3)),
    "one huge and many tiny": list(range(1, 200)),
    "empty files": [0, 0, 1500, 1500, 1500, ROWS],
}


def bits(blocks) -> bytes:
    """The exact result of two passes."""
    parts = [*blocks.sum(objective, COEF, logistic, None), *moments(blocks)[1:]]
    return b"".join(np.asarray(part, float).tobytes() for part in parts)


@pytest.fixture
def frame(spark, tmp_path, small_blocks):
    def make(cuts=(), **options):
        return spark.read.parquet(write_parquet(tmp_path / "data", X, Y, np.ones(ROWS), list(cuts), "float32"))

    return make


@pytest.fixture
def expected(small_blocks) -> bytes:
    return bits(LocalBlocks.from_arrays(X, Y))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("reader", ["parquet", "dataframe"])
def test_any_layout_gives_the_bits_of_the_local_engine_in_balanced_tasks(frame, expected, layout, reader):
    data = frame(LAYOUTS[layout])
    if reader == "dataframe":
        data = data.repartition(1).sortWithinPartitions("x0").where("weight > 0")
        order = np.argsort(X[:, 0], kind="stable")
        expected = bits(LocalBlocks.from_arrays(X[order], Y[order]))
    with open_blocks(data, COLUMNS, "test") as blocks:
        assert bits(blocks) == expected
        last = blocks.passes[-1]
        assert (last.source, last.tasks, last.rows) == (reader, 2, ROWS)
        assert sorted(rows_by_task(blocks)) == [1464, 1536]


def rows_by_task(blocks) -> list[int]:
    return blocks.parts.map(lambda part: part.shape.rows).collect()


@pytest.mark.parametrize("tasks", [1, 2, 7])
@pytest.mark.parametrize("reader", ["parquet", "dataframe"])
def test_any_number_of_tasks_gives_the_same_bits(frame, expected, tasks, reader):
    data = frame([100, 2000])
    if reader == "dataframe":
        data = data.coalesce(1).orderBy("x0").where("weight > 0")
        order = np.argsort(X[:, 0], kind="stable")
        expected = bits(LocalBlocks.from_arrays(X[order], Y[order]))
    with open_blocks(data, COLUMNS, "test", tasks) as blocks:
        assert bits(blocks) == expected
        assert blocks.passes[-1].tasks == tasks


@pytest.mark.parametrize("limit", [0, 3000])
@pytest.mark.parametrize("private", [False, True], ids=["kept in files", "made again"])
def test_partials_combined_on_the_executors_give_the_same_bits(frame, expected, monkeypatch, limit, private):
    monkeypatch.setattr(pass_jobs, "FLAT_BYTES", limit)
    with open_blocks(frame(), COLUMNS, "test", 7) as blocks:
        blocks.store = BlockStore(on_disk=not private)
        assert bits(blocks) == bits(blocks) == expected
        assert [p.how for p in blocks.passes] == 4 * ["tree"]
        assert {(p.rows, p.tasks) for p in blocks.passes} == {(ROWS, 7)}
        folders = blocks.context.parallelize([0]).map(lambda _: os.environ["SPARK_LOCAL_DIRS"]).first().split(",")
        files = [file.name for folder in folders for file in Path(folder).glob(f"*/{blocks.name}-*")]
        assert len(files) == 7  # of the blocks: what tasks kept was taken


def test_a_statistic_that_was_too_much_for_the_driver_is_combined_by_one_job_the_next_time(spark, frame, monkeypatch):
    monkeypatch.setattr(pass_jobs, "FLAT_BYTES", 0)
    jobs = spark.sparkContext.statusTracker().getJobIdsForGroup
    with open_blocks(frame(), COLUMNS, "test", 7) as blocks:
        counts = []
        for _ in range(3):
            before = len(jobs())
            moments(blocks)
            counts.append(len(jobs()) - before)
    assert counts == [2, 1, 1]


class Rows(NamedTuple):
    first: np.ndarray


def first_column(blocks) -> Rows:
    return Rows(np.concatenate([block.X[:, 0] for block in blocks]))


def after(left: Rows, right: Rows) -> Rows:
    return Rows(np.concatenate([left.first, right.first]))


def test_partials_of_whole_tasks_are_combined_in_the_order_of_the_rows(frame, monkeypatch):
    monkeypatch.setattr(pass_jobs, "FLAT_BYTES", 0)
    with open_blocks(frame(), COLUMNS, "test", 9) as blocks:
        np.testing.assert_array_equal(blocks.reduce_tasks(first_column, merge=after).first, X[:, 0])
        assert blocks.passes[-1].how == "tree"


@pytest.fixture
def small_results(spark):
    """A driver that takes 32 MB of results from a job."""
    confs = spark.sparkContext._conf, spark.sparkContext._jsc.sc().conf()
    for conf in confs:
        conf.set("spark.driver.maxResultSize", "32m")
    yield
    for conf in confs:
        conf.set("spark.driver.maxResultSize", "1g")


def test_a_first_pass_whose_partials_are_heavy_succeeds_with_the_bits_of_the_local_engine(
    spark, tmp_path, small_blocks, small_results
):
    """40 tasks return some 160 nodes of 0.7 MB for the products of 300 features, and as much for their quantiles."""
    rows, features = 200 * small_blocks, 300
    wide = RNG.standard_normal((rows, features)).astype("f4")
    label = (wide[:, 0] > 0).astype(float)
    names = tuple(f"x{j}" for j in range(features))
    data = spark.read.parquet(write_parquet(tmp_path / "wide", wide, label, np.ones(rows), [], "float32"))
    local = LocalBlocks.from_arrays(wide, label)
    none = np.array([], int)
    with open_blocks(data, Columns(names, "label", "weight"), "test", 40) as blocks:
        found, expected = gram(blocks, 4096), gram(local, 4096)
        assert found.products.tobytes() == expected.products.tobytes()
        found, expected = first_pass(blocks, True, none, 32), first_pass(local, True, none, 32)
        assert found.sketch.values.tobytes() == expected.sketch.values.tobytes()
        assert [(p.how, p.tasks) for p in blocks.passes] == [("tree", 40)] * 2


class Large(NamedTuple):
    numbers: np.ndarray


def large(block: Block) -> Large:
    return Large(np.zeros(5 << 20))


def test_a_partial_that_the_driver_does_not_take_is_one_line_that_names_the_property(frame, small_results):
    with open_blocks(frame(), COLUMNS, "test", 3) as blocks, pytest.raises(InputError) as caught:
        blocks.sum(large)
    assert str(caught.value) == (
        "what a task of pass large returns is beyond spark.driver.maxResultSize, which is 32m: raise it, and "
        "spark.driver.memory with it"
    )


def test_large_arguments_are_broadcast(frame, expected, monkeypatch):
    monkeypatch.setattr(task, "CLOSURE_BYTES", 10)
    with open_blocks(frame(), COLUMNS, "test") as blocks:
        assert bits(blocks) == expected


def block_files(blocks) -> list[Path]:
    return [Path(path) for path in blocks.parts.map(lambda part: part.path).collect()]


@pytest.mark.parametrize("reader", ["parquet", "dataframe"])
@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (os.unlink, "not found"),
        (lambda path: os.truncate(path, 100), "not found"),
        (lambda path: flip(path), "damaged"),
    ],
    ids=["deleted", "truncated", "one bit flipped"],
)
def test_blocks_that_are_lost_are_recomputed_and_reported(frame, reader, harm, why):
    data = frame([100, 2000])
    with open_blocks(data if reader == "parquet" else data.where("weight > 0"), COLUMNS, "test") as blocks:
        before = bits(blocks)
        assert [p.lost for p in blocks.passes] == [()] * 2
        for files in (block_files(blocks)[1:], block_files(blocks)):
            for file in files:
                harm(file)
            assert bits(blocks) == before
            (loss,), after = (p.lost for p in blocks.passes[-2:])
            assert after == ()
            lost = 23 if len(files) == 1 and reader == "parquet" else 47
            told = f"whose file was {why}" if reader == "parquet" else "all of them"
            assert str(loss).startswith(f"lost {lost} blocks, {told}")
            assert loss.seconds > 0


def flip(path: Path) -> None:
    """Change one bit of the features of the first block, and the time back."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(801)
        (byte,) = file.read(1)
        file.seek(801)
        file.write(bytes([byte ^ 4]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("reader", ["parquet", "dataframe"])
def test_recomputed_rows_that_differ_are_refused(frame, tmp_path, reader):
    data = frame([100, 2000])
    with open_blocks(data if reader == "parquet" else data.where("weight > 0"), COLUMNS, "test") as blocks:
        bits(blocks)
        file = tmp_path / "data" / "part-001.parquet"
        table, group = pq.read_table(file), pq.read_metadata(file).row_group(0).num_rows
        other = table.set_column(0, "x0", pa.array(np.flip(table["x0"].to_numpy())))
        pq.write_table(other, file, row_group_size=group)
        for path in block_files(blocks):
            path.unlink()
        with pytest.raises(InputError, match=r"rows that were lost came back otherwise: .*\n?") as caught:
            bits(blocks)
    assert "\n" not in str(caught.value)


@pytest.fixture
def encrypted(spark):
    """Spark's conf says that what it writes to disks is encrypted."""
    spark.sparkContext._conf.set("spark.io.encryption.enabled", "true")
    yield
    spark.sparkContext._conf.set("spark.io.encryption.enabled", "false")


@pytest.mark.parametrize("reader", ["parquet", "dataframe"])
def test_where_spark_encrypts_it_keeps_the_blocks_and_no_file_is_written(frame, encrypted, reader):
    data, local = frame([100, 2000]), LocalBlocks.from_arrays(X, Y)
    if reader == "dataframe":
        order = np.argsort(X[:, 0], kind="stable")
        data, local = data.repartition(2).orderBy("x0"), LocalBlocks.from_arrays(X[order], Y[order])
    expected = bits(local)
    with open_blocks(data, COLUMNS, "test", 3) as blocks:
        assert bits(blocks) == expected
        with blocks.map(halved) as half:
            assert bits(half) == bits(local.map(halved))
            kept = half.parts.map(lambda part: (type(part).__name__, part.first)).collect()
        assert kept == [("SparkStoredBlock", i) for i in range(47)]
        assert (blocks.passes[-1].tasks, blocks.passes[-1].rows, blocks.features) == (3, ROWS, FEATURES)
        roots = blocks.context.parallelize([0]).map(lambda _: os.environ["SPARK_LOCAL_DIRS"]).first().split(",")
        assert [file for root in roots for file in Path(root).glob(f"*/{blocks.name}*")] == []
        blocks.parts.unpersist(blocking=True)
        blocks.parts.persist()
        assert bits(blocks) == expected
        assert str(blocks.passes[-2].lost[0]).startswith("lost 47 blocks, which were gone with their executor")


def test_mapped_blocks_that_are_lost_are_recomputed_with_their_parents(frame):
    data = frame([100, 2000])
    for reader in (data, data.where("weight > 0")):
        with open_blocks(reader, COLUMNS, "test") as blocks, blocks.map(halved) as half:
            before = bits(half)
            for file in [*block_files(blocks), *block_files(half)]:
                file.unlink()
            assert bits(half) == before


def halved(block: Block) -> Block:
    return block._replace(X=block.X / 2)


def test_files_are_their_owners_only_and_go_when_closed(frame):
    with open_blocks(frame(), COLUMNS, "test") as blocks:
        bits(blocks)
        files = block_files(blocks)
        assert files
        for file in files:
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        folder = files[0].parent
    assert [file for file in folder.iterdir() if file.name.startswith(blocks.name)] == []


def test_staged_rows_are_their_owners_only(frame, monkeypatch):
    from treefold.engine.reading import dataframe

    seen = []
    layout_of = dataframe.Layout.of.__func__
    monkeypatch.setattr(
        dataframe.Layout, "of", classmethod(lambda cls, staged, *a: seen.extend(staged) or layout_of(cls, staged, *a))
    )
    with open_blocks(frame([100, 2000]).where("weight > 0"), COLUMNS, "test") as blocks:
        bits(blocks)
        assert sum(part.rows for part in seen) == ROWS
        assert {stat.S_IMODE(os.stat(part.path).st_mode) for part in seen} == {0o600}


def test_the_job_has_a_name_and_the_callers_name_is_kept(frame, spark):
    context, seen = spark.sparkContext, []

    with open_blocks(frame(), COLUMNS, "Digits") as blocks:
        context.setLocalProperty("spark.job.description", "mine")
        collect = blocks.jobs._collect
        blocks.jobs._collect = lambda *a: seen.append(context.getLocalProperty("spark.job.description")) or collect(*a)
        moments(blocks)
        assert seen == ["treefold Digits pass 1: block_moments"]
        assert context.getLocalProperty("spark.job.description") == "mine"
        context.setLocalProperty("spark.job.description", None)


def test_every_pass_is_accounted_for(frame):
    with open_blocks(frame(), COLUMNS, "test") as blocks:
        blocks.sum(objective, COEF, logistic, None)
        (only,) = blocks.passes
    assert (only.name, only.rows, only.tasks, only.source, only.how) == ("objective", ROWS, 2, "parquet", "flat")
    assert only.seconds > 0
    assert only.skew >= 1
    assert only.bytes_down > 2 * COEF.nbytes
    assert only.bytes_up > 2 * COEF.nbytes


def reader_of(data, columns=COLUMNS) -> str:
    with open_blocks(data, columns, "test") as blocks:
        assert moments(blocks).rows > 0
        return blocks.passes[0].source


def test_plain_scans_are_read_from_parquet_and_all_else_from_the_dataframe(frame, spark, tmp_path):
    data = frame([1000])
    names = [*COLUMNS.features, "label", "weight"]
    assert reader_of(data) == "parquet"
    assert reader_of(data.select(*reversed(names))) == "parquet"
    assert reader_of(data.drop("weight"), COLUMNS._replace(weight=None)) == "parquet"
    assert reader_of(data.where("label = 1")) == "dataframe"
    assert reader_of(data.withColumn("x0", data.x0 * 2)) == "dataframe"
    assert reader_of(data.withColumnRenamed("x0", "z").withColumnRenamed("z", "x0")) == "dataframe"
    assert reader_of(data.limit(100)) == "dataframe"
    assert reader_of(data.union(data)) == "dataframe"
    files, schema = data.inputFiles(), data.schema
    assert reader_of(spark.read.schema(schema).parquet(*files)) == "parquet"
    for reader in (spark.read, spark.read.schema(schema)):
        cached = reader.parquet(*files).persist()
        for again in (cached, spark.read.parquet(*files), spark.read.schema(schema).parquet(*files)):
            assert reader_of(again) == "dataframe"  # Spark takes them all for the cached one
        cached.unpersist()
    data.createOrReplaceTempView("rows")
    assert reader_of(spark.sql("select * from rows")) == "dataframe"
    data.write.mode("overwrite").saveAsTable("saved")
    assert reader_of(spark.table("saved")) == "dataframe"
    spark.sql("drop table saved")
    data.write.json(str(tmp_path / "json"))
    assert reader_of(spark.read.json(str(tmp_path / "json"))) == "dataframe"


def test_columns_that_spark_reads_differently_go_through_the_dataframe_reader(frame, spark, tmp_path):
    data = frame([1000])
    path = str(tmp_path / "data")
    twice = spark.read.parquet(path, path)
    with open_blocks(twice, COLUMNS, "test") as blocks:
        assert moments(blocks).rows == twice.count() == 2 * ROWS
    upper = spark.read.schema(data.schema.simpleString()[7:-1].replace("x0:", "X0:").replace(":", " ")).parquet(path)
    assert reader_of(upper, COLUMNS._replace(features=("X0", "x1"))) == "dataframe"
    assert reader_of(spark.read.schema("x0 float, label double").parquet(path), Columns(("x0",), "label")) == "parquet"


def test_restaged_rows_are_never_mixed_with_the_layout_of_the_first(frame, spark):
    """Rows may come in another order, or another number, when Spark makes a partition again."""
    from treefold.engine.reading.assemble import Rows
    from treefold.engine.reading.dataframe import DataFrameSource, Layout, Receive, Send
    from treefold.engine.reading.partitioning import TaskCount
    from treefold.engine.storage.block_store import BlocksLost, BlockStore

    data = frame([100, 2000]).where("weight > 0").select(*COLUMNS.names)
    source = DataFrameSource(lambda: data, COLUMNS, "mixing", TaskCount(2), BlockStore())
    source.parts()
    staged = sorted(source.staged.collect())
    layout = Layout.of(staged, COLUMNS, TaskCount(2))
    list(Send(layout)(staged))
    with pytest.raises(BlocksLost, match="no longer those that were laid out"):
        list(Send(layout)([staged[0]._replace(path=staged[0].path + "again")]))
    source.close()
    os.environ["SPARK_LOCAL_DIRS"] = str(os.path.dirname(os.path.dirname(staged[0].path)))
    try:
        one = Rows([np.zeros((1, FEATURES), "f4")], np.zeros(1, "f4"), np.ones(1, "f4"))
        with pytest.raises(BlocksLost, match="1535 of 1536 rows did not arrive"):
            list(Receive("mixing", layout, BlockStore())(0, [(0, (0, one))]))
    finally:
        del os.environ["SPARK_LOCAL_DIRS"]


def test_a_column_of_directory_names_is_read_by_spark_and_other_columns_from_parquet(frame, spark, tmp_path):
    frame().write.partitionBy("label").parquet(str(tmp_path / "hive"))
    hive = spark.read.parquet(str(tmp_path / "hive"))
    assert reader_of(hive, COLUMNS._replace(label=None)) == "parquet"
    assert reader_of(hive) == "dataframe"
    with open_blocks(hive, COLUMNS, "test") as blocks:
        assert moments(blocks).mean[-1] == pytest.approx(Y.mean())


def test_a_file_system_that_pyarrow_cannot_open_is_read_by_spark(frame, spark, tmp_path):
    """viewfs is Hadoop's; pyarrow would need libhdfs for it."""
    frame()
    elsewhere = spark.read.parquet(f"viewfs://elsewhere/at{tmp_path / 'data'}")
    assert reader_of(elsewhere) == "dataframe"


def test_workers_that_cannot_open_what_the_driver_can_send_the_fit_through_spark(frame, monkeypatch):
    import treefold.engine.open as opening

    class Blind(opening.ReadTask):
        def __call__(self, runs):
            from treefold.engine.storage.block_store import Fault

            for _ in runs:
                yield Fault("no libhdfs here", elsewhere=True)

    monkeypatch.setattr(opening, "ReadTask", Blind)
    assert reader_of(frame()) == "dataframe"


@pytest.mark.parametrize("cause", ["google::cloud::Status(UNAVAILABLE: reset by peer)", "Azure: 503 Server busy"])
def test_a_store_that_fails_in_every_try_is_named_with_its_cause(frame, monkeypatch, cause):
    import treefold.engine.open as opening

    class Failing(opening.ReadTask):
        def __call__(self, runs):
            from unittest.mock import patch

            with patch("pyarrow.parquet.ParquetFile", side_effect=OSError(cause)):
                yield from super().__call__(runs)

    monkeypatch.setattr(opening, "ReadTask", Failing)
    with open_blocks(frame(), COLUMNS, "test") as blocks, pytest.raises(InputError) as caught:
        moments(blocks)
    assert f"part-000.parquet could not be read ({cause}): see that its storage answers" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_names_with_dots_spaces_and_percent_signs(spark, tmp_path, small_blocks):
    folder = tmp_path / "a b%20c=d"
    folder.mkdir()
    pq.write_table(pa.table({"x.1": [1.0, 2.0], "y z": [0.0, 1.0]}), folder / "part 0.parquet")
    data = spark.read.parquet(str(folder))
    columns = Columns(("x.1",), "y z")
    assert reader_of(data, columns) == "parquet"
    assert reader_of(data.where("`y z` >= 0"), columns) == "dataframe"


@pytest.mark.parametrize("kind", ["vector", "array", "columns"])
def test_vectors_arrays_and_columns_are_the_same_rows(frame, spark, tmp_path, kind):
    from pyspark.ml.feature import VectorAssembler
    from pyspark.sql.functions import array

    data, names = frame([777]), list(COLUMNS.features)
    if kind == "vector":
        data = VectorAssembler(inputCols=names, outputCol="features").transform(data)
    elif kind == "array":
        data = data.withColumn("features", array(*names))
    columns = COLUMNS if kind == "columns" else COLUMNS._replace(features=("features",))
    with open_blocks(data, columns, "test") as through_spark:
        first = bits(through_spark)
    data.write.parquet(str(tmp_path / "stored"))
    with open_blocks(spark.read.parquet(str(tmp_path / "stored")), columns, "test") as stored:
        assert stored.sum(objective, COEF, logistic, None).weight == ROWS
        assert stored.passes[0].source == "parquet"
        total = moments(stored)
    np.testing.assert_allclose(total.mean[:-1], X.mean(axis=0, dtype=float), atol=1e-7)
    assert len(first) == len(bits(LocalBlocks.from_arrays(X, Y)))


@pytest.mark.parametrize("reader", ["parquet", "dataframe"])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda t: t.set_column(2, "x2", [pa.array([None, *t["x2"].to_pylist()[1:]], pa.float32())]),
            "column 'x2' holds null in row 0 of",
        ),
        (
            lambda t: t.set_column(0, "x0", [pa.array([*t["x0"].to_pylist()[:-1], float("nan")], pa.float32())]),
            "column 'x0' holds NaN in row ",
        ),
        (
            lambda t: t.set_column(6, "label", [pa.array([float("inf"), *t["label"].to_pylist()[1:]])]),
            "column 'label' holds an infinite value",
        ),
        (
            lambda t: t.set_column(7, "weight", [pa.array([-1.0, *t["weight"].to_pylist()[1:]])]),
            "column 'weight' holds weight -1 ",
        ),
    ],
    ids=["null", "nan", "infinite label", "negative weight"],
)
def test_bad_rows_are_found_by_the_first_pass_and_named(frame, spark, tmp_path, reader, spoil, message):
    frame([1000, 2000])
    file = tmp_path / "data" / "part-001.parquet"
    pq.write_table(spoil(pq.read_table(file)), file)
    data = spark.read.parquet(str(tmp_path / "data"))
    data = data if reader == "parquet" else data.where("label is not null")
    with open_blocks(data, COLUMNS, "test") as blocks, pytest.raises(InputError, match=message) as caught:
        moments(blocks)
    assert "\n" not in str(caught.value)
    if reader == "parquet":
        assert "part-001.parquet" in str(caught.value)


def test_damaged_files_are_named(frame, spark, tmp_path):
    data = frame([1000, 2000])
    file = tmp_path / "data" / "part-001.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[:-100])
    with pytest.raises(InputError, match=r"part-001\.parquet is damaged or no Parquet file"):
        open_blocks(data, COLUMNS, "test")
    middle = len(whole) // 3
    file.write_bytes(whole[:20] + bytes(2000) + whole[2020:])
    assert middle > 2020
    for reader in (data, data.where("label >= 0")):
        with open_blocks(reader, COLUMNS, "test") as blocks, pytest.raises(InputError, match=r"part-001\.parquet"):
            moments(blocks)


def test_a_file_that_lacks_a_column_is_named(frame, spark, tmp_path):
    data = frame([1000])
    file = tmp_path / "data" / "part-001.parquet"
    pq.write_table(pq.read_table(file).drop_columns("x3"), file)
    with pytest.raises(InputError, match=r"part-001\.parquet has no column 'x3'"):
        open_blocks(data, COLUMNS, "test")


@pytest.mark.parametrize("reader", ["parquet", "dataframe"])
def test_no_rows_is_an_error(frame, spark, tmp_path, reader):
    write_parquet(tmp_path / "none", X[:0], Y[:0], Y[:0], [0])
    data = spark.read.parquet(str(tmp_path / "none"))

    def run():
        with open_blocks(data if reader == "parquet" else data.where("label = 1"), COLUMNS, "test") as blocks:
            moments(blocks)

    with pytest.raises(InputError, match="the data has no rows"):
        run()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (COLUMNS._replace(features=("x0", "y9")), "there is no column 'y9': the data has x0, x1"),
        (COLUMNS._replace(label="lable"), "there is no column 'lable'"),
        (COLUMNS._replace(features=()), "no feature column is named"),
    ],
)
def test_missing_columns_are_named_with_those_there_are(frame, columns, message):
    with pytest.raises(InputError, match=message):
        open_blocks(frame(), columns, "test")


def test_columns_that_are_no_numbers_are_named(spark):
    data = spark.createDataFrame([("a", [1.0], 1.0)], "s string, a array<double>, x double")
    with pytest.raises(InputError, match="column 's' is of type string, but must be a number, an array"):
        open_blocks(data, Columns(("s",), "x"), "test")
    with pytest.raises(InputError, match=r"column 'a' is of type array<double>, but must be a number: index"):
        open_blocks(data, Columns(("x",), "a"), "test")


def test_rows_of_different_widths_are_refused(spark):
    data = spark.createDataFrame([([1.0, 2.0], 0.0), ([1.0], 1.0)], "f array<double>, y double").repartition(2)
    with open_blocks(data, Columns(("f",), "y"), "test") as blocks, pytest.raises(InputError, match="same width"):
        moments(blocks)


def test_ragged_local_blocks_are_the_same_sum_but_other_bits_are_allowed(small_blocks):
    left = ragged(X, Y, np.ones(ROWS), [7, 500], "float32").sum(objective, COEF, logistic, None)
    right = LocalBlocks.from_arrays(X, Y).sum(objective, COEF, logistic, None)
    np.testing.assert_allclose(left.coef, right.coef, rtol=1e-4, atol=1e-2)
