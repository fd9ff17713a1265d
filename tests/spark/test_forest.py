"""Random forests on Spark: pyspark.ml's names and behaviour, any tasks, any reader, lost blocks, exports."""

import os
import re

import numpy as np
import pandas as pd
import pytest
from pyspark import cloudpickle
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.feature import StringIndexer, VectorAssembler

from treefold import ml
from treefold.algorithms.forest import Settings, fit, growth
from treefold.dataset import block
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.persistence import model_io

pytestmark = pytest.mark.spark

RNG = np.random.default_rng(8)
ROWS = 500
NAMES = [f"x{j}" for j in range(5)]
X = RNG.standard_normal((ROWS, 5)).astype("f4")
CITY = RNG.integers(0, 6, ROWS)
EFFECT = np.array([3.0, -2.0, 1.0, 0.0, 2.0, -1.0])[CITY]
VALUE = (X[:, 0] * 2 + EFFECT + np.abs(X[:, 1])).astype("f4").astype(float)
LABEL = np.digitize(VALUE, [-0.5, 1.5]).astype(float)
WEIGHT = RNG.integers(0, 4, ROWS).astype(float)
SMALL = {"numTrees": 4, "maxDepth": 5, "seed": 2}
ARRAYS = ("roots", "feature", "threshold", "left", "nan_left", "table", "tables", "value", "weight", "impurity", "gain")


@pytest.fixture(scope="module")
def rows(spark):
    columns = {name: X[:, j].astype(float) for j, name in enumerate(NAMES)}
    frame = pd.DataFrame({**columns, "city": [f"c{c}" for c in CITY], "label": LABEL, "value": VALUE, "w": WEIGHT})
    holed = spark.createDataFrame(frame.assign(number=CITY.astype(float)))
    return VectorAssembler(inputCols=NAMES, outputCol="features").transform(holed).persist()


def assert_same(one, other):
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@pytest.fixture(scope="module")
def stored(rows, tmp_path_factory):
    """Parquet of the rows, and what grows from it without Spark."""
    path = str(tmp_path_factory.mktemp("stored") / "rows")
    rows.select(*NAMES, "number", "label", "w").coalesce(1).sortWithinPartitions("x0").write.parquet(path)
    table = pd.read_parquet(path)
    with pytest.MonkeyPatch.context() as patch:
        in_small_blocks(patch)
        local = LocalBlocks.from_arrays(table[[*NAMES, "number"]].to_numpy(), table["label"], table["w"])
        return path, fit(local, Settings("gini", trees=4, max_depth=5, seed=2, categorical=(5,), oob=True))


def in_small_blocks(patch):
    """Blocks of 64 rows, and trees of which several levels grow in passes."""
    patch.setattr(block, "BLOCK_BYTES", 1)
    patch.setattr(growth, "CHEAPER", 0.1)


@pytest.mark.parametrize("tasks", [1, 2, 7])
def test_any_number_of_tasks_and_lost_blocks_give_the_same_bits(spark, stored, monkeypatch, tasks):
    in_small_blocks(monkeypatch)
    (path, expected), harmed = stored, []

    def harm(progress):
        """Take the blocks away in the midst of the fit."""
        root = spark.sparkContext.getConf().get("spark.local.dir")
        files = [
            os.path.join(d, f) for d, _, names in os.walk(root) for f in names if os.path.basename(d) == "treefold"
        ]
        if progress.iteration == 2 and not harmed:
            harmed.extend(files)
            for file in files:
                os.unlink(file)

    forest = ml.RandomForestClassifier(
        featuresCol=[*NAMES, "number"],
        categoricalCols=["number"],
        weightCol="w",
        oobScore=True,
        numTasks=tasks,
        **SMALL,
    )
    model = forest.watch(harm).fit(spark.read.parquet(path))
    assert harmed
    assert model.summary.passes[-1].tasks == tasks
    assert_same(model.numpy_model, expected.model)
    assert model.summary.oobScore == expected.oob_score


@pytest.fixture(scope="module")
def classifier(rows):
    return ml.RandomForestClassifier(leafCol="leaf", thresholds=[1.0, 1.0, 1.0], **SMALL).fit(rows)


@pytest.fixture(scope="module")
def regressor(rows):
    return ml.RandomForestRegressor(labelCol="value", **SMALL).fit(rows)


def test_transform_adds_pysparks_columns(rows, classifier):
    out, numpy_model = classifier.transform(rows), classifier.numpy_model
    found = out.select("prediction", "probability", "rawPrediction", "leaf", "features").toPandas()
    assert out.schema["leaf"].dataType == out.schema["probability"].dataType == rows.schema["features"].dataType
    np.testing.assert_array_equal(found["prediction"], numpy_model.predict(X))
    np.testing.assert_array_equal(np.stack(found["probability"].map(lambda v: v.toArray())), numpy_model.probability(X))
    np.testing.assert_array_equal(np.stack(found["rawPrediction"].map(lambda v: v.toArray())), numpy_model.raw(X))
    np.testing.assert_array_equal(np.stack(found["leaf"].map(lambda v: v.toArray())), numpy_model.leaves(X))
    first = found["features"][0]
    assert classifier.predict(first) == found["prediction"][0]
    np.testing.assert_array_equal(classifier.predictLeaf(first), found["leaf"][0])
    np.testing.assert_array_equal(classifier.predictProbability(first), found["probability"][0])
    np.testing.assert_array_equal(classifier.predictRaw(first), found["rawPrediction"][0])
    assert classifier.evaluate(rows).accuracy == pytest.approx((found["prediction"] == LABEL).mean())
    assert (classifier.numClasses, classifier.numFeatures, classifier.getNumTrees) == (3, 5, 4)
    assert sum(tree.numNodes for tree in classifier.trees) == classifier.totalNumNodes


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_each_tree_is_a_model_with_pyspark_mls_answers(rows, spark, request, kind):
    model, first = request.getfixturevalue(kind), rows.first().features

    def about(tree):
        return re.sub("uid=[^,]*, ", "", tree.toDebugString.splitlines()[0])

    for tree, other in zip(model.trees, model.toSpark(spark).trees, strict=True):
        assert type(tree).__name__ == type(other).__name__
        assert about(tree) == about(other)
        assert (tree.numNodes, tree.depth, tree.numFeatures) == (other.numNodes, other.depth, other.numFeatures)
        assert tree.predictLeaf(first) == other.predictLeaf(first)
        assert tree.predict(first) == pytest.approx(other.predict(first))
        np.testing.assert_allclose(tree.featureImportances.toArray(), other.featureImportances.toArray(), atol=1e-9)
        if kind == "classifier":
            np.testing.assert_allclose(tree.predictProbability(first), other.predictProbability(first))
    out = model.trees[0].transform(rows).select("prediction").toPandas()["prediction"]
    np.testing.assert_array_equal(out, model.trees[0].numpy_model.predict(X))


def test_thresholds_move_the_decision(rows, classifier):
    assert classifier.getOrDefault("thresholds") == [1.0, 1.0, 1.0]
    model = classifier.copy().setThresholds([1e-9, 1.0, 1.0])
    found = model.transform(rows).select("prediction").toPandas()["prediction"]
    assert 0 < (found == 0).sum() < ROWS
    some = model.numpy_model.probability(X)[:, 0] > 1e-6
    assert (found[some] == 0).all()
    with pytest.raises(InputError, match="give one for each of 3 classes"):
        model.setThresholds([0.5, 0.5]).transform(rows)


def test_missing_values_and_nominal_attributes_are_found(rows, spark):
    holed = pd.DataFrame({"x": np.where(RNG.random(ROWS) < 0.3, None, X[:, 0]), "city": [f"c{c}" for c in CITY]})
    frame = spark.createDataFrame(holed.assign(value=VALUE).astype({"x": "float64"}).replace({np.nan: None}))
    assert holed["x"].isna().sum() > 100
    indexer = StringIndexer(inputCol="city", outputCol="index")
    forest = ml.RandomForestRegressor(featuresCol=["x", "index"], labelCol="value", bootstrap=False, **SMALL)
    pipeline = Pipeline(stages=[indexer, forest]).fit(frame)
    model = pipeline.stages[-1]
    assert len(model.numpy_model.tables) > 0
    assert model.evaluate(pipeline.stages[0].transform(frame)).r2 > 0.5
    vectors = VectorAssembler(inputCols=["x", "index"], outputCol="features", handleInvalid="keep")
    assembled = vectors.transform(pipeline.stages[0].transform(frame))
    again = ml.RandomForestRegressor(labelCol="value", bootstrap=False, **SMALL).fit(assembled)
    assert_same(again.numpy_model, model.numpy_model)
    assert list(again.summary.importances) == ["x", "index"]
    out = pipeline.transform(frame).select("prediction").toPandas()["prediction"]
    np.testing.assert_array_equal(out, again.transform(assembled).select("prediction").toPandas()["prediction"])


def test_an_estimator_is_after_the_fit_what_it_was_before_and_holds_no_data(rows):
    estimator = ml.RandomForestRegressor(featuresCol=[*NAMES, "number"], labelCol="value", categoricalCols=["number"])
    before = dict(vars(estimator))
    model = estimator.setNumTrees(1).fit(rows)
    assert vars(estimator) == before
    assert len(cloudpickle.dumps(estimator)) < 1 << 20  # it holds no DataFrame, which cannot be pickled
    assert list(model.summary.importances) == [*NAMES, "number"]
    assert len(model.numpy_model.tables) > 0


def test_saved_and_loaded_a_model_is_the_same(rows, tmp_path, classifier):
    model = classifier.copy().setThresholds([1.0, 2.0, 1.0])
    model.save(str(tmp_path / "m"))
    again = ml.RandomForestClassificationModel.load(str(tmp_path / "m"))
    one, other = (m.transform(rows).select("prediction", "leaf").collect() for m in (model, again))
    assert one == other
    assert_same(model_io.load(str(tmp_path / "m")), model.numpy_model)
    Pipeline(stages=[model]).fit(rows).save(str(tmp_path / "p"))
    assert PipelineModel.load(str(tmp_path / "p")).transform(rows).select("prediction", "leaf").collect() == one


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_scikit_learn_and_mllib_predict_what_we_predict(rows, spark, request, kind):
    model = request.getfixturevalue(kind)
    sklearn, theirs = model.toSklearn(), model.toSpark(spark)
    np.testing.assert_allclose(sklearn.predict(X), model.numpy_model.predict(X), rtol=1e-12)
    holed = np.where(RNG.random(X.shape) < 0.3, np.nan, X)
    np.testing.assert_allclose(sklearn.predict(holed), model.numpy_model.predict(holed), rtol=1e-12)
    np.testing.assert_allclose(sklearn.feature_importances_, model.numpy_model.importances, atol=1e-6)
    np.testing.assert_allclose(theirs.featureImportances.toArray(), model.featureImportances.toArray(), atol=1e-9)
    columns = ["prediction", "probability"] if kind == "classifier" else ["prediction"]
    ours, other = (m.transform(rows).select(*columns).toPandas() for m in (model, theirs))
    np.testing.assert_allclose(ours["prediction"], other["prediction"], rtol=1e-12)
    if kind == "classifier":
        probability = np.stack(other["probability"].map(lambda v: v.toArray()))
        np.testing.assert_allclose(probability, model.numpy_model.probability(X), rtol=1e-9)
        np.testing.assert_allclose(sklearn.predict_proba(X), model.numpy_model.probability(X), rtol=1e-9)


def test_categorical_splits_go_to_mllib_and_not_to_scikit_learn(rows, spark):
    assembled = VectorAssembler(inputCols=["x0", "number"], outputCol="v").transform(rows)
    model = ml.RandomForestRegressor(
        featuresCol=["x0", "number"], categoricalCols=["number"], labelCol="value", **SMALL
    ).fit(rows)
    with pytest.raises(InputError, match="no categorical splits"):
        model.toSklearn()
    theirs = model.setFeaturesCol("v").toSpark(spark).transform(assembled).select("prediction").toPandas()
    expected = model.numpy_model.predict(np.stack([X[:, 0].astype(float), CITY], axis=1))
    np.testing.assert_allclose(theirs["prediction"], expected, rtol=1e-12)


def test_an_infinite_value_is_refused_and_a_missing_weight_too(spark):
    frame = spark.createDataFrame([(1.0, 0.0, 1.0), (float("inf"), 1.0, None)], "x double, label double, w double")
    with pytest.raises(InputError, match="column 'x' holds an infinite value"):
        ml.RandomForestClassifier(featuresCol=["x"]).fit(frame)
    with pytest.raises(InputError, match="column 'w' holds null"):
        ml.RandomForestClassifier(featuresCol=["x"], weightCol="w").fit(frame)


def test_permutation_importances_find_what_matters(rows, regressor):
    found = regressor.permutationImportances(rows, repeats=2)
    assert found.shape == (5, 2)
    assert found[0].min() > found[2:].max()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"maxDepth": 31}, "maxDepth = 31 is no valid value"),
        ({"categoricalCols": ["x9"]}, "categoricalCols names 'x9'"),
        ({"featuresCol": ["x0"], "categoricalCols": ["x0"]}, "column 'x0' is categorical but holds"),
        ({"labelCol": "value"}, "label .* is out of range"),
    ],
)
def test_what_cannot_be_grown_is_refused(rows, params, message):
    with pytest.raises(InputError, match=message):
        ml.RandomForestClassifier(**params).fit(rows)
