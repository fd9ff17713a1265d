"""Names and behaviour of pyspark.ml, against MLlib itself."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from chispa import assert_approx_df_equality, assert_df_equality
from pyspark.ml import Pipeline, PipelineModel, classification, regression
from pyspark.ml.evaluation import BinaryClassificationEvaluator, MulticlassClassificationEvaluator, RegressionEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
from pyspark.sql.functions import col
from threadpoolctl import threadpool_info, threadpool_limits

from treefold import ml, open_blocks
from treefold.errors import InputError
from treefold.persistence import model_io

pytestmark = pytest.mark.spark

RNG = np.random.default_rng(2)
ROWS = 400
NAMES = ["a", "b", "c"]
X = RNG.standard_normal((ROWS, 3)) * [1, 5, 0.2] + [0, 10, 1]
SCORE = (X - X.mean(axis=0)) / X.std(axis=0) @ [1, -2, 0.5] + RNG.logistic(size=ROWS)


@pytest.fixture(scope="module")
def rows(spark):
    frame = pd.DataFrame(X, columns=NAMES)
    frame["binary"] = (SCORE > 0.2).astype(float)
    frame["many"] = np.digitize(SCORE, [-1, 1]).astype(float)
    frame["target"] = 100 + 20 * SCORE
    frame["w"] = RNG.uniform(0.5, 2, ROWS)
    return VectorAssembler(inputCols=NAMES, outputCol="features").transform(spark.createDataFrame(frame)).persist()


EXACT = {"dtype": "float64", "tol": 1e-9, "maxIter": 1000}
THEIRS = {"tol": 1e-12, "maxIter": 1000}


def test_many_classes_are_not_binomial(rows):
    with pytest.raises(InputError, match="family is binomial but 'many' has 3 classes"):
        ml.LogisticRegression(labelCol="many", family="binomial").fit(rows)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize(
    ("label", "family"), [("binary", "binomial"), ("binary", "multinomial"), ("many", "multinomial")]
)
def test_unpenalised_logistic_regression_is_mllibs(rows, label, family, intercept, weighted):
    same = {"labelCol": label, "family": family, "fitIntercept": intercept} | ({"weightCol": "w"} if weighted else {})
    mine = ml.LogisticRegression(**same, **EXACT).fit(rows)
    theirs = classification.LogisticRegression(**same, **THEIRS).fit(rows)
    np.testing.assert_allclose(
        mine.coefficientMatrix.toArray(), theirs.coefficientMatrix.toArray(), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(mine.interceptVector.toArray(), theirs.interceptVector.toArray(), rtol=1e-4, atol=1e-4)
    assert (mine.numClasses, mine.numFeatures) == (theirs.numClasses, theirs.numFeatures)
    assert mine.summary.objectiveHistory[-1] <= theirs.summary.objectiveHistory[-1] + 1e-9


@pytest.mark.parametrize("standardization", [True, False])
def test_penalised_logistic_regression_is_mllibs_up_to_its_n_minus_one(rows, standardization):
    same = {"labelCol": "many", "regParam": 0.1, "standardization": standardization}
    mine = ml.LogisticRegression(**same, **EXACT).fit(rows)
    theirs = classification.LogisticRegression(**same, **THEIRS).fit(rows)
    rtol = 2 / ROWS if standardization else 1e-4
    np.testing.assert_allclose(
        mine.coefficientMatrix.toArray(), theirs.coefficientMatrix.toArray(), rtol=rtol, atol=1e-4
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize(
    ("regularisation", "share", "standardization"),
    # Without a penalty neither its share of L1 nor a standardisation matters.
    [(0.0, 0.6, False), (3.0, 0.0, True), (3.0, 0.0, False), (3.0, 0.6, True), (3.0, 0.6, False)],
)
def test_linear_regression_is_mllibs_normal_solver(rows, regularisation, share, standardization, intercept, weighted):
    same = {"labelCol": "target", "regParam": regularisation, "standardization": standardization,
            "fitIntercept": intercept, "elasticNetParam": share} | ({"weightCol": "w"} if weighted else {})  # fmt: skip
    mine = ml.LinearRegression(**same, **EXACT).fit(rows)
    theirs = regression.LinearRegression(solver="normal", **same, **THEIRS).fit(rows)
    np.testing.assert_allclose(mine.coefficients.toArray(), theirs.coefficients.toArray(), rtol=1e-5, atol=1e-6)
    assert mine.intercept == pytest.approx(theirs.intercept, rel=1e-5, abs=1e-6)


def test_transform_adds_mllibs_columns(rows):
    params = {"labelCol": "many", "rawPredictionCol": "raw", "probabilityCol": "p", "predictionCol": "y"}
    mine = ml.LogisticRegression(**params, **EXACT).fit(rows).transform(rows)
    theirs = classification.LogisticRegression(**params, **THEIRS).fit(rows).transform(rows)
    assert [(f.name, f.dataType) for f in mine.schema] == [(f.name, f.dataType) for f in theirs.schema]
    assert_df_equality(mine.select(*rows.columns), rows)
    for name in ("raw", "p"):
        arrays = [
            frame.select(*(vector_to_array(name)[k].alias(f"k{k}") for k in range(3))) for frame in (mine, theirs)
        ]
        assert_approx_df_equality(*arrays, 1e-3, ignore_nullable=True)
    assert_df_equality(mine.select("y"), theirs.select("y"), ignore_nullable=True, ignore_metadata=True)


def test_binary_raw_predictions_probabilities_and_threshold(rows):
    model = ml.LogisticRegression(labelCol="binary", threshold=0.8).fit(rows)
    out = model.transform(rows).select("rawPrediction", "probability", "prediction").toPandas()
    raw, p = (np.array([v.toArray() for v in out[c]]) for c in ("rawPrediction", "probability"))
    np.testing.assert_allclose(raw[:, 1], X @ model.coefficients.toArray() + model.intercept, rtol=1e-9)
    np.testing.assert_allclose(raw[:, 0], -raw[:, 1])
    np.testing.assert_allclose(p[:, 1], 1 / (1 + np.exp(-raw[:, 1])))
    np.testing.assert_array_equal(out.prediction, p[:, 1] > 0.8)
    model.setThreshold(0.1)
    lower = model.transform(rows).select("prediction").toPandas().prediction
    np.testing.assert_array_equal(lower, p[:, 1] > 0.1)


@pytest.mark.parametrize("kind", ["vector", "array", "columns", "pattern"])
def test_features_come_as_vectors_arrays_or_columns(rows, kind):
    from pyspark.sql.functions import array

    frame = rows.select(array(*NAMES).alias("features"), *NAMES, "many") if kind == "array" else rows
    given = {"vector": "features", "array": "features", "columns": NAMES, "pattern": ["a", "b", "c*"]}[kind]
    model = ml.LogisticRegression(featuresCol=given, labelCol="many", **EXACT).fit(frame)
    straight = ml.LogisticRegression(labelCol="many", **EXACT).fit(rows)
    np.testing.assert_array_equal(model.numpy_model.coef, straight.numpy_model.coef)
    got = model.transform(frame).select("prediction")
    assert_df_equality(got, straight.transform(rows).select("prediction"))
    if kind == "pattern":
        assert model.getFeaturesCol() == NAMES


def test_a_star_trains_on_features_alone_in_fits_and_in_searches(rows):
    from pyspark.sql.functions import expr

    data = rows.select(*NAMES, "many", expr("pmod(hash(a), 3)").alias("fold"))
    lr = ml.LogisticRegression(featuresCol=["*"], labelCol="many", **EXACT)
    assert lr.fit(data.drop("fold")).getFeaturesCol() == NAMES
    search = ml.CrossValidator(estimator=lr, space={"regParam": [0.1]}, evaluator="logLoss", foldCol="fold").fit(data)
    assert search.bestModel.getFeaturesCol() == NAMES


@pytest.mark.parametrize("kind", ["columns", "pattern", "assembled vector", "bare vector"])
def test_a_saved_model_knows_the_names_of_its_features(rows, tmp_path, kind):
    bare = rows.select(rows.features.alias("features", metadata={"no": "attributes"}), "target")
    data = bare if kind == "bare vector" else rows
    features = {"columns": NAMES, "pattern": ["*b", "a", "c*"]}.get(kind, "features")
    estimators = [
        ml.LinearRegression(featuresCol=features, labelCol="target"),
        ml.KMeans(k=3, featuresCol=features),
        ml.RandomForestRegressor(featuresCol=features, labelCol="target", numTrees=2),
    ]
    for i, estimator in enumerate(estimators):
        model = estimator.fit(data)
        model.save(str(tmp_path / f"{i}"))
        loaded = model_io.load(str(tmp_path / f"{i}"))
        names = {"pattern": ("b", "a", "c"), "bare vector": ()}.get(kind, tuple(NAMES))
        assert loaded.feature_names == names
        if names:
            frame = rows.select("w", "c", "b", "a").toPandas()
            expected = model.transform(data).select("prediction").toPandas()["prediction"]
            np.testing.assert_array_equal(loaded.predict(frame), expected)


def test_nan_rows_predict_nan_and_null_rows_are_named(spark, rows):
    model = ml.LogisticRegression(featuresCol=NAMES, labelCol="many").fit(rows)
    odd = spark.createDataFrame([(1.0, float("nan"), 2.0)], NAMES)
    row = model.transform(odd).first()
    assert math.isnan(row.prediction)
    assert np.isnan(row.probability.toArray()).all()
    missing = spark.createDataFrame([(1.0, None, 2.0)], "a double, b double, c double")
    with pytest.raises(Exception, match="column 'b' holds null in row 0 of a batch to predict"):
        model.transform(missing).collect()


def test_an_output_column_without_a_name_is_left_out(rows):
    model = ml.LogisticRegression(labelCol="many", rawPredictionCol="", probabilityCol="").fit(rows)
    assert model.transform(rows).columns == [*rows.columns, "prediction"]


def test_evaluate_agrees_with_pysparks_evaluators(rows):
    model = ml.LogisticRegression(labelCol="many", weightCol="w").fit(rows)
    scores, out = model.evaluate(rows), model.transform(rows)

    def theirs(metric, **kw):
        return MulticlassClassificationEvaluator(labelCol="many", metricName=metric, weightCol="w", **kw).evaluate(out)

    assert scores.accuracy == pytest.approx(theirs("accuracy"))
    assert scores.log_loss == pytest.approx(theirs("logLoss"), rel=1e-6)
    for k in range(3):
        assert scores.precision[k] == pytest.approx(theirs("precisionByLabel", metricLabel=k))
        assert scores.recall[k] == pytest.approx(theirs("recallByLabel", metricLabel=k))
    line = ml.LinearRegression(labelCol="target").fit(rows)
    for metric in ("rmse", "mae", "r2"):
        value = RegressionEvaluator(labelCol="target", metricName=metric).evaluate(line.transform(rows))
        assert getattr(line.evaluate(rows), metric) == pytest.approx(value, rel=1e-5)


def test_labels_the_model_does_not_know_are_counted(rows):
    model = ml.LogisticRegression(labelCol="binary").fit(rows)
    unknown = rows.where("many = 2").count()
    with pytest.raises(InputError, match=f"{unknown} rows have a label in 'many' that is no class.* it knows 0 to 1"):
        model.setLabelCol("many").evaluate(rows)


def test_save_and_load_by_itself_and_in_a_pipeline(rows, tmp_path):
    assembler = VectorAssembler(inputCols=NAMES, outputCol="v")
    pipeline = Pipeline(stages=[assembler, ml.LogisticRegression(featuresCol="v", labelCol="many", regParam=0.1)])
    pipeline.write().overwrite().save(str(tmp_path / "pipeline"))
    model = Pipeline.load(str(tmp_path / "pipeline")).fit(rows)
    model.write().overwrite().save(str(tmp_path / "model"))
    again = PipelineModel.load(str(tmp_path / "model"))
    assert_df_equality(again.transform(rows), model.transform(rows))
    alone = str(tmp_path / "alone")
    last = model.stages[-1]
    last.save(alone)
    with pytest.raises(InputError, match="alone exists: choose another path"):
        last.save(alone)
    loaded = ml.LogisticRegressionModel.load(f"file://{alone}")
    assert loaded.uid == last.uid
    assert loaded.getFeaturesCol() == "v"
    assert not loaded.hasSummary
    assert sorted(p.name for p in (tmp_path / "alone").iterdir()) == [
        "_treefold.json", "arrays.npz", "metadata", "model.json"
    ]  # fmt: skip
    assert json.loads((tmp_path / "alone" / "model.json").read_text())["format"] == 1
    np.testing.assert_array_equal(model_io.load(alone).predict(X), [r.prediction for r in last.transform(
        rows.withColumnRenamed("features", "v")).select("prediction").collect()])  # fmt: skip


def test_pysparks_own_cross_validator_takes_it(rows):
    estimator = ml.LogisticRegression(labelCol="binary")
    grid = ParamGridBuilder().addGrid(estimator.regParam, [0.0, 100.0]).build()
    evaluator = BinaryClassificationEvaluator(labelCol="binary")
    fitted = CrossValidator(estimator=estimator, estimatorParamMaps=grid, evaluator=evaluator, numFolds=2, seed=1,
                            parallelism=2).fit(rows)  # fmt: skip
    assert len(fitted.avgMetrics) == 2
    assert fitted.bestModel.numFeatures == 3


def test_each_param_of_the_columns_changes_the_fit(rows):
    base = {"labelCol": "binary", "featuresCol": NAMES, "dtype": "float64", "maxIter": 3}
    changes = [{}, {"weightCol": "w"}, {"dtype": "float32"}, {"labelCol": "many"}, {"featuresCol": ["a", "b"]}]
    fits = [ml.LogisticRegression(**base | change).fit(rows).numpy_model.coef.tobytes() for change in changes]
    assert len(set(fits)) == len(fits)


def test_num_tasks_is_the_tasks_of_a_pass_and_changes_no_bit(rows, small_blocks):
    models = [ml.LogisticRegression(labelCol="many", numTasks=n).fit(rows) for n in (1, 3)]
    assert [m.summary.passes[-1].tasks for m in models] == [1, 3]
    np.testing.assert_array_equal(models[0].numpy_model.coef, models[1].numpy_model.coef)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"maxiter": 3}, "LogisticRegression has no param 'maxiter': did you mean 'maxIter'"),
        ({"elasticNetParam": 1.5}, "elasticNetParam = 1.5 is no valid value"),
        ({"maxIter": "many"}, r"maxIter = 'many' is no valid value .*: maxIter is the most iterations"),
        ({"maxIter": -1}, "maxIter = -1 is no valid value"),
        ({"regParam": float("nan")}, "regParam = nan is no valid value"),
        ({"threshold": 2}, "threshold = 2 is no valid value"),
        ({"solver": "normal"}, "solver = 'normal' is no valid value .*not one of auto, lbfgs, newton"),
        ({"featuresCol": 3}, "featuresCol = 3 is no valid value"),
        ({"fitIntercept": "yes"}, "fitIntercept = 'yes' is no valid value"),
    ],
)
def test_bad_params_are_named_with_their_cure(params, message):
    with pytest.raises(InputError, match=message):
        ml.LogisticRegression(**params)


def test_setters_chain_and_getters_read():
    estimator = ml.LogisticRegression().setMaxIter(5).setSolver("l-bfgs").setFeaturesCol(["a"])
    assert (estimator.getMaxIter(), estimator.getSolver(), estimator.getFeaturesCol()) == (5, "l-bfgs", ["a"])
    assert estimator.copy({estimator.maxIter: 7}).getMaxIter() == 7


def test_one_class_only_predicts_it(rows):
    model = ml.LogisticRegression(labelCol="one", regParam=0.1).fit(rows.withColumn("one", col("a") * 0))
    assert {row.prediction for row in model.transform(rows).select("prediction").collect()} == {0.0}


def test_a_model_loads_only_as_what_it_is(rows, tmp_path):
    ml.LogisticRegression(labelCol="many").fit(rows).save(str(tmp_path / "m"))
    with pytest.raises(InputError, match=r"holds a treefold\.ml\.\S*LogisticRegressionModel: load it"):
        ml.LinearRegressionModel.load(str(tmp_path / "m"))


def test_an_output_column_that_exists_is_refused(rows):
    model = ml.LogisticRegression(labelCol="many").fit(rows)
    with pytest.raises(InputError, match="the data has a column 'rawPrediction' already: drop it"):
        model.transform(model.transform(rows))


def test_predictions_for_single_vectors_are_mllibs(rows):
    one = rows.first().features
    mine = ml.LogisticRegression(labelCol="many", **EXACT).fit(rows)
    theirs = classification.LogisticRegression(labelCol="many", **THEIRS).fit(rows)
    assert mine.predict(one) == theirs.predict(one)
    np.testing.assert_allclose(mine.predictProbability(one), theirs.predictProbability(one), atol=1e-5)
    np.testing.assert_allclose(mine.predictRaw(one), theirs.predictRaw(one), atol=1e-3)


def test_a_fit_that_diverges_is_no_model(rows):
    with np.errstate(all="ignore"), pytest.raises(InputError, match="the fit diverged: stepSize 10 is too large"):
        ml.LinearRegression(labelCol="target", solver="gd", stepRule="constant", stepSize=10, maxIter=2000).fit(rows)


def test_a_label_that_does_not_vary_is_predicted(rows):
    same = rows.withColumn("same", col("a") * 0 + 7.7)
    model = ml.LinearRegression(labelCol="same", regParam=0.5).fit(same)
    assert model.intercept == pytest.approx(7.7, rel=1e-6)
    for summary in (model.summary, model.evaluate(same)):
        assert math.isnan(summary.r2)
        assert math.isnan(summary.r2adj)
        assert summary.scores["r2"] is None  # no file of figures can hold a NaN


def test_blas_has_one_thread_on_the_driver_during_a_fit_alone(rows):
    def threads():
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

    seen = []
    with threadpool_limits(2, user_api="blas"):
        ml.LogisticRegression(labelCol="binary", maxIter=2).watch(lambda _: seen.append(threads())).fit(rows)
        assert threads() == {2}
        with open_blocks(rows, ["a", "b"]):
            assert threads() == {2}
    assert seen
    assert all(each == {1} for each in seen)
