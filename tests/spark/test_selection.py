"""Searches: against fits made alone, fold by fold, and against pyspark.ml's CrossValidator."""

import numpy as np
import pandas as pd
import pytest
from pyspark.ml import Pipeline, PipelineModel, tuning
from pyspark.ml.evaluation import (
    BinaryClassificationEvaluator,
    ClusteringEvaluator,
    MulticlassClassificationEvaluator,
    RegressionEvaluator,
)
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.tuning import ParamGridBuilder
from pyspark.sql.functions import col, when

from treefold import ml
from treefold.errors import InputError
from treefold.metrics import Metric
from treefold.metrics.regression import errors, mae

pytestmark = pytest.mark.spark

RNG = np.random.default_rng(8)
ROWS, FOLDS = 300, 3
X = RNG.standard_normal((ROWS, 4)) * [1, 5, 0.2, 1]
SCORE = X @ [1, -0.4, 5, 0] + RNG.logistic(size=ROWS)
EXACT = {"dtype": "float64", "tol": 1e-10, "maxIter": 500}


@pytest.fixture(scope="module")
def rows(spark, tmp_path_factory):
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["binary"], frame["target"] = (SCORE > 0.3).astype(float), 10 + 3 * SCORE
    frame["w"], frame["fold"] = RNG.integers(1, 4, ROWS).astype(float), RNG.integers(0, FOLDS, ROWS)
    path = str(tmp_path_factory.mktemp("rows") / "parquet")
    VectorAssembler(inputCols=list("abcd"), outputCol="features").transform(
        spark.createDataFrame(frame).coalesce(2)
    ).write.parquet(path)
    return spark.read.parquet(path)


def logistic(**params):
    return ml.LogisticRegression(labelCol="binary", weightCol="w", **EXACT, **params)


def linear(**params):
    return ml.LinearRegression(labelCol="target", **EXACT, **params)


def coefficients(model):
    return np.append(model.coefficients.toArray(), model.intercept)


EVALUATORS = [
    (logistic, BinaryClassificationEvaluator, {"labelCol": "binary", "numBins": 0}),
    (logistic, MulticlassClassificationEvaluator, {"labelCol": "binary", "metricName": "logLoss", "weightCol": "w"}),
    (logistic, MulticlassClassificationEvaluator, {"labelCol": "binary", "metricName": "f1"}),
    (linear, RegressionEvaluator, {"labelCol": "target", "metricName": "rmse"}),
]


@pytest.mark.parametrize(("make", "kind", "params"), EVALUATORS, ids=[str(params) for *_, params in EVALUATORS])
def test_scores_are_those_of_pyspark_ml_s_cross_validator(rows, make, kind, params):
    estimator, select = make(solver="newton"), kind(**params)  # of few passes, each of which is a job in their search
    grid = ParamGridBuilder().addGrid(estimator.regParam, [0.01, 1.0]).build()
    settings = {"estimatorParamMaps": grid, "evaluator": select, "numFolds": FOLDS, "foldCol": "fold"}
    ours = ml.CrossValidator(estimator=estimator, **settings).fit(rows)
    theirs = tuning.CrossValidator(estimator=estimator, **settings).fit(rows)
    np.testing.assert_allclose(ours.avgMetrics, theirs.avgMetrics, rtol=1e-8)
    np.testing.assert_allclose(ours.stdMetrics, theirs.stdMetrics, rtol=1e-6)
    np.testing.assert_allclose(coefficients(ours.bestModel), coefficients(theirs.bestModel), rtol=1e-8)


def test_every_model_is_the_one_fitted_alone_on_its_fold_and_all_share_their_passes(rows):
    estimator = logistic()
    grid = (
        ParamGridBuilder().addGrid(estimator.regParam, [0.001, 0.3]).addGrid(estimator.fitIntercept, [True, False])
        .addGrid(estimator.elasticNetParam, [0.0, 0.7]).build()
    )  # fmt: skip
    search = ml.CrossValidator(
        estimator=estimator, estimatorParamMaps=grid, evaluator="logLoss", numFolds=FOLDS, foldCol="fold",
        collectSubModels=True,
    ).fit(rows)  # fmt: skip
    longest = 0
    for fold in range(FOLDS):
        for trial, setting in enumerate(grid):
            if fold and 0 < trial < len(grid) - 1:
                continue  # all settings in one fold, two in all
            alone = estimator.copy(setting).fit(rows.where(col("fold") != fold))
            found = search.subModels[fold][trial]
            np.testing.assert_allclose(coefficients(found), coefficients(alone), rtol=1e-9, atol=1e-9)
            longest = max(longest, len(alone.summary.passes))
    assert len(search.search.passes) < longest + 20  # of 24 fits, and the judging
    means = [trial.mean for trial in search.search.trials]
    assert search.search.best == int(np.argmin(means))


def test_a_fit_that_diverges_is_logged_and_does_not_change_the_others(rows):
    estimator = ml.LinearRegression(labelCol="target", solver="gd", stepRule="constant", maxIter=40)
    space = {"stepSize": [0.5, 1e6], "regParam": [0.0, 0.1]}
    search = ml.CrossValidator(estimator=estimator, space=space, evaluator="rmse").fit(rows)
    alone = ml.CrossValidator(estimator=estimator, space={**space, "stepSize": [0.5]}, evaluator="rmse").fit(rows)
    assert np.isnan(search.avgMetrics[2:]).all()
    assert {trial.outcomes[0] for trial in search.search.trials[2:]} == {"diverged"}
    np.testing.assert_allclose(search.avgMetrics[:2], alone.avgMetrics, rtol=1e-6)
    with pytest.raises(InputError, match="no trial has a score: every fit diverged"):
        ml.CrossValidator(estimator=estimator, space={"stepSize": [1e6]}, evaluator="rmse").fit(rows)


def test_a_fold_of_one_class_is_logged_before_the_fits_and_left_out_of_the_means(rows, caplog):
    data = rows.withColumn("fold", col("binary") * 2 + when(col("binary") == 0, col("fold")).otherwise(0)).where(
        "fold < 2 or binary = 1"
    )
    data = data.withColumn("fold", when((col("fold") == 2) & (col("a") > 0), 0).otherwise(col("fold")))
    told = []

    def watch(progress):
        told.append((caplog.text, progress.figures["fits running"]))

    search = ml.CrossValidator(
        estimator=logistic(), space={"regParam": [0.1, 1.0]}, evaluator="areaUnderROC", foldCol="fold"
    ).watch(watch).fit(data)  # fmt: skip
    assert "held out in fold 1, 2 are of one class: their areaUnderROC is NaN" in told[0][0]
    assert [trial.scores[1:] for trial in search.search.trials] == [[None, None]] * 2
    assert search.avgMetrics == [trial.scores[0] for trial in search.search.trials]
    assert np.isfinite(search.avgMetrics).all()


def test_draws_no_fewer_than_the_combinations_are_every_combination_once(rows, caplog):
    space = {"regParam": [0.1, 1.0], "fitIntercept": [True, False]}
    search = ml.CrossValidator(estimator=logistic(), space=space, strategy="random", trials=5, evaluator="logLoss")
    grid = ParamGridBuilder().addGrid(search.getEstimator().regParam, [0.1, 1.0])
    assert search.param_maps() == grid.addGrid(search.getEstimator().fitIntercept, [True, False]).build()
    assert "the space has 4 combinations, no more than trials = 5: each is tried once" in caplog.text


def test_scores_do_not_depend_on_the_tasks(rows):
    space = {"regParam": [0.01, 0.1]}
    found = [
        ml.CrossValidator(estimator=logistic(numTasks=tasks), space=space, evaluator="logLoss", stratified=True)
        .fit(rows).search for tasks in (1, 3)
    ]  # fmt: skip
    assert found[0].records() == found[1].records()


def test_halving_and_the_median_rule_stop_the_worst_trials(rows):
    estimator = ml.LogisticRegression(labelCol="binary", solver="gd", stepRule="constant", stepSize=0.1, maxIter=27)
    space = {"regParam": {"low": 1e-4, "high": 10.0, "log": True}}
    halved = ml.CrossValidator(
        estimator=estimator, space=space, trials=9, strategy="halving", reduction=3, evaluator="logLoss", seed=4
    ).fit(rows).search  # fmt: skip
    assert sum(not trial.stopped for trial in halved.trials) == 1
    assert not halved.trials[halved.best].stopped
    assert [len(trial.on_the_way) for trial in halved.trials] == [2] * 9
    rule = ml.CrossValidator(
        estimator=estimator, space=space, trials=8, strategy="random", evaluator="logLoss", scoreEvery=9,
        stopping="median", seed=4,
    ).fit(rows).search  # fmt: skip
    assert 1 <= sum(not trial.stopped for trial in rule.trials) < 8


def test_settings_that_read_other_columns_are_read_apart(rows):
    space = {"featuresCol": [["a"], ["a", "b", "c"]], "regParam": [0.01, 0.1]}
    found = ml.CrossValidator(estimator=logistic(), space=space, evaluator="logLoss", numFolds=2, seed=3).fit(rows)
    for columns, mine in ((["a"], slice(0, 2)), (["a", "b", "c"], slice(2, 4))):
        apart = ml.CrossValidator(
            estimator=logistic(featuresCol=columns),
            space={"regParam": [0.01, 0.1]},
            evaluator="logLoss",
            numFolds=2,
            seed=3,
        ).fit(rows)
        np.testing.assert_allclose(found.avgMetrics[mine], apart.avgMetrics, rtol=1e-9)
    assert found.bestModel.numFeatures == 3
    assert len([account for account in found.search.passes if "summary" in account.name]) == 2


def test_one_split_weights_and_a_metric_of_the_user_s(rows):
    metric = Metric(errors, mae, larger_is_better=False)
    model = ml.TrainValidationSplit(
        estimator=linear(), space={"regParam": [10.0, 0.01, 1000.0]}, evaluator=metric, trainRatio=0.6, seed=2,
        rule="oneStandardError",
    ).fit(rows)  # fmt: skip
    assert len(model.validationMetrics) == 3
    assert model.search.best == 1
    assert model.bestModel.getRegParam() == 0.01


def test_clusters_are_chosen_by_their_silhouette_and_forests_by_their_errors(rows):
    space = {"k": [2, 6]}
    select = ClusteringEvaluator()
    model = ml.CrossValidator(estimator=ml.KMeans(), space=space, evaluator=select, foldCol="fold").fit(rows)
    assert all(-1 <= score <= 1 for score in model.avgMetrics)
    assert len(model.bestModel.clusterCenters()) == [2, 6][model.search.best]
    forest = ml.RandomForestRegressor(labelCol="target", numTrees=5)
    found = ml.CrossValidator(
        estimator=forest, space={"maxDepth": [1, 6]}, evaluator="r2", foldCol="fold", collectSubModels=True
    ).fit(rows)
    alone = forest.copy({forest.maxDepth: 6}).fit(rows.withColumn("w", (col("fold") != 1).cast("double")))
    assert found.search.best == 1
    assert found.avgMetrics[1] > found.avgMetrics[0]
    assert alone.numFeatures == found.subModels[1][1].numFeatures


def test_a_search_is_saved_and_is_a_stage_of_a_pipeline(rows, tmp_path):
    search = ml.CrossValidator(estimator=logistic(), space={"regParam": [0.01, 0.1]}, evaluator="accuracy")
    model = Pipeline(stages=[search]).fit(rows)
    model.write().save(str(tmp_path / "pipeline"))
    again = PipelineModel.load(str(tmp_path / "pipeline")).stages[0]
    first = model.stages[0]
    assert again.avgMetrics == first.avgMetrics
    assert again.transform(rows).select("prediction").collect() == first.transform(rows).select("prediction").collect()


def test_a_saved_search_has_every_model_score_param_and_trial(rows, tmp_path):
    estimator, select = logistic(featuresCol=["a", "b"]), MulticlassClassificationEvaluator(labelCol="binary")
    grid = ParamGridBuilder().addGrid(estimator.regParam, [0.01, 0.1]).build()
    shared = {"estimator": estimator, "estimatorParamMaps": grid, "evaluator": select, "collectSubModels": True}
    folds = ml.CrossValidator(**shared, numFolds=2, seed=7).fit(rows)
    split = ml.TrainValidationSplit(**shared, trainRatio=0.6, seed=5).fit(rows)
    for model, getters in ((folds, {"NumFolds": 2, "Seed": 7, "FoldCol": ""}), (split, {"TrainRatio": 0.6, "Seed": 5})):
        path = str(tmp_path / type(model).__name__)
        model.save(path)
        again = type(model).load(path)
        for made in (model, again, model.copy()):
            assert {name: getattr(made, f"get{name}")() for name in getters} == getters
            assert (made.getEstimator().uid, made.getEvaluator().uid) == (estimator.uid, select.uid)
            assert made.getEvaluator().getMetricName() == "f1"
            assert made.getEstimatorParamMaps() == grid
            assert made.scores == model.scores
            assert made.search.records() == model.search.records()
            assert made.search.choice() == model.search.choice()
        pairs = zip(flat(model.subModels), flat(again.subModels), strict=True)
        np.testing.assert_array_equal(*([coefficients(m) for m in some] for some in zip(*pairs, strict=True)))
        assert [type(one) for one in again.subModels] == [type(one) for one in model.subModels]
        model.write().option("persistSubModels", "false").overwrite().save(path)
        assert type(model).load(path).subModels is None
    with pytest.raises(InputError, match="no subModels to save: fit with collectSubModels"):
        ml.CrossValidatorModel.load(str(tmp_path / "CrossValidatorModel")).write().option(
            "persistSubModels", True
        ).save(str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def flat(models):
    return [one for each in models for one in (each if isinstance(each, list) else [each])]


def test_the_settings_of_a_space_are_returned_as_param_maps(rows):
    estimator = logistic()
    model = ml.CrossValidator(estimator=estimator, space={"regParam": [0.1, 0.2]}, evaluator="logLoss").fit(rows)
    assert model.getEstimatorParamMaps() == [{estimator.regParam: 0.1}, {estimator.regParam: 0.2}]


def test_params_given_to_fit_reach_the_estimator_and_the_evaluator(rows):
    estimator, select = logistic(), MulticlassClassificationEvaluator(labelCol="binary", metricName="logLoss")
    search = ml.CrossValidator(estimator=estimator, space={"regParam": [0.1]}, evaluator=select)
    model = search.fit(rows, {estimator.fitIntercept: False, select.metricName: "accuracy", search.numFolds: 2})
    assert model.bestModel.intercept == 0
    assert (model.search.metric, len(model.search.trials[0].scores)) == ("accuracy", 2)
    assert (estimator.getFitIntercept(), select.getMetricName(), search.getNumFolds()) == (True, "logLoss", 3)


def test_a_model_scored_by_code_is_saved_without_its_evaluator(rows, tmp_path, caplog):
    metric = Metric(errors, mae, larger_is_better=False)
    model = ml.CrossValidator(estimator=linear(), space={"regParam": [0.1]}, evaluator=metric).fit(rows)
    model.save(str(tmp_path / "model"))
    assert "evaluator is not saved with the search: a search scored by a treefold.metrics.Metric" in caplog.text
    again = ml.CrossValidatorModel.load(str(tmp_path / "model"))
    assert not again.isDefined("evaluator")
    assert again.avgMetrics == model.avgMetrics


def test_a_folder_makes_no_class_but_known_ones(rows, tmp_path):
    search = ml.CrossValidator(
        estimator=logistic(), space={"regParam": [0.1]}, evaluator=MulticlassClassificationEvaluator(labelCol="binary")
    )
    search.save(str(tmp_path / "search"))
    line = tmp_path / "search" / "metadata" / "part-00000"
    line.write_text(line.read_text().replace("pyspark.ml.evaluation.Multiclass", "pyspark.ml.evaluation.os.Multiclass"))
    with pytest.raises(InputError, match=r"evaluation\.os\.Multi.*, which is neither treefold's nor pyspark.ml's"):
        ml.CrossValidator.load(str(tmp_path / "search"))


def test_a_search_not_yet_fitted_is_saved_with_all_that_is_set(spark, tmp_path):
    estimator = logistic(featuresCol=["a", "b"])
    grid = ParamGridBuilder().addGrid(estimator.regParam, [0.01, 0.1]).addGrid(estimator.fitIntercept, [True]).build()
    select = BinaryClassificationEvaluator(labelCol="binary", metricName="areaUnderPR")
    first = ml.CrossValidator(estimator=estimator, estimatorParamMaps=grid, evaluator=select, numFolds=4, seed=9)
    second = ml.TrainValidationSplit(
        estimator=estimator, space={"regParam": {"low": 0.1, "high": 1, "log": True}}, evaluator="f1", trials=3
    )
    Pipeline(stages=[first, second]).write().save(str(tmp_path / "searches"))
    for search, again in zip([first, second], Pipeline.load(str(tmp_path / "searches")).getStages(), strict=True):
        assert (type(again), again.uid, again.value("seed")) == (type(search), search.uid, search.value("seed"))
        assert again.param_maps() == search.param_maps()
        theirs, mine = ({p.name: t.value(p.name) for p in t.params} for t in (again.getEstimator(), estimator))
        assert theirs == mine
    assert Pipeline.load(str(tmp_path / "searches")).getStages()[0].getEvaluator().getMetricName() == "areaUnderPR"
    with pytest.raises(InputError, match="use the name of a metric"):
        ml.CrossValidator(estimator=estimator, evaluator=Metric(errors, mae, False)).save(str(tmp_path / "other"))
    assert not (tmp_path / "other").exists()


SPACE = {"space": {"regParam": [0.1]}, "evaluator": "accuracy"}
REFUSED = [
    ({"evaluator": "accuracy"}, "set either estimatorParamMaps or space"),
    ({**SPACE, "evaluator": "acuracy"}, "there is no metric 'acuracy'"),
    ({**SPACE, "evaluator": 3}, "evaluator is an evaluator of pyspark.ml, the name of a metric"),
    (
        {**SPACE, "evaluator": RegressionEvaluator},
        "the evaluator's labelCol is 'label', the estimator's 'b",
    ),
    (
        {"evaluator": "accuracy", "estimatorParamMaps": [{ml.LogisticRegression().regParam: 0.1}]},
        "the settings name LogisticRegression_.*__regParam, which is no param of the estimator LogisticRegression_",
    ),
    ({**SPACE, "foldCol": "a"}, "column 'a' holds [0-9]+ values that are none of the folds 0 to 2"),
    ({**SPACE, "foldCol": "nothing"}, "there is no column 'nothing'"),
    ({**SPACE, "numFolds": 1}, "numFolds = 1 is no valid value"),
    ({**SPACE, "space": {"regParam": {"low": -1, "high": 1, "log": True}}}, "regParam ranges from -1 to 1"),
    ({**SPACE, "space": {"regParam": {"low": 0.1, "high": 1}}}, "regParam is a range, which a grid cannot exhaust"),
    ({**SPACE, "space": {"regPram": [1.0]}}, "did you mean 'regParam'"),
    (
        {**SPACE, "space": {"dtype": ["float32", "float64"]}, "scoreEvery": 2},
        "the settings differ in the columns they re",
    ),
    ({**SPACE, "stopping": "median"}, "stopping median needs scoreEvery"),
]


@pytest.mark.parametrize(("params", "message"), REFUSED, ids=[message[:30] for _, message in REFUSED])
def test_what_cannot_be_is_refused_in_one_line(rows, params, message):
    if params.get("evaluator") is RegressionEvaluator:
        params = {**params, "evaluator": RegressionEvaluator()}
    with pytest.raises(InputError, match=message):
        ml.CrossValidator(estimator=logistic(), **params).fit(rows)
