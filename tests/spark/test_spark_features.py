"""Columns behind the vectors of pyspark.ml's transformers: the same fits and predictions as of the vectors."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.ml.feature import StandardScaler, VectorAssembler
from pyspark.sql.functions import col

from treefold import ml
from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.engine.reading.spark_features import unassembled
from treefold.errors import InputError

pytestmark = pytest.mark.spark

RNG = np.random.default_rng(4)
ROWS = 300
NAMES = ["a", "b", "count", "flag"]


@pytest.fixture(scope="module")
def table(spark, tmp_path_factory):
    path = tmp_path_factory.mktemp("features") / "rows"
    path.mkdir()
    a, b = RNG.standard_normal((2, ROWS))
    columns = {
        "a": a, "b": (3 * b).astype("f4"), "count": RNG.integers(0, 9, ROWS), "flag": a + b > 0,
        "label": (a - b + RNG.standard_normal(ROWS) > 0) * 1.0, "w": RNG.integers(1, 3, ROWS),
    }  # fmt: skip
    pq.write_table(pa.table(columns), path / "rows.parquet")
    return spark.read.parquet(str(path))


def assembled(table, names=NAMES, **options):
    return VectorAssembler(inputCols=names, outputCol="features", **options).transform(table)


def scaled(table, **options):
    data = assembled(table)
    return StandardScaler(inputCol="features", outputCol="scaled", **options).fit(data).transform(data)


def fit(data, features):
    return ml.LogisticRegression(
        featuresCol=features, weightCol="w", regParam=0.01, dtype="float64", standardization=False
    ).fit(data)


def raw(model, data):
    return np.array([row[0] for row in model.transform(data).select("rawPrediction").collect()])


def test_a_fit_and_predictions_are_those_of_the_columns(table):
    data = assembled(table)
    model, same = fit(data.select("features", "label", "w"), "features"), fit(table, NAMES)
    np.testing.assert_array_equal(model.coefficientMatrix.toArray(), same.coefficientMatrix.toArray())
    assert {each.source for each in model.training_summary.passes} == {"parquet"}
    np.testing.assert_array_equal(raw(model, data), raw(same, table))
    kept = model.transform(data).select("features", "prediction").first()
    assert len(kept.features) == len(NAMES)


def test_a_scaler_is_a_factor_of_each_column(table):
    data = scaled(table)
    model, vectors = fit(data, "scaled"), data.persist()
    try:
        same = fit(vectors, "scaled")
        assert {each.source for each in same.training_summary.passes} == {"dataframe"}
        np.testing.assert_allclose(model.coefficients, same.coefficients, rtol=1e-9)
        np.testing.assert_allclose(raw(model, data), raw(model, vectors), rtol=1e-12)
    finally:
        vectors.unpersist()
    assert {each.source for each in model.training_summary.passes} == {"parquet"}


@pytest.mark.parametrize(
    ("change", "source"),
    [
        (lambda table: assembled(table.withColumnRenamed("a", "c").select("*"), ["c", *NAMES[1:]]), "parquet"),
        (lambda table: assembled(table.where("b > 0")), "dataframe"),
        (lambda table: assembled(table.select("*", (-col("a")).alias("c")), ["c", *NAMES[1:]]), "dataframe"),
        (lambda table: assembled(table.withColumn("a", col("a") * 2)), "dataframe"),
        (lambda table: assembled(table).where("b > 0"), "dataframe"),
        (lambda table: assembled(table).withColumn("label", 1 - col("label")), "dataframe"),
    ],
    ids=["renamed", "filter below", "new input", "computed input", "filter above", "computed label"],
)
def test_other_plans_give_the_fit_of_their_vectors(table, change, source):
    data = change(table)
    vectors = data.select("features", "label", "w").persist()
    try:
        np.testing.assert_allclose(
            fit(data, "features").coefficients, fit(vectors, "features").coefficients, rtol=1e-9, atol=1e-12
        )
    finally:
        vectors.unpersist()
    assert {each.source for each in fit(data, "features").training_summary.passes} == {source}


def test_what_is_not_made_of_numbers_is_left_to_spark(table):
    columns = Columns(("features",))
    assert unassembled(assembled(table), columns).columns.features == tuple(NAMES)
    assert unassembled(scaled(table), Columns(("scaled",))).columns.scale
    assert unassembled(scaled(table, withMean=True), Columns(("scaled",))) is None
    of_vectors = VectorAssembler(inputCols=["features", "a"], outputCol="both").transform(assembled(table))
    assert unassembled(of_vectors, Columns(("both",))) is None
    assert unassembled(table.selectExpr("cast(a AS decimal(9, 3)) AS a").transform(assembled, ["a"]), columns) is None
    assert unassembled(table, Columns(("a",))) is None


def rows_of(spark, path, a):
    path.mkdir()
    pq.write_table(pa.table({"a": a, "b": [0.0, 1, 2, 3], "label": [0.0, 1, 0, 1]}), path / "rows.parquet")
    return spark.read.parquet(str(path))


def test_rows_that_the_assembler_refuses_are_refused(spark, tmp_path):
    """A null or a NaN with ``handleInvalid`` "error", its default; with "keep" it is a missing value."""
    gaps = rows_of(spark, tmp_path / "gaps", [1.0, float("nan"), None, 4.0])
    forest = ml.RandomForestClassifier(featuresCol="features", numTrees=2, seed=1)
    with pytest.raises(InputError, match="column 'a' "):
        forest.fit(assembled(gaps, ["a", "b"]))
    lenient = assembled(gaps, ["a", "b"], handleInvalid="keep")
    model = forest.fit(lenient)
    vectors = lenient.select("features").persist()
    try:
        found, same = (model.transform(data).select("probability").collect() for data in (lenient, vectors))
    finally:
        vectors.unpersist()
    assert found == same
    only_nan = assembled(rows_of(spark, tmp_path / "nan", [1.0, float("nan"), 3.0, 4.0]), ["a", "b"])
    with pytest.raises(Exception, match="column 'a' holds NaN, which VectorAssembler refuses"):
        model.transform(only_nan).select("prediction").collect()
