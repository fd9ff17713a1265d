"""Searches over Pipelines, OneVsRest and anybody's estimators: against pyspark.ml's searches of the same stages."""

import logging

import numpy as np
import pandas as pd
import pytest
from pyspark.ml import Estimator, Pipeline, PipelineModel, tuning
from pyspark.ml.classification import LogisticRegression as SparkLogisticRegression
from pyspark.ml.classification import OneVsRest
from pyspark.ml.evaluation import (
    BinaryClassificationEvaluator,
    Evaluator,
    MulticlassClassificationEvaluator,
    RegressionEvaluator,
)
from pyspark.ml.feature import SQLTransformer, StandardScaler, StringIndexer, VectorAssembler
from pyspark.ml.tuning import ParamGridBuilder
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable

from treefold import ml
from treefold.errors import InputError

pytestmark = pytest.mark.spark

RNG = np.random.default_rng(8)
ROWS, FOLDS = 240, 2  # pyspark.ml's fits take most of the time: few of them, of few passes
X = RNG.standard_normal((ROWS, 3)) * [1, 5, 0.2]
SCORE = X @ [1, -0.4, 5] + RNG.logistic(size=ROWS)
EXACT = {"dtype": "float64", "tol": 1e-10, "maxIter": 300, "solver": "newton"}


@pytest.fixture(scope="module")
def rows(spark, tmp_path_factory):
    frame = pd.DataFrame(X, columns=list("abc"))
    frame["word"] = np.where(SCORE > 0.3, "yes", "no")
    frame["many"] = np.digitize(SCORE, [-1, 1]).astype(float)
    frame["fold"] = RNG.integers(0, FOLDS, ROWS)
    path = str(tmp_path_factory.mktemp("rows") / "parquet")
    spark.createDataFrame(frame).coalesce(2).write.parquet(path)
    return spark.read.parquet(path)


class CountedScaler(Estimator, DefaultParamsReadable, DefaultParamsWritable):
    """A StandardScaler that counts how often it is fitted, and on how many rows."""

    fits: list = []

    def _fit(self, dataset):
        CountedScaler.fits.append(dataset.count())
        return StandardScaler(inputCol="v", outputCol="features", withMean=True).fit(dataset)


def stages(*before, **params):
    lr = ml.LogisticRegression(labelCol="label", **EXACT, **params)
    words = StringIndexer(inputCol="word", outputCol="label")
    return lr, [words, VectorAssembler(inputCols=list("abc"), outputCol="v"), *before, lr]


def scaler():
    return StandardScaler(inputCol="v", outputCol="features", withMean=True)


def both(kind, estimator, grid, select, rows, **params):
    settings = {"estimator": estimator, "estimatorParamMaps": grid, "evaluator": select, **params}
    return [getattr(package, kind)(**settings).fit(rows) for package in (ml, tuning)]


def test_a_pipeline_has_the_scores_and_the_winner_of_pyspark_ml(rows):
    lr, made = stages(scaler())
    std = made[2].withStd
    grid = [{lr.regParam: 0.01, std: True}, {lr.regParam: 1.0, std: True}, {lr.regParam: 1.0, std: False}]
    select = BinaryClassificationEvaluator(numBins=0)
    folds = {"numFolds": FOLDS, "foldCol": "fold"}
    ours, theirs = both("CrossValidator", Pipeline(stages=made), grid, select, rows, **folds)
    np.testing.assert_allclose(ours.avgMetrics, theirs.avgMetrics, rtol=1e-7)
    np.testing.assert_allclose(ours.stdMetrics, theirs.stdMetrics, rtol=1e-5)
    assert isinstance(ours.bestModel, PipelineModel)
    assert [stage.uid for stage in ours.bestModel.stages[:2]] == [stage.uid for stage in theirs.bestModel.stages[:2]]
    for mine, other in zip(predictions(ours, rows), predictions(theirs, rows), strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-6)


def predictions(model, rows):
    return [row.probability.toArray() for row in model.transform(rows).orderBy("a").select("probability").collect()]


def test_a_single_split_is_that_of_pyspark_ml(rows):
    lr, made = stages(scaler())
    grid = ParamGridBuilder().addGrid(lr.regParam, [0.01, 1.0]).build()
    select = MulticlassClassificationEvaluator(metricName="logLoss")
    ours, theirs = both("TrainValidationSplit", Pipeline(stages=made), grid, select, rows, seed=5, trainRatio=0.7)
    np.testing.assert_allclose(ours.validationMetrics, theirs.validationMetrics, rtol=1e-7)


def test_stages_before_are_fitted_once_for_each_fold_on_its_training_rows_and_once_on_all(rows):
    lr, made = stages(CountedScaler())
    grid = ParamGridBuilder().addGrid(lr.regParam, [0.01, 0.1, 1.0]).addGrid(lr.fitIntercept, [True, False]).build()
    CountedScaler.fits.clear()
    search = ml.CrossValidator(
        estimator=Pipeline(stages=made), estimatorParamMaps=grid, evaluator="logLoss", numFolds=FOLDS,
        foldCol="fold", collectSubModels=True,
    ).fit(rows)  # fmt: skip
    held_out = [rows.where(f"fold = {fold}").count() for fold in range(FOLDS)]
    assert CountedScaler.fits == [*(ROWS - n for n in held_out), ROWS]
    assert [[len(model.stages) for model in fold] for fold in search.subModels] == [[4] * len(grid)] * FOLDS
    alone = Pipeline(stages=made).fit(rows.where("fold != 1"), grid[2])
    found = search.subModels[1][2].stages[-1]
    np.testing.assert_allclose(found.coefficients.toArray(), alone.stages[-1].coefficients.toArray(), atol=1e-7)
    assert search.search.passes
    assert len(search.search.trials) == len(grid)


def test_stages_that_learn_nothing_share_the_passes_of_all_folds(rows):
    indexed = StringIndexer(inputCol="word", outputCol="label").fit(rows).transform(rows)
    lr = ml.LogisticRegression(**EXACT | {"solver": "lbfgs"})  # of many passes, so that scores come on the way
    pipeline = Pipeline(stages=[VectorAssembler(inputCols=list("abc"), outputCol="features"), lr])
    space = ParamGridBuilder().addGrid(lr.regParam, [0.01, 1.0]).build()
    shared = {"estimatorParamMaps": space, "evaluator": "logLoss", "numFolds": FOLDS, "foldCol": "fold"}
    bare = ml.CrossValidator(estimator=lr.copy({lr.featuresCol: list("abc")}), **shared).fit(indexed)
    piped = ml.CrossValidator(estimator=pipeline, **shared, scoreEvery=3).fit(indexed)
    np.testing.assert_allclose(piped.avgMetrics, bare.avgMetrics, rtol=1e-8)
    assert piped.search.trials[0].on_the_way
    assert len(piped.search.passes) < 2 * len(bare.search.passes)


def test_stages_may_drop_columns_and_rows_of_the_folds_that_pyspark_ml_draws(rows):
    lr, made = stages()
    few = SQLTransformer(statement="SELECT label, v AS features FROM __THIS__ WHERE a < 1")
    pipeline = Pipeline(stages=[*made[:2], few, lr])
    grid = [{lr.regParam: 0.1}]
    select = MulticlassClassificationEvaluator(metricName="logLoss")
    ours, theirs = both("CrossValidator", pipeline, grid, select, rows, numFolds=2, seed=3)
    np.testing.assert_allclose(ours.avgMetrics, theirs.avgMetrics, rtol=1e-7)


def test_a_pipeline_and_its_fitted_search_are_saved_with_everything(rows, tmp_path):
    lr, made = stages(scaler())
    grid = ParamGridBuilder().addGrid(lr.regParam, [0.01, 1.0]).addGrid(made[2].withStd, [True]).build()
    select = BinaryClassificationEvaluator(numBins=0)
    search = ml.CrossValidator(
        estimator=Pipeline(stages=made), estimatorParamMaps=grid, evaluator=select, numFolds=2, collectSubModels=True
    )
    search.save(str(tmp_path / "search"))
    again = ml.CrossValidator.load(str(tmp_path / "search"))
    assert [stage.uid for stage in again.getEstimator().getStages()] == [stage.uid for stage in made]
    assert again.getEstimatorParamMaps() == grid
    model = search.fit(rows)
    model.save(str(tmp_path / "model"))
    loaded = ml.CrossValidatorModel.load(str(tmp_path / "model"))
    assert loaded.avgMetrics == model.avgMetrics
    assert loaded.getEstimatorParamMaps() == grid
    assert [[len(one.stages) for one in fold] for fold in loaded.subModels] == [[4, 4], [4, 4]]
    np.testing.assert_array_equal(predictions(loaded, rows), predictions(model, rows))
    np.testing.assert_array_equal(predictions(loaded.subModels[1][0], rows), predictions(model.subModels[1][0], rows))
    assert loaded.search.records() == model.search.records()
    PipelineModel([model]).save(str(tmp_path / "stage"))
    np.testing.assert_array_equal(
        predictions(PipelineModel.load(str(tmp_path / "stage")), rows), predictions(model, rows)
    )


FOLDS_OF = {"CrossValidator": {"numFolds": FOLDS}, "TrainValidationSplit": {}}


@pytest.mark.parametrize("kind", FOLDS_OF)
def test_what_has_no_shared_passes_is_searched_by_pyspark_ml_and_saved(rows, tmp_path, kind, caplog):
    data = VectorAssembler(inputCols=list("abc"), outputCol="features").transform(rows)
    inner = ml.LogisticRegression(maxIter=3)
    many = OneVsRest(classifier=inner, labelCol="many")
    grid = ParamGridBuilder().addGrid(inner.regParam, [0.01, 1.0]).build()
    select = MulticlassClassificationEvaluator(labelCol="many", metricName="accuracy")
    with caplog.at_level(logging.WARNING):
        ours, theirs = both(kind, many, grid, select, data, seed=4, collectSubModels=True, **FOLDS_OF[kind])
    assert "OneVsRest has no shared passes" in caplog.text
    assert ours.scores["mean"] == list(theirs.avgMetrics if kind == "CrossValidator" else theirs.validationMetrics)
    ours.save(str(tmp_path / "model"))
    loaded = type(ours).load(str(tmp_path / "model"))
    assert loaded.getEstimatorParamMaps() == grid
    assert loaded.scores == ours.scores
    assert np.shape(loaded.subModels) == np.shape(ours.subModels)
    assert [r.prediction for r in loaded.transform(data).collect()] == [
        r.prediction for r in ours.transform(data).collect()
    ]


class LargestFirst(Evaluator):
    """Anybody's evaluator."""

    def _evaluate(self, dataset):
        return float(dataset.where("prediction = label").count())


def test_any_other_estimator_and_evaluator_are_searched_by_pyspark_ml(rows):
    words = StringIndexer(inputCol="word", outputCol="label").fit(rows)
    data = VectorAssembler(inputCols=list("abc"), outputCol="features").transform(words.transform(rows))
    for lr, select in (
        (SparkLogisticRegression(maxIter=4), BinaryClassificationEvaluator(numBins=0)),
        (ml.LogisticRegression(maxIter=4), LargestFirst()),
    ):
        tried = [{lr.regParam: 0.1}, {lr.regParam: 9.0}]
        ours, theirs = both("CrossValidator", lr, tried, select, data, numFolds=FOLDS, seed=2)
        np.testing.assert_allclose(ours.avgMetrics, theirs.avgMetrics, rtol=1e-9)
        np.testing.assert_allclose(
            ours.stdMetrics, theirs.stdMetrics, rtol=1e-9, atol=1e-12
        )  # Spark's sums have an order


class NanFirst(Evaluator):
    """NaN for the first setting."""

    def _evaluate(self, dataset):
        return float("nan") if dataset.where("abs(prediction) > 2").count() else 1.0

    def isLargerBetter(self):
        return True


def test_a_setting_without_a_score_does_not_win(rows):
    data = VectorAssembler(inputCols=list("abc"), outputCol="features").transform(rows)
    lr = ml.LinearRegression(labelCol="many")
    tried = [{lr.regParam: 0.0}, {lr.regParam: 1e6}]
    model = ml.CrossValidator(estimator=lr, estimatorParamMaps=tried, evaluator=NanFirst(), numFolds=2).fit(data)
    assert np.isnan(model.avgMetrics[0])
    assert model.bestModel.getRegParam() == 1e6


REFUSED = [
    ({"scoreEvery": 2}, "stages before the estimator are fitted for each fold, .*: score at the end only"),
    ({"stratified": True}, "stratified is set, but stages before the estimator are fitted: name folds by foldCol"),
    ({"foldCol": "a"}, "column 'a' holds 240 values that are none of the folds 0 to 2"),
    ({"foldCol": "nothing"}, "there is no column 'nothing'"),
    ({"space": {"regParam": [0.1]}, "estimatorParamMaps": None}, "Pipeline has no param 'regParam': a space has"),
]


@pytest.mark.parametrize(("params", "message"), REFUSED, ids=[message[:30] for _, message in REFUSED])
def test_what_a_pipeline_cannot_have_is_one_line(rows, params, message):
    lr, made = stages(scaler())
    shared = {"estimatorParamMaps": [{lr.regParam: 0.1}], "evaluator": "logLoss"}
    with pytest.raises(InputError, match=message):
        ml.CrossValidator(estimator=Pipeline(stages=made), **{**shared, **params}).fit(rows)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"evaluator": "rmse"}, "so it takes an evaluator such as pyspark.ml's, not the name of a metric"),
        ({"stopping": "median", "scoreEvery": 2}, "scoreEvery is set, but OneVsRest has no shared passes"),
        ({"strategy": "halving"}, "strategy is halving, but OneVsRest has no shared passes"),
        ({"stratified": True}, "stratified is set, but OneVsRest has no shared passes"),
    ],
)
def test_what_pyspark_ml_s_way_cannot_have_is_one_line(rows, params, message):
    many = OneVsRest(classifier=ml.LogisticRegression(), labelCol="many")
    shared = {"estimatorParamMaps": [{}], "evaluator": RegressionEvaluator(labelCol="many")}
    with pytest.raises(InputError, match=message):
        ml.CrossValidator(estimator=many, **{**shared, **params}).fit(rows)
