"""What ``transform`` takes and adds, for every model: streams, fields of structs, metadata."""

import numpy as np
import pandas as pd
import pytest
from chispa import assert_df_equality
from pyspark.ml import classification, clustering, regression
from pyspark.ml.feature import VectorAssembler
from pyspark.sql.functions import col, struct

from treefold import ml

pytestmark = pytest.mark.spark

RNG = np.random.default_rng(13)
ROWS = 120
NAMES = ["a", "b"]
X = RNG.standard_normal((ROWS, 2)) + np.array([0, 3])
LABEL = (X @ [1, -2] + 6 + RNG.logistic(size=ROWS) > 0).astype(float)
THEIRS = {
    "KMeans": clustering.KMeans, "LinearRegression": regression.LinearRegression,
    "LinearSVC": classification.LinearSVC, "LogisticRegression": classification.LogisticRegression,
    "MultilayerPerceptronClassifier": classification.MultilayerPerceptronClassifier,
    "RandomForestClassifier": classification.RandomForestClassifier,
    "RandomForestRegressor": regression.RandomForestRegressor,
}  # fmt: skip


@pytest.fixture(scope="module")
def rows(spark, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("rows") / "data")
    frame = spark.createDataFrame(pd.DataFrame(X, columns=NAMES).assign(label=LABEL, w=RNG.integers(1, 3, ROWS) * 1.0))
    VectorAssembler(inputCols=NAMES, outputCol="features").transform(frame).write.parquet(folder)
    return spark.read.parquet(folder)


def quick(cls, **params):
    made = cls(**params)
    few = {"maxIter": 3, "numTrees": 2, "maxDepth": 3, "leafCol": "leaf", "layers": [2, 2]}
    if cls is ml.MultilayerPerceptronRegressor:
        few["layers"] = [2, 1]
    return made._set(**{name: value for name, value in few.items() if made.hasParam(name)})


@pytest.mark.parametrize(
    ("name", "kind"), [(name, ("vectors", "columns")[i % 2]) for i, name in enumerate(ml.ESTIMATORS)]
)
def test_a_stream_is_scored_as_its_rows_are(spark, rows, tmp_path, name, kind):
    model = quick(ml.ESTIMATORS[name], featuresCol="features" if kind == "vectors" else NAMES).fit(rows)
    source = rows.inputFiles()[0].rpartition("/")[0]
    stream = model.transform(spark.readStream.schema(rows.schema).parquet(source))
    assert stream.isStreaming
    query = (
        stream.writeStream.format("parquet")
        .option("checkpointLocation", str(tmp_path / "checkpoint"))
        .trigger(availableNow=True)
        .start(str(tmp_path / "out"))
    )
    query.awaitTermination(60)
    assert_df_equality(
        spark.read.parquet(str(tmp_path / "out")), model.transform(rows), ignore_row_order=True, ignore_nullable=True
    )


@pytest.mark.parametrize(
    ("name", "kind"), [(name, ("columns", "vectors")[i % 2]) for i, name in enumerate(ml.ESTIMATORS)]
)
def test_fields_of_structs_are_columns(rows, name, kind):
    nested = rows.select(struct("a", "b", "features").alias("s"), struct("label", "w").alias("t"))
    data = nested.select("s.*", "t.*")
    label = {"labelCol": "t.label"} if ml.ESTIMATORS[name]().hasParam("labelCol") else {}
    features, flat_name = {"vectors": ("s.features", "features"), "columns": (["s.a", "s.b"], NAMES)}[kind]
    flat = quick(ml.ESTIMATORS[name], featuresCol=flat_name, weightCol="w").fit(data)
    model = quick(ml.ESTIMATORS[name], featuresCol=features, weightCol="t.w", **label).fit(nested)
    out, expected = model.transform(nested), flat.transform(data)
    assert out.columns == [*nested.columns, *expected.columns[len(data.columns) :]]
    assert_df_equality(out.select("prediction"), expected.select("prediction"))


def test_a_column_with_a_dot_in_its_name_comes_before_a_field(rows):
    data = rows.select(struct(col("b").alias("a")).alias("s"), col("a").alias("s.a"), "label")
    found = ml.LinearRegression(featuresCol=["s.a"]).fit(data)
    wanted = ml.LinearRegression(featuresCol=["a"]).fit(rows).coefficients  # of rows that come in another order
    assert found.coefficients.toArray() == pytest.approx(wanted.toArray(), rel=1e-12)
    assert found.summary.residuals.columns == ["residuals"]


@pytest.mark.parametrize("name", THEIRS)
def test_columns_have_the_types_and_metadata_of_pyspark_mls(rows, name):
    mine, theirs = (quick(cls).fit(rows).transform(rows) for cls in (ml.ESTIMATORS[name], THEIRS[name]))
    for one, other in zip(mine.schema, theirs.schema, strict=True):
        assert (one.name, one.dataType) == (other.name, other.dataType)
        if one.name != "leaf":
            assert one.metadata == other.metadata, one.name
    if "leaf" in mine.columns:  # whose trees are others
        told = mine.schema["leaf"].metadata["ml_attr"]
        assert told.keys() == theirs.schema["leaf"].metadata["ml_attr"].keys()
        assert told["num_attrs"] == 2
