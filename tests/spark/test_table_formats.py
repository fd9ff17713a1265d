"""Folders of table formats are refused as plain Parquet, whoever reads them and wherever the path points."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from treefold import ml
from treefold.algorithms.linear import LinearModel
from treefold.engine.reading.parquet import parquet_files
from treefold.errors import InputError

pytestmark = pytest.mark.spark

# Files of a table as the writers of its format name them: the rows, and what else makes it a table.
TABLES = {
    "Delta Lake": (["part-00000.parquet", "day=1/part-00001.parquet"], ["_delta_log/00000000000000000000.json"]),
    "Apache Hudi": (["2024/01/02/one_0-1-2_003.parquet"], [".hoodie/hoodie.properties"]),
    "Apache Iceberg": (["data/day=1/one.parquet"], ["metadata/v1.metadata.json", "metadata/snap-1.avro"]),
}


def write_rows(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"x": [1.0, 2.0, 3.0, 4.0], "label": [1.0, 2.0, 3.0, 5.0]}), path)


@pytest.fixture(params=TABLES)
def table(request, tmp_path) -> tuple[str, Path, Path]:
    """Name of the format, the folder, a file of rows in it."""
    folder = tmp_path / "a table [1]"
    rows, others = TABLES[request.param]
    for name in rows:
        write_rows(folder / name)
    for name in others:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")
    return request.param, folder, folder / rows[-1]


@pytest.fixture
def told(table) -> str:
    return rf"a table \[1\] is a table of {table[0]}, .*write its rows to a folder of plain Parquet"


def test_jobs_refuse_the_folder_before_spark_reads_it(spark, table, told):
    if table[0] != "Apache Hudi":  # it is planned from its log, which says nothing here
        told = f"cannot be read as a table of {table[0]}: "
    with pytest.raises(InputError, match=told):
        ml.read_parquet(spark, str(table[1]))


def test_fits_and_predictions_refuse_what_lies_in_the_folder(spark, table, told):
    model = ml.LinearRegressionModel(LinearModel(np.ones((1, 2)), "identity"), featuresCol=["x"])
    for path in (table[2], table[2].parent):
        frame = spark.read.parquet("file://" + str(path).replace("[", "\\[").replace("]", "\\]"))
        for data in (frame, frame.where("x > 1").cache(), frame.limit(2).union(frame)):
            with pytest.raises(InputError, match=told):
                ml.LinearRegression(featuresCol=["x"]).fit(data)
            with pytest.raises(InputError, match=told):
                model.transform(data)
            data.unpersist()


def test_scans_by_version_2_of_sparks_sources_are_seen(spark, table, told):
    spark.conf.set("spark.sql.sources.useV1SourceList", "")
    try:
        frame = spark.read.parquet(str(table[2].parent).replace("[", "\\[").replace("]", "\\]"))
        with pytest.raises(InputError, match=told):
            ml.LinearRegression(featuresCol=["x"]).fit(frame)
    finally:
        spark.conf.unset("spark.sql.sources.useV1SourceList")


def test_reading_without_spark_refuses_the_folder(table, told):
    for path in (table[1], table[2]):
        with pytest.raises(InputError, match=told):
            parquet_files(str(path))


@pytest.mark.parametrize("beside", ["metadata/part-00000", "data/x.metadata.json", "delta_log/0.json", "_metadata/a"])
def test_other_folders_are_read(spark, tmp_path, beside):
    write_rows(tmp_path / "rows" / "part-0.parquet")
    write_rows(tmp_path / "data" / "part-0.parquet")
    (tmp_path / beside).parent.mkdir(exist_ok=True)
    (tmp_path / beside).write_text("{}")
    frame = ml.read_parquet(spark, str(tmp_path / "rows"))
    assert ml.LinearRegression(featuresCol=["x"]).fit(frame).numFeatures == 1


class Remote:
    """A DataFrame as a Spark Connect session has them."""

    columns = ("x", "label")


Remote.__module__ = "pyspark.sql.connect.dataframe"


def test_a_spark_connect_session_is_refused_in_one_line():
    model = ml.LinearRegressionModel(LinearModel(np.ones((1, 2)), "identity"), featuresCol=["x"])
    for use in (ml.LinearRegression(featuresCol=["x"]).fit, model.transform):
        with pytest.raises(InputError, match="of a Spark Connect session, which is not supported yet"):
            use(Remote())
