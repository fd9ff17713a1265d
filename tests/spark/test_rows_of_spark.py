"""Fits and predictions see the rows of ``spark.read.parquet``, whichever reader makes them."""

from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from treefold import ml
from treefold.algorithms.linear import LinearModel
from treefold.engine.open import open_blocks
from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.errors import InputError

pytestmark = pytest.mark.spark
ROWS = 5
NUMBERS = np.arange(ROWS) * 1.5 - 2


class Rows(NamedTuple):
    X: np.ndarray


def rows_of(block) -> Rows:
    return Rows(np.array(block.X))


def one_after_the_other(left: Rows, right: Rows) -> Rows:
    return Rows(np.concatenate([left.X, right.X]))


def file(folder, number, x, **others):
    folder.mkdir(parents=True, exist_ok=True)
    count = len(next(iter(others.values()))) if x is None else len(x)
    columns = {"id": pa.array(np.arange(count) + 100 * number), **({} if x is None else {"x": x}), **others}
    pq.write_table(pa.table(columns), folder / f"part-{number}.parquet")


def same_in_both(x):
    """A folder of two files with the column ``x``."""

    def make(folder):
        file(folder, 0, x)
        file(folder, 1, x)

    return make


def markers_and_hidden_files(folder):
    same_in_both(NUMBERS)(folder)
    for name in ("empty.parquet", "rows_$folder$", "_SUCCESS", "_x", ".x.crc"):
        (folder / name).write_bytes(b"")
    (folder / "_hidden.parquet").write_text("no parquet")


def directories(folder):
    for day in (2, 10):
        file(folder / f"day={day}", day, NUMBERS + day)
        file(folder / "_aside", day, NUMBERS * 0)


def older_file_lacks_it(folder):
    file(folder, 0, None, other=NUMBERS)
    file(folder, 1, NUMBERS)


def empty_file_lacks_it(folder):
    file(folder, 0, NUMBERS)
    file(folder, 1, None, other=NUMBERS[:0])


def narrow_and_wide(folder):
    file(folder, 0, pa.array(NUMBERS, pa.float64()))
    file(folder, 1, pa.array(NUMBERS, pa.float32()))
    file(folder, 2, pa.array(range(ROWS), pa.int32()))


def damaged(folder):
    same_in_both(NUMBERS)(folder)
    (folder / "part-2.parquet").write_text("no parquet at all")


def lost_since(folder):
    same_in_both(NUMBERS)(folder)
    file(folder, 2, NUMBERS)


def tensor(folder):
    storage = pa.array([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float64(), 2))
    same_in_both(pa.ExtensionArray.from_storage(pa.fixed_shape_tensor(pa.float64(), (2,)), storage))(folder)


def read(**options):
    return lambda spark, folder: spark.read.options(**options).parquet(str(folder))


def merged(spark, folder):
    return spark.read.option("mergeSchema", True).parquet(str(folder))


def with_schema(ddl):
    return lambda spark, folder: spark.read.schema(ddl).parquet(str(folder))


def then_one_is_lost(spark, folder):
    frame = spark.read.option("ignoreMissingFiles", True).parquet(str(folder))
    (folder / "part-2.parquet").unlink()
    return frame


def by_conf(spark, folder):
    spark.conf.set("spark.sql.files.ignoreCorruptFiles", "true")
    return spark.read.parquet(str(folder))


FOLDERS = {
    "doubles": (same_in_both(NUMBERS), read(), "parquet"),
    "bools": (same_in_both(pa.array([True, False])), read(), "parquet"),
    "bytes without sign": (same_in_both(pa.array([0, 200], pa.uint8())), read(), "parquet"),
    "ints without sign": (same_in_both(pa.array([0, 2**32 - 1], pa.uint32())), read(), "parquet"),
    "longs without sign": (same_in_both(pa.array([0, 2**64 - 1], pa.uint64())), read(), "dataframe"),
    "short decimals": (same_in_both(pa.array([Decimal("-1.25")] * 2, pa.decimal128(9, 2))), read(), "parquet"),
    "long decimals": (same_in_both(pa.array([Decimal("1e17")] * 2, pa.decimal128(25, 3))), read(), "parquet"),
    "dictionaries": (same_in_both(pa.array(NUMBERS).dictionary_encode()), read(), "parquet"),
    "arrays": (same_in_both(pa.array([[1.0, 2.0], [3.0, 4.0]])), read(), "parquet"),
    "arrays of a fixed size": (same_in_both(pa.array([[1.0, 2.0]] * 2, pa.list_(pa.float64(), 2))), read(), "parquet"),
    "large arrays": (same_in_both(pa.array([[1, 2]] * 2, pa.large_list(pa.int16()))), read(), "parquet"),
    "arrays with null elements": (same_in_both(pa.array([[1.0, None], [None, 4.0]])), read(), "parquet"),
    "arrays of ints with null elements": (same_in_both(pa.array([[1, None], [None, 4]])), read(), "parquet"),
    "null numbers": (same_in_both(pa.array([1.0, None])), read(), "parquet"),
    "tensors": (tensor, read(), "dataframe"),
    "durations, which Spark reads as longs": (same_in_both(pa.array([1, 7], pa.duration("s"))), read(), "dataframe"),
    "markers and hidden files": (markers_and_hidden_files, read(), "parquet"),
    "directories": (directories, read(), "parquet"),
    "a column that an older file lacks": (older_file_lacks_it, merged, "dataframe"),
    "a column that a file without rows lacks": (empty_file_lacks_it, merged, "parquet"),
    "a column that no file has": (same_in_both(NUMBERS), with_schema("id long, x double, y double"), "dataframe"),
    "a schema of wider types": (narrow_and_wide, with_schema("id long, x double"), "dataframe"),
    "a schema of longs over ints": (
        same_in_both(pa.array([1, 2], pa.int32())), with_schema("id long, x long"), "dataframe",
    ),
    "a damaged file that is ignored": (damaged, read(ignoreCorruptFiles=True), "dataframe"),
    "a damaged file that the session ignores": (damaged, by_conf, "dataframe"),
    "a missing file that is ignored": (lost_since, then_one_is_lost, "dataframe"),
}  # fmt: skip


@pytest.fixture
def frame_of(spark, tmp_path):
    def make(name):
        write, read_it, reader = FOLDERS[name]
        write(tmp_path / "rows")
        return read_it(spark, tmp_path / "rows"), reader

    yield make
    spark.conf.unset("spark.sql.files.ignoreCorruptFiles")


def as_spark_reads_it(frame, names) -> np.ndarray:
    """The rows in the order of the files."""
    found = frame.select(*names, "_metadata.file_path", "_metadata.row_index").toPandas()
    found = found.sort_values(["file_path", "row_index"])
    columns = []
    for name in names:
        values = [np.atleast_1d(np.array(value, float)) for value in found[name]]
        columns.append(np.stack(values) if values else np.empty((0, 1)))
    return np.hstack(columns)


def sorted_rows(X: np.ndarray) -> np.ndarray:
    return X[np.lexsort(X.T[::-1])]


@pytest.mark.parametrize("name", FOLDERS)
def test_a_fit_sees_the_rows_of_spark(frame_of, name):
    frame, reader = frame_of(name)
    names = ["id", *(["x", "y"] if "y" in frame.columns else ["x"])]
    expected = as_spark_reads_it(frame, names)
    with open_blocks(frame, Columns(tuple(names), dtype="float64", missing=True), "test") as blocks:
        found = blocks.reduce(rows_of, merge=one_after_the_other).X
        assert blocks.passes[-1].source == reader
    assert len(found) > 1
    if reader == "parquet":
        np.testing.assert_array_equal(found, expected)
    else:  # in the order in which Spark makes them
        np.testing.assert_array_equal(sorted_rows(found), sorted_rows(expected))


@pytest.mark.parametrize("name", [name for name in FOLDERS if "null" not in name and "that a" not in name])
def test_predictions_are_those_of_the_rows_of_spark(frame_of, name):
    frame, _ = frame_of(name)
    if name == "a column that no file has":
        frame = frame.drop("y")
    expected = as_spark_reads_it(frame, ["id", "x"])
    coef = np.append(np.arange(expected.shape[1]) + 1.0, 0.5)
    model = ml.LinearRegressionModel(LinearModel(coef[None], "identity"), featuresCol=["id", "x"])
    found = model.transform(frame).select("id", "prediction").toPandas().sort_values("id", ignore_index=True)
    order = np.argsort(expected[:, 0])
    np.testing.assert_allclose(found["prediction"], (expected @ coef[:-1] + coef[-1])[order], rtol=1e-15)


def test_a_file_that_has_become_empty_is_named(spark, tmp_path):
    same_in_both(NUMBERS)(tmp_path)
    frame = spark.read.parquet(str(tmp_path))
    (tmp_path / "part-1.parquet").write_bytes(b"")
    with pytest.raises(InputError, match=r"part-1\.parquet has become empty since the DataFrame was made"):
        open_blocks(frame, Columns(("x",)), "test")


def test_a_codec_that_spark_lacks_is_read_or_named_where_spark_reads(spark, tmp_path):
    pq.write_table(pa.table({"x": NUMBERS, "label": NUMBERS}), tmp_path / "a.parquet", compression="brotli")
    frame = spark.read.parquet(str(tmp_path))
    with open_blocks(frame, Columns(("x",), dtype="float64"), "test") as blocks:
        np.testing.assert_array_equal(blocks.reduce(rows_of, merge=one_after_the_other).X[:, 0], NUMBERS)
    with (
        pytest.raises(
            InputError,
            match=r"a\.parquet is compressed by brotli, for which Spark has no codec: write it with zstd or snappy",
        ),
        open_blocks(frame.where("x > 0"), Columns(("x",)), "test") as blocks,
    ):
        blocks.reduce(rows_of, merge=one_after_the_other)


def test_the_reason_why_spark_makes_the_rows_is_logged(spark, tmp_path, caplog):
    same_in_both(NUMBERS)(tmp_path)
    frame = spark.read.parquet(str(tmp_path))
    reasons = {
        "its plan has a Filter": frame.where("x > 0"),
        "computed or renamed columns": frame.withColumn("x", frame.x + 1),
        "ignoreMissingFiles is set": spark.read.option("ignoreMissingFiles", True).parquet(str(tmp_path)),
        "is double, and Spark reads float": spark.read.schema("id long, x float").parquet(str(tmp_path)),
        "a path is named twice": spark.read.parquet(str(tmp_path), str(tmp_path)),
    }
    model = ml.LinearRegressionModel(LinearModel(np.ones((1, 2)), "identity"), featuresCol=["x"])
    with caplog.at_level("INFO", "treefold"):
        for reason, data in reasons.items():
            open_blocks(data, Columns(("x",)), "test").close()
            model.transform(data)
            fit, predict = (record.getMessage() for record in caplog.records)
            assert fit.startswith("Spark makes the rows instead of the Parquet reader: ")
            assert predict.startswith("Spark sends the rows to predict, workers do not read the files: ")
            assert reason in fit
            assert reason in predict
            caplog.clear()
        model.transform(frame)
        open_blocks(frame, Columns(("x",)), "test").close()
        assert not caplog.records


def test_a_file_rewritten_between_transform_and_its_run_is_refused(spark, tmp_path):
    same_in_both(NUMBERS)(tmp_path)
    model = ml.LinearRegressionModel(LinearModel(np.ones((1, 2)), "identity"), featuresCol=["x"])
    scored = model.transform(spark.read.parquet(str(tmp_path)))
    file(tmp_path, 1, NUMBERS[::-1].copy())
    with pytest.raises(Exception, match=r"part-1\.parquet was written anew since the DataFrame was made"):
        scored.collect()


def test_a_stream_of_files_is_predicted(spark, tmp_path):
    same_in_both(NUMBERS)(tmp_path / "in")
    models = [
        ml.LinearRegressionModel(LinearModel(np.ones((1, 2)), "identity"), featuresCol=["x"]),
        ml.KMeans(k=2, featuresCol=["x"]).fit(spark.read.parquet(str(tmp_path / "in"))),
        ml.RandomForestRegressor(featuresCol=["x"], labelCol="id", numTrees=2).fit(
            spark.read.parquet(str(tmp_path / "in"))
        ),
    ]
    for i, model in enumerate(models):
        stream = spark.readStream.schema("id long, x double").parquet(str(tmp_path / "in"))
        out, state = str(tmp_path / f"out{i}"), str(tmp_path / f"state{i}")
        writer = model.transform(stream).writeStream.format("parquet").option("checkpointLocation", state)
        writer.trigger(availableNow=True).start(out).awaitTermination()
        found = spark.read.parquet(out).toPandas().sort_values("id", ignore_index=True)
        expected = model.transform(spark.read.parquet(str(tmp_path / "in"))).toPandas()
        pd.testing.assert_frame_equal(found, expected.sort_values("id", ignore_index=True))


def test_a_file_whose_type_spark_cannot_read_as_the_others_is_one_line_with_column_and_types(spark, tmp_path):
    file(tmp_path, 0, pa.array(range(ROWS), pa.int8()))
    file(tmp_path, 1, pa.array(NUMBERS, pa.float64()))
    model = ml.LinearRegression(featuresCol=["x"], labelCol="id")
    data = spark.read.schema("id long, x tinyint").parquet(str(tmp_path))
    with pytest.raises(
        InputError, match=r"column 'x' of file:.*part-1\.parquet is of type DOUBLE, .* has it as tinyint"
    ):
        model.fit(data)
