"""Perceptrons over Spark: MLlib's objective, saved models, other libraries' models, bad input."""

import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pyspark.ml import classification
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.functions import array_to_vector
from pyspark.ml.linalg import Vectors
from pyspark.ml.tuning import ParamGridBuilder
from pyspark.sql.functions import abs as magnitude
from pyspark.sql.functions import array, col, transform
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from treefold import load, ml
from treefold.algorithms.perceptron import Layers, PerceptronModel
from treefold.errors import InputError
from treefold.interchange.onnx import exported
from treefold.ml.perceptron import params as module

pytestmark = pytest.mark.spark

RNG = np.random.default_rng(31)
ROWS, NAMES = 256, ["a", "b", "c"]
X = RNG.standard_normal((ROWS, 3))
SCORE = X[:, 0] ** 2 + X[:, 1] * X[:, 2] + 0.3 * RNG.standard_normal(ROWS)
FRAME = pd.DataFrame(X, columns=NAMES).assign(
    label=(SCORE > 0.8) * 1.0, many=np.digitize(SCORE, [0.2, 1.2]) * 1.0, value=SCORE, w=RNG.integers(1, 4, ROWS) * 1.0,
    out=(np.arange(ROWS) % 4 == 0) * 1.0, gap=np.where(np.arange(ROWS) == 7, np.nan, 1.0),
)  # fmt: skip
MANY = {"layers": [3, 6, 3], "labelCol": "many", "featuresCol": "features"}
BATCHES = {**MANY, "solver": "minibatch", "batchSize": 512, "maxEpochs": 3, "stepSize": 0.02}


@pytest.fixture(scope="module")
def rows(spark):
    vectors = VectorAssembler(inputCols=NAMES, outputCol="features")
    return vectors.transform(spark.createDataFrame(FRAME)).coalesce(1).persist()


@pytest.fixture(scope="module")
def model(rows):
    return ml.MultilayerPerceptronClassifier(**MANY, maxIter=30, seed=1).fit(rows)


def taught(rows):
    """Rows of two classes, drawn by a network of two hidden units: the optimum near it is the only one there."""
    rng = np.random.default_rng(1)
    features, layers = rng.standard_normal((rows, 3)), Layers((3, 2, 2))
    teacher = np.zeros(layers.size)
    (first, _), (last, _) = layers.affine(teacher)
    first[:], last[:] = [[2, 0], [0, 2], [1, -1]], [[-2, 2], [2, -2]]
    share = PerceptronModel(layers.sizes, teacher, "sigmoid", "softmax").probability(features)[:, 1]
    frame = pd.DataFrame(features, columns=NAMES).assign(label=(rng.random(rows) < share) * 1.0)
    return frame, teacher + 0.3 * rng.standard_normal(layers.size)


def test_the_objective_is_mllibs_from_the_same_weights(spark):
    frame, start = taught(512)
    rows = VectorAssembler(inputCols=NAMES, outputCol="features").transform(spark.createDataFrame(frame))
    same = {"layers": [3, 2, 2], "initialWeights": start.tolist(), "maxIter": 70}
    theirs = classification.MultilayerPerceptronClassifier(**same, blockSize=512, tol=1e-11).fit(rows.coalesce(1))
    mine = ml.MultilayerPerceptronClassifier(**same, activation="sigmoid", dtype="float64").fit(rows)
    one, other = (model.summary().objectiveHistory for model in (mine, theirs))
    assert one[0] == pytest.approx(other[0], rel=1e-12)
    assert one[-1] == pytest.approx(other[-1], rel=1e-6)
    assert one[-1] < 0.96 * one[0]
    mine.numpy_model = replace(mine.numpy_model, weights=theirs.weights.toArray())
    for row in rows.take(5):
        said = mine.predictProbability(row.features).toArray()
        np.testing.assert_allclose(said, theirs.predictProbability(row.features).toArray(), rtol=1e-9)


def test_a_model_is_saved_and_scored_without_spark(rows, model, tmp_path):
    model.save(str(tmp_path / "m"))
    again, scorer = type(model).load(str(tmp_path / "m")), load(str(tmp_path / "m"))
    out = model.transform(rows).toPandas()
    np.testing.assert_array_equal(again.transform(rows).toPandas()["prediction"], out["prediction"])
    np.testing.assert_array_equal(scorer.predict(X), out["prediction"])
    np.testing.assert_allclose(scorer.probability(X), np.stack(out["probability"].map(lambda v: v.toArray())))
    assert again.getLayers() == [3, 6, 3]
    assert (model.numClasses, model.numFeatures, len(model.weights)) == (3, 3, 45)
    assert model.summary().accuracy == model.evaluate(rows).accuracy > 0.8
    assert model.summary().totalIterations == len(model.summary().objectiveHistory) - 1


def test_exports_predict_the_same(spark, rows, model):
    import onnxruntime

    for labels, activation in (("many", "sigmoid"), ("label", "tanh")):
        layers = [3, 6, 3 if labels == "many" else 2]
        made = ml.MultilayerPerceptronClassifier(layers=layers, labelCol=labels, activation=activation, maxIter=20).fit(
            rows
        )
        wanted = made.numpy_model.probability(X)
        np.testing.assert_allclose(made.toSklearn().predict_proba(X), wanted, atol=1e-12)
        np.testing.assert_array_equal(made.toSklearn().predict(X), made.numpy_model.predict(X))
        run = onnxruntime.InferenceSession(exported(made.exporting()).SerializeToString())
        said = dict(zip(["prediction", "rawPrediction", "probability"], run.run(None, {"features": X}), strict=True))
        np.testing.assert_allclose(said["probability"], wanted, atol=1e-12)
        np.testing.assert_array_equal(said["prediction"], made.numpy_model.predict(X))
        if activation == "sigmoid":
            theirs = made.toSpark(spark).transform(rows).toPandas()
            np.testing.assert_allclose(np.stack(theirs["probability"].map(lambda v: v.toArray())), wanted, atol=1e-12)
        else:
            with pytest.raises(InputError, match="and this one has activation tanh: use toOnnx"):
                made.toSpark(spark)


@pytest.mark.parametrize("loss", ["squaredError", "huber", "poisson"])
def test_values_are_regressed(rows, loss):
    estimator = ml.MultilayerPerceptronRegressor(
        layers=[3, 12, 1], labelCol="label" if loss == "poisson" else "value", loss=loss, maxIter=100, regParam=1e-4
    )
    model = estimator.fit(rows)
    assert model.summary.r2 > (0.5 if loss == "poisson" else 0.9)
    predicted = model.transform(rows).toPandas()["prediction"]
    run = pytest.importorskip("onnxruntime").InferenceSession(model.toOnnx().SerializeToString())
    np.testing.assert_allclose(run.run(None, {"features": X})[0], predicted, rtol=1e-9)
    theirs = model.toSklearn()
    np.testing.assert_allclose(theirs.predict(X), predicted, rtol=1e-9)
    assert theirs.hidden_layer_sizes == (12,)
    assert theirs.loss == ("poisson" if loss == "poisson" else "squared_error")
    assert model.evaluate(rows).rmse == pytest.approx(model.summary.rmse)


@pytest.fixture(scope="module")
def several(rows):
    """Rows with labels that are arrays, ``both``, and vectors, ``pair``."""
    both = rows.withColumn("both", array(col("value"), col("value") * col("a"), col("many")))
    return both.withColumn("pair", array_to_vector("both")).persist()


TWO = {"layers": [3, 12, 3], "labelCol": "both", "featuresCol": "features", "regParam": 1e-4, "maxIter": 40}
TARGETS = np.column_stack([SCORE, SCORE * X[:, 0], FRAME["many"]])


@pytest.mark.parametrize("loss", ["squaredError", "huber", "poisson"])
def test_several_numbers_are_regressed_at_once(several, loss, tmp_path):
    counts = several.withColumn("both", transform("both", magnitude))
    data, wanted = (counts, abs(TARGETS)) if loss == "poisson" else (several, TARGETS)
    model = ml.MultilayerPerceptronRegressor(**TWO, loss=loss).fit(data)
    out = model.transform(data).toPandas()
    predicted = np.stack(out["prediction"])
    assert predicted.shape == (ROWS, 3)
    summary = model.summary
    assert summary.r2 == pytest.approx(r2_score(wanted, predicted), rel=1e-5)
    assert summary.r2 > (0.5 if loss == "poisson" else 0.7)
    assert summary.rmse == pytest.approx(root_mean_squared_error(wanted, predicted), rel=1e-5)
    assert model.evaluate(data).mae == pytest.approx(mean_absolute_error(wanted, predicted), rel=1e-5)
    residuals = np.stack(summary.residuals.toPandas()["residuals"])
    np.testing.assert_allclose(residuals, wanted - predicted, atol=1e-9)
    low, _, middle, _, high = summary.residualQuantiles()
    assert [low, high] == pytest.approx([residuals.min(), residuals.max()], rel=1e-5)
    assert middle == pytest.approx(np.median(residuals), abs=0.02)
    assert len(summary.charts()) > 0
    model.save(str(tmp_path / "m"))
    again = type(model).load(str(tmp_path / "m"))
    np.testing.assert_array_equal(np.stack(again.transform(data).toPandas()["prediction"]), predicted)
    np.testing.assert_array_equal(load(str(tmp_path / "m")).predict(X), predicted)
    np.testing.assert_array_equal(model.predict(Vectors.dense(X[0])).toArray(), model.numpy_model.predict(X[:1])[0])
    run = pytest.importorskip("onnxruntime").InferenceSession(model.toOnnx().SerializeToString())
    np.testing.assert_allclose(run.run(None, {"features": X})[0], predicted, rtol=1e-9)
    np.testing.assert_allclose(model.toSklearn().predict(X), predicted, rtol=1e-9, atol=1e-12)


def test_labels_that_are_vectors_or_arrays_in_files_or_behind_filters_are_the_same(spark, several, tmp_path):
    path = str(tmp_path / "rows")
    several.drop("features").write.parquet(path)
    stored = spark.read.parquet(path)
    others = TWO | {"featuresCol": NAMES, "solver": "minibatch", "batchSize": 64, "maxEpochs": 3, "maxIter": None}
    others = {name: value for name, value in others.items() if value is not None} | {"validationFraction": 0.2}
    made = [
        ml.MultilayerPerceptronRegressor(**others | {"labelCol": label}).fit(data)
        for data in (stored, stored.where("w > 0"))
        for label in ("both", "pair")
    ]
    for one in made[1:]:
        np.testing.assert_array_equal(one.weights, made[0].weights)
    assert made[0].getFeaturesCol() == NAMES
    assert made[0].numpy_model.feature_names == tuple(NAMES)
    assert made[1].summary.residuals.count() == ROWS


@pytest.mark.parametrize("label", ["value", "both"])
def test_a_file_that_is_damaged_is_one_line_before_the_data_are_read(spark, several, tmp_path, label):
    several.drop("features").coalesce(1).write.parquet(str(tmp_path / "rows"))
    stored = spark.read.parquet(str(tmp_path / "rows"))
    (file,) = (tmp_path / "rows").glob("*.parquet")
    file.with_name(f".{file.name}.crc").unlink()
    file.write_bytes(b"no Parquet file" * 10)
    layers = [3, 3 if label == "both" else 1]
    with pytest.raises(InputError, match=f"{file.name} is damaged or no Parquet file: restore it"):
        ml.MultilayerPerceptronRegressor(layers=layers, labelCol=label, featuresCol=NAMES).fit(stored)


def test_a_search_scores_several_numbers_by_the_mean(several):
    estimator = ml.MultilayerPerceptronRegressor(**TWO)
    grid = ParamGridBuilder().addGrid(estimator.regParam, [1e-4, 100.0]).build()
    found = ml.CrossValidator(estimator=estimator, estimatorParamMaps=grid, evaluator="r2", numFolds=2).fit(several)
    assert found.bestModel.getRegParam() == 1e-4
    assert found.avgMetrics[0] > 0.3 > found.avgMetrics[1]


BAD_SEVERAL = [
    ({"layers": [3, 4, 2]}, "layers end with 2, but the label is an array of 3: let layers end with 3"),
    ({"layers": [4, 3]}, "layers begin with 4, but there are 3 features: let layers begin with 3"),
    ({"labelCol": "value"}, "layers end with 3, but the label is one number: let layers end with 1"),
    ({"labelCol": "short", "layers": [3, 1]}, "the label is an array of one number: make it a number"),
    ({"labelCol": "gaps"}, "column 'gaps' holds (a )?null in row 7"),
    ({"loss": "poisson"}, "a label is -[0-9.]+: counts are 0 or more"),
]


@pytest.mark.parametrize(("params", "message"), BAD_SEVERAL, ids=[message for _, message in BAD_SEVERAL])
def test_bad_labels_of_several_numbers_are_one_line(several, params, message):
    data = several.withColumn("short", array("value")).withColumn("gaps", array("value", "gap", "many"))
    with pytest.raises(InputError, match=message):
        ml.MultilayerPerceptronRegressor(**TWO | params).fit(data)
    with pytest.raises(InputError, match="column 'both' is of type array<double>, but must be a number"):
        ml.MultilayerPerceptronClassifier(layers=[3, 3], labelCol="both").fit(data)


def test_restarts_keep_the_best_and_a_search_shares_passes(rows):
    few = {**MANY, "maxIter": 15, "tol": 0.0}
    alone = [ml.MultilayerPerceptronClassifier(**few, seed=4).fit(rows)]
    several = ml.MultilayerPerceptronClassifier(**few, seed=4, nInit=5).fit(rows)
    assert several.summary().objectiveHistory[-1] <= alone[0].summary().objectiveHistory[-1]
    estimator = ml.MultilayerPerceptronClassifier(**few)
    grid = ParamGridBuilder().addGrid(estimator.regParam, [1e-4, 10.0]).addGrid(estimator.seed, [1, 2]).build()
    found = ml.CrossValidator(estimator=estimator, estimatorParamMaps=grid, evaluator="accuracy", numFolds=2).fit(rows)
    assert found.bestModel.getRegParam() == 1e-4
    assert max(found.avgMetrics) > 0.6 > min(found.avgMetrics)


def test_a_fit_starts_from_a_saved_model_and_ends_early(rows, model, tmp_path):
    model.save(str(tmp_path / "m"))
    more = ml.MultilayerPerceptronClassifier(**MANY, maxIter=3, initialModel=str(tmp_path / "m")).fit(rows)
    assert more.summary().objectiveHistory[0] == pytest.approx(model.summary().objectiveHistory[-1], rel=1e-5)
    held = ml.MultilayerPerceptronClassifier(**MANY, maxIter=300, tol=0.0, validationIndicatorCol="out").fit(rows)
    assert "held-out rows" in held.summary().outcome
    weighted = ml.MultilayerPerceptronClassifier(**MANY, maxIter=5, weightCol="w", classWeight="balanced").fit(rows)
    assert weighted.summary().objectiveHistory[-1] < weighted.summary().objectiveHistory[0]


BAD = [
    ({"layers": None}, "layers is not set: give .3, ..., outputs."),
    ({"layers": [4, 3]}, "layers begin with 4, but there are 3 features: let layers begin with 3"),
    ({"layers": [3, 5, 2]}, "layers end with 2, but label 2 occurs: let layers end with the number of classes"),
    ({"initialWeights": [1.0, 2.0]}, "2 first weights are given, but layers .3, 6, 3. have 45: give as many"),
    ({"stepSize": 0.5}, "solver lbfgs reads no stepSize: leave it out, or use gd"),
    ({"initialWeights": [0.0] * 45, "nInit": 3}, "the first weights are given: nInit has nothing to draw"),
    ({**BATCHES, "stepSize": 1e30, "updater": "sgd"}, "the fit diverged: stepSize 1e.30 is too large: lower it"),
    ({**BATCHES, "maxIter": 3}, "solver minibatch reads no maxIter: leave it out, or use lbfgs or gd"),
    ({**BATCHES, "momentum": 0.5}, "updater adam reads no momentum: leave it out, or use sgd"),
    ({"solver": "l-bfgs", "dropout": 0.5}, "solver lbfgs reads no dropout: leave it out, or use minibatch"),
    ({"maxIter": 5, "dropout": 0.5}, "solver lbfgs reads no dropout: leave it out, or use minibatch"),
    ({"labelCol": "value"}, "label -?[0-9.]+ in row 0 is out of range"),
    ({**BATCHES, "labelCol": "value"}, "label -?[0-9.]+ in row 0 is out of range"),
    ({**BATCHES, "labelCol": "gap"}, "column 'gap' holds (NaN|null) in row 7"),
    ({**BATCHES, "featuresCol": ["a", "b", "gap"]}, "column 'gap' holds (NaN|null) in row 7"),
]


@pytest.mark.parametrize(("params", "message"), BAD, ids=lambda v: v if isinstance(v, str) else str(list(v)))
def test_bad_input_is_one_line(rows, params, message):
    with pytest.raises(InputError, match=message):
        ml.MultilayerPerceptronClassifier(**{k: v for k, v in (MANY | params).items() if v is not None}).fit(rows)


def test_mini_batches_have_the_same_bits_for_any_tasks_and_reader(spark, small_blocks, tmp_path):
    frame = pd.concat([FRAME] * 10, ignore_index=True).sort_values("many", ignore_index=True)
    frame[NAMES] += 0.01 * RNG.standard_normal((len(frame), 3))
    path = str(tmp_path / "rows")
    spark.createDataFrame(frame).coalesce(1).write.parquet(path)
    data = spark.read.parquet(path)
    others = {**BATCHES, "featuresCol": NAMES, "dropout": 0.1, "validationFraction": 0.2}
    fits = [ml.MultilayerPerceptronClassifier(**others, numTasks=tasks).fit(data) for tasks in (1, 2, 5)]
    fits.append(ml.MultilayerPerceptronClassifier(**others).fit(data.where("w > 0")))
    for one in fits[1:]:
        np.testing.assert_array_equal(one.weights, fits[0].weights)
    local = {**others, "solver": "localsgd", "batchSize": 64, "validationFraction": None}
    ends = [ml.MultilayerPerceptronClassifier(**local, numTasks=tasks).fit(data).weights for tasks in (1, 4)]
    np.testing.assert_array_equal(*ends)
    passes = [found for found in fits[1].summary().passes if found.name == "lane_gradients"]
    assert len(passes) == 3 * -(-len(frame) // 512)
    assert {found.tasks for found in passes} == {2}  # of two lanes
    assert fits[0].summary().objectiveHistory[-1] < fits[0].summary().objectiveHistory[0]
    assert len(fits[0].summary().validationHistory) == 4


@pytest.mark.parametrize("solver", ["minibatch", "localsgd"])
@pytest.mark.parametrize("fault", [os.unlink, lambda path: os.truncate(path, 100)], ids=["deleted", "cut short"])
def test_mini_batches_have_the_same_bits_after_block_files_are_lost(spark, small_blocks, tmp_path, solver, fault):
    path, done = str(tmp_path / "rows"), []
    spark.createDataFrame(pd.concat([FRAME] * 4, ignore_index=True)).coalesce(1).write.parquet(path)
    others = {**BATCHES, "featuresCol": NAMES, "solver": solver, "numTasks": 2, "dropout": 0.1, "maxEpochs": 4}
    estimator = ml.MultilayerPerceptronClassifier(**others, validationFraction=0.2)

    def weights(harm):
        with estimator.open(spark.read.parquet(path)) as blocks:
            trial = estimator.copy().watch(lambda progress: harm(blocks, progress.iteration))
            return trial.fit_batch(blocks, [trial]).numpy_models[0].weights, blocks.passes

    def harm(blocks, epoch):
        if epoch not in (1, 3):
            return
        file = blocks.parts.map(lambda part: part.path).collect()[epoch // 2]
        fault(file)
        done.append(file)

    expected, _ = weights(lambda blocks, epoch: None)
    found, passes = weights(harm)
    np.testing.assert_array_equal(found, expected)
    assert len(done) == 2
    assert sum(len(each.lost) for each in passes) == 2


def test_local_descent_has_the_same_bits_for_rows_in_any_order(rows, small_blocks):
    local = {**BATCHES, "solver": "localsgd", "batchSize": 16, "seed": 2}
    ordered = [rows.orderBy("many", "a"), rows.orderBy("a"), rows.orderBy("many", ascending=False)]
    first, *others = (ml.MultilayerPerceptronClassifier(**local).fit(each) for each in ordered)
    for other in others:
        np.testing.assert_array_equal(other.weights, first.weights)


def test_a_search_takes_mini_batches(rows):
    estimator = ml.MultilayerPerceptronClassifier(**BATCHES | {"batchSize": 32})
    grid = ParamGridBuilder().addGrid(estimator.stepSize, [1e-5, 0.05]).build()
    found = ml.CrossValidator(estimator=estimator, estimatorParamMaps=grid, evaluator="logLoss", numFolds=2).fit(rows)
    assert found.bestModel.getStepSize() == 0.05
    assert found.avgMetrics[1] < found.avgMetrics[0]
    names = [each.name for each in found.search.passes if "lane_gradients" in each.name]
    assert names == ["lane_gradients x 3"] * 3 * 8  # two folds and all rows, in each of three epochs of eight steps


def test_the_solver_that_is_not_set_is_that_of_the_params_or_of_the_rows(rows, monkeypatch, caplog):
    def by_batches(limit, **params):
        monkeypatch.setattr(module, "SMALL", limit)
        caplog.clear()
        with caplog.at_level("INFO"):
            model = ml.MultilayerPerceptronClassifier(**MANY, **params).fit(rows)
        (line,) = [each.message for each in caplog.records if each.message.startswith("solver ")] or [""]
        found = {each.name for each in model.summary().passes}
        assert ("objective" in found) != ("lane_gradients" in found)
        return "lane_gradients" in found, line

    assert by_batches(ROWS - 1) == (True, "solver minibatch: there are more than 255 rows")
    assert by_batches(ROWS) == (False, "solver l-bfgs: there are no more than 256 rows")
    assert by_batches(ROWS - 1, maxIter=5) == (False, "solver l-bfgs: maxIter is set")
    assert by_batches(ROWS, maxEpochs=2) == (True, "solver minibatch: maxEpochs is set")
    assert by_batches(ROWS - 1, solver="l-bfgs") == (False, "")
    assert by_batches(ROWS - 1, stepSize=0.01) == (True, "solver minibatch: there are more than 255 rows")
    monkeypatch.setattr(module, "SMALL", ROWS - 1)
    estimator = ml.MultilayerPerceptronClassifier(**MANY)
    grid = ParamGridBuilder().addGrid(estimator.regParam, [0.0, 0.1]).build()
    found = ml.CrossValidator(estimator=estimator, estimatorParamMaps=grid, evaluator="accuracy", numFolds=2).fit(rows)
    assert "lane_gradients x 3" in {each.name for each in found.search.passes}  # though a fold has fewer rows


def test_layers_are_two_sizes_or_more():
    with pytest.raises(InputError, match=r"layers = .* is no valid value .not two or more numbers"):
        ml.MultilayerPerceptronClassifier(layers=[3])
    with pytest.raises(InputError, match="loss squaredError reads no epsilon"):
        ml.MultilayerPerceptronRegressor(layers=[3, 1], epsilon=2.0).loss_of()
