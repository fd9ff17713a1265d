"""Predictions of rows that workers read from the files are those of rows that Spark sends."""

import numpy as np
import pandas as pd
import pytest
from pyspark.ml.feature import VectorAssembler

from treefold.algorithms.linear import LinearModel
from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.engine.reading.row_reader import row_locations
from treefold.ml import LinearRegressionModel

pytestmark = pytest.mark.spark
ROWS, NAMES = 600, ["x0", "x1", "x2"]
LINE = LinearModel(np.array([[1.0, -2.0, 0.5, 3.0]]), "identity")


@pytest.fixture(scope="module")
def stored(spark, tmp_path_factory):
    """Vectors and numbers in files of several row groups, under a path with a space in it, one file empty."""
    folder = str(tmp_path_factory.mktemp("rows") / "some rows")
    X = np.random.default_rng(3).standard_normal((ROWS, 3))
    frame = spark.createDataFrame(pd.DataFrame(X, columns=NAMES).assign(id=np.arange(ROWS))).repartition(3, "id")
    vectors = VectorAssembler(inputCols=NAMES, outputCol="features").transform(frame)
    writer = vectors.union(vectors.limit(0)).write.option("parquet.block.size", 4096)
    writer.partitionBy().parquet(folder)
    return folder


def scored(frame, features, *kept):
    model = LinearRegressionModel(LINE, featuresCol=features)
    return model.transform(frame).select("id", "prediction", *kept).toPandas().sort_values("id", ignore_index=True)


def through(frame, features):
    return "files" if row_locations(frame, Columns(tuple(features))) else "spark"


@pytest.mark.parametrize("features", [["features"], NAMES], ids=["vectors", "numbers"])
def test_outputs_are_the_same_from_the_files_and_through_spark(spark, stored, features):
    frame = spark.read.parquet(stored)
    other = frame.where("id >= 0")
    assert (through(frame, features), through(other, features)) == ("files", "spark")
    found, expected = (scored(data, features, "x1", "features") for data in (frame, other))
    assert len(found) == ROWS
    pd.testing.assert_frame_equal(found, expected)


def test_what_follows_the_transform_leaves_out_rows_and_columns(spark, stored):
    frame = spark.read.parquet(stored).select("x2", "id", "x0", "x1")
    whole = scored(frame, NAMES)
    model = LinearRegressionModel(LINE, featuresCol=NAMES)
    some = model.transform(frame).where("id % 5 = 2 and prediction > 3").orderBy("prediction").limit(20)
    plan = some.select("prediction")._jdf.queryExecution().executedPlan().toString()
    assert "file_path" in plan
    assert "x1" not in plan.split("FileScan")[1].split("]")[0]
    expected = whole[(whole["id"] % 5 == 2) & (whole["prediction"] > 3)]["prediction"].sort_values()[:20]
    np.testing.assert_array_equal(some.select("prediction").toPandas()["prediction"], expected)


def test_what_is_no_plain_scan_goes_through_spark(spark, stored):
    frame = spark.read.parquet(stored)
    kept = frame.select("*").persist()
    changed, renamed = frame.withColumn("x0", frame["x0"] + 1), frame.withColumnRenamed("id", "_metadata")
    for other in (kept, kept.select(*NAMES), changed, renamed, frame.limit(5), frame.union(frame)):
        assert through(other, NAMES) == "spark"
    kept.unpersist()
    cast = spark.read.schema("x0 float, x1 double, x2 double, id long").parquet(stored)
    assert through(cast, NAMES) == "spark"
