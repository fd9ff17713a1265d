"""Summaries of models against those of MLlib, for the very same coefficients."""

import numpy as np
import pandas as pd
import pytest
from pyspark.ml import classification, clustering, regression
from pyspark.ml.evaluation import BinaryClassificationEvaluator, MulticlassClassificationEvaluator, RegressionEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.functions import vector_to_array

from treefold import ml
from treefold.algorithms.linear import LinearModel
from treefold.errors import InputError
from treefold.interchange import mllib
from treefold.metrics import measure, named
from treefold.report.page import page

pytestmark = pytest.mark.spark

RNG = np.random.default_rng(8)
ROWS = 300
NAMES = ["a", "b", "c"]
X = RNG.standard_normal((ROWS, 3)) * [1, 5, 0.2] + [0, 10, 1]
SCORE = (X - X.mean(axis=0)) / X.std(axis=0) @ [1, -2, 0.5] + RNG.logistic(size=ROWS)
EXACT = {"dtype": "float64", "tol": 1e-10, "maxIter": 1000}
CLOSE = {"rel": 1e-9, "abs": 1e-12}


@pytest.fixture(scope="module")
def rows(spark):
    frame = pd.DataFrame(X, columns=NAMES)
    frame["binary"] = (SCORE > 0.2).astype(float)
    frame["many"] = np.digitize(SCORE, [-1, 1]).astype(float)
    frame["gap"] = np.where(frame.many > 0, 3, 0).astype(float)
    frame["target"] = 100 + 20 * SCORE
    frame["w"] = RNG.integers(1, 4, ROWS).astype(float)
    return VectorAssembler(inputCols=NAMES, outputCol="features").transform(spark.createDataFrame(frame)).persist()


@pytest.fixture(scope="module")
def models(rows):
    return {
        label: ml.LogisticRegression(labelCol=label, weightCol="w", regParam=0.01, **EXACT).fit(rows)
        for label in ("binary", "many", "gap")
    }


PLAIN = ["accuracy", "labels", "truePositiveRateByLabel", "falsePositiveRateByLabel", "precisionByLabel",
         "recallByLabel", "weightedTruePositiveRate", "weightedFalsePositiveRate", "weightedRecall",
         "weightedPrecision"]  # fmt: skip
NAMED = ["predictionCol", "labelCol", "weightCol", "probabilityCol", "featuresCol"]


@pytest.mark.parametrize("label", ["binary", "many", "gap"])
def test_a_classification_summary_has_mllibs_figures(spark, rows, models, label):
    mine, theirs = models[label].evaluate(rows), models[label].toSpark(spark).evaluate(rows)
    for name in PLAIN:
        assert getattr(mine, name) == pytest.approx(getattr(theirs, name), **CLOSE), name
    for name in NAMED:
        assert getattr(mine, name) == getattr(theirs, name), name
    for beta in (1.0, 0.5):
        assert mine.fMeasureByLabel(beta) == pytest.approx(theirs.fMeasureByLabel(beta), **CLOSE)
        assert mine.weightedFMeasure(beta) == pytest.approx(theirs.weightedFMeasure(beta), **CLOSE)
    assert mine.predictions.columns == theirs.predictions.columns
    assert len(mine.passes) == 1


def test_a_binary_summary_has_mllibs_curves(spark, rows, models):
    mine, theirs = models["binary"].evaluate(rows), models["binary"].toSpark(spark).evaluate(rows)
    assert mine.areaUnderROC == pytest.approx(theirs.areaUnderROC, **CLOSE)
    assert mine.areaUnderROCError == mine.areaUnderPRError == 0
    assert mine.scoreCol == theirs.scoreCol
    for name in ("roc", "pr", "fMeasureByThreshold", "precisionByThreshold", "recallByThreshold"):
        curve, their_curve = getattr(mine, name), getattr(theirs, name)
        assert curve.dtypes == their_curve.dtypes, name
        np.testing.assert_allclose(np.array(curve.collect()), np.array(their_curve.collect()), atol=1e-9)
    assert len(mine.passes) == 1


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [True, False])
def test_a_regression_summary_has_mllibs_figures(rows, intercept, weighted):
    same = {"labelCol": "target", "fitIntercept": intercept} | ({"weightCol": "w"} if weighted else {})
    mine = ml.LinearRegression(**same, **EXACT).fit(rows).summary
    theirs = regression.LinearRegression(solver="normal", **same).fit(rows).summary
    for name in ("meanSquaredError", "rootMeanSquaredError", "meanAbsoluteError", "explainedVariance"):
        assert getattr(mine, name) == pytest.approx(getattr(theirs, name), rel=1e-7), name
    if not weighted or not intercept:  # MLlib corrects the label's squares as for a sample of weights
        assert mine.r2 == pytest.approx(theirs.r2, rel=1e-7)
        assert mine.r2adj == pytest.approx(theirs.r2adj, rel=1e-7)
    for name in ("coefficientStandardErrors", "tValues", "devianceResiduals"):
        assert getattr(mine, name) == pytest.approx(getattr(theirs, name), rel=1e-5), name
    assert mine.pValues == pytest.approx(theirs.pValues, abs=1e-9)
    assert (mine.numInstances, mine.degreesOfFreedom) == (theirs.numInstances, theirs.degreesOfFreedom)
    residuals = np.array(mine.residuals.collect())[:, 0]
    np.testing.assert_allclose(residuals, np.array(theirs.residuals.collect())[:, 0], atol=1e-5)
    assert mine.residuals.columns == theirs.residuals.columns
    if not weighted:
        shares = (0, 0.25, 0.5, 1)
        want = np.quantile(residuals, shares, method="inverted_cdf")
        assert mine.residualQuantiles(shares) == pytest.approx(want, abs=1e-9)


@pytest.mark.parametrize("intercept", [True, False])
def test_standard_errors_come_from_the_products_of_the_fit_or_one_more_pass(rows, intercept, monkeypatch):
    options = {"labelCol": "target", "weightCol": "w", "fitIntercept": intercept, **EXACT}
    summary = ml.LinearRegression(**options).fit(rows).summary.measure()
    searched = ml.LinearRegression(solver="lbfgs", **options).fit(rows).summary.measure()
    opened, before = [], ml.LinearRegressionModel.open
    monkeypatch.setattr(ml.LinearRegressionModel, "open", lambda *of: opened.append(of) or before(*of))
    assert summary.tValues == pytest.approx(searched.tValues, rel=1e-6)
    assert summary.coefficientStandardErrors == pytest.approx(searched.coefficientStandardErrors, rel=1e-6)
    assert [of[0].value("solver") for of in opened] == ["lbfgs"]


def test_a_training_summary_has_the_fit_and_measures_when_asked(rows, models):
    summary = models["binary"].summary
    passes = len(summary.passes)
    assert summary.totalIterations == len(summary.objectiveHistory) - 1 > 0
    assert summary.accuracy == models["binary"].evaluate(rows).accuracy
    assert len(summary.passes) == passes
    assert summary.to_dict()["iterations"] == summary.totalIterations
    accuracy = summary.accuracy
    again = models["binary"].copy({models["binary"].threshold: 0.99})
    assert again.evaluate(rows).accuracy < accuracy == summary.accuracy


def test_every_metric_has_the_value_of_pysparks_evaluator(spark, rows, models):
    model = models["many"]
    out = model.transform(rows)
    shared = {"labelCol": "many", "weightCol": "w"}
    with model.open(rows) as blocks:
        (counts,) = measure(blocks, model.scoring(), named("logLoss").statistic)
    for name in ["f1", "accuracy", "weightedPrecision", "weightedRecall", "weightedTruePositiveRate",
                 "weightedFalsePositiveRate", "weightedFMeasure", "truePositiveRateByLabel",
                 "falsePositiveRateByLabel", "precisionByLabel", "recallByLabel", "fMeasureByLabel", "logLoss",
                 "hammingLoss"]:  # fmt: skip
        theirs = MulticlassClassificationEvaluator(metricName=name, metricLabel=2.0, beta=0.5, **shared)
        metric = named(name, label=2, beta=0.5)
        assert metric.score(counts)[0] == pytest.approx(theirs.evaluate(out), **CLOSE), name
        assert metric.larger_is_better == theirs.isLargerBetter()


def test_areas_and_errors_have_the_values_of_pysparks_evaluators(rows, models):
    binary, line = models["binary"], ml.LinearRegression(labelCol="target", dtype="float64").fit(rows)
    for model, evaluator, names, label in [
        (binary, BinaryClassificationEvaluator(weightCol="w", numBins=0), ["areaUnderROC", "areaUnderPR"], "binary"),
        (line, RegressionEvaluator(), ["rmse", "mse", "mae", "r2", "var"], "target"),
        (line, RegressionEvaluator(throughOrigin=True), ["r2"], "target"),
    ]:
        out = model.transform(rows)
        with model.open(rows) as blocks:
            for name in names:
                origin = evaluator.hasParam("throughOrigin") and evaluator.getThroughOrigin()
                metric = named(name, through_origin=origin)
                (sums,) = measure(blocks, model.scoring(), metric.statistic)
                theirs = evaluator.setMetricName(name).setLabelCol(label)
                assert metric.score(sums)[0] == pytest.approx(theirs.evaluate(out), rel=1e-9), name
                assert metric.larger_is_better == theirs.isLargerBetter()


@pytest.mark.parametrize(
    ("name", "params"), [("LinearRegression", {"loss": "huber"}), ("PoissonRegression", {}), ("LinearSVR", {})]
)
def test_standard_errors_are_those_of_least_squares(rows, name, params):
    summary = ml.estimator(name, labelCol="many", maxIter=2, **params).fit(rows).summary
    with pytest.raises(InputError, match="this is a fit of another loss"):
        _ = summary.tValues


def test_standard_errors_that_do_not_exist_are_refused(rows):
    ridge = ml.LinearRegression(labelCol="target", regParam=0.1).fit(rows)
    with pytest.raises(InputError, match="fit with regParam = 0"):
        _ = ridge.summary.pValues
    twice = ml.LinearRegression(labelCol="target", featuresCol=["a", "b", "a"]).fit(rows)
    with pytest.raises(InputError, match="a feature is a linear function of the others"):
        _ = twice.summary.tValues
    short = ml.LinearRegression(labelCol="target").fit(rows.limit(4))
    with pytest.raises(InputError, match="4 rows leave no degree of freedom"):
        _ = short.summary.coefficientStandardErrors


def test_a_report_draws_curves_and_residuals(rows, models):
    charts = models["binary"].evaluate(rows).charts()
    x, y = charts[0].lines["model"]
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert len(x) <= 200
    recall, _ = charts[1].lines["model"]
    assert (recall[0], recall[-1]) == (0, 1)
    line = ml.LinearRegression(labelCol="target", weightCol="w").fit(rows)
    bars, agreement = line.evaluate(rows).charts()
    weight = rows.groupBy().sum("w").first()[0]
    assert sum(bars.bars["rows"][1]) == pytest.approx(weight)
    predicted, label = agreement.lines["mean label"]
    assert np.mean(predicted) == pytest.approx(np.mean(label), rel=0.01)
    assert predicted == sorted(predicted)
    assert [chart.title for chart in line.summary.charts()] == ["Objective"]  # which takes no pass
    assert "<svg" in page("t", "s", {}, [*charts, bars, agreement])


def test_forests_have_the_same_summaries(rows):
    few = {"numTrees": 3, "maxDepth": 3, "featuresCol": NAMES}
    grown = ml.RandomForestRegressor(labelCol="target", **few).fit(rows)
    found, out = grown.evaluate(rows), grown.transform(rows)
    assert found.r2 == pytest.approx(RegressionEvaluator(labelCol="target", metricName="r2").evaluate(out))
    assert not hasattr(found, "coefficientStandardErrors")
    assert grown.summary.r2 == found.r2
    voting = ml.RandomForestClassifier(labelCol="binary", **few).fit(rows)
    ranked, votes = voting.evaluate(rows), voting.transform(rows)
    area = BinaryClassificationEvaluator(labelCol="binary", rawPredictionCol="probability", numBins=0)
    assert ranked.areaUnderROC == pytest.approx(area.evaluate(votes))
    first = ranked.recallByThreshold.first()
    assert votes.select(vector_to_array("probability")[1].alias("p")).agg({"p": "max"}).first()[0] == first.threshold


SUMMARIES = {  # estimator and label: pyspark.ml's class of the summary of the training data, and of another data set
    ("LogisticRegression", "binary"): ("BinaryLogisticRegressionTrainingSummary", "BinaryLogisticRegressionSummary"),
    ("LogisticRegression", "many"): ("LogisticRegressionTrainingSummary", "LogisticRegressionSummary"),
    ("LinearSVC", "binary"): ("LinearSVCTrainingSummary", "LinearSVCSummary"),
    ("RandomForestClassifier", "binary"): (
        "BinaryRandomForestClassificationTrainingSummary", "BinaryRandomForestClassificationSummary"
    ),
    ("RandomForestClassifier", "many"): (
        "RandomForestClassificationTrainingSummary", "RandomForestClassificationSummary"
    ),
    ("LinearRegression", "target"): ("LinearRegressionTrainingSummary", "LinearRegressionSummary"),
    ("KMeans", None): ("KMeansSummary", None),
}  # fmt: skip


@pytest.mark.parametrize(("name", "label"), SUMMARIES, ids=str)
def test_summaries_are_pyspark_mls_as_well_and_every_name_answers(rows, tmp_path, name, label):
    estimator = ml.estimator(name, weightCol="w")._set(**{"labelCol": label} if label else {})
    model = estimator._set(**{p: 3 for p in ("maxIter", "numTrees") if estimator.hasParam(p)}).fit(rows)
    summary = model.summary() if name == "LinearSVC" else model.summary
    found = (summary, model.evaluate(rows))
    for one, wanted in zip(found, SUMMARIES[name, label], strict=True):
        if wanted is None:
            continue
        theirs = next(getattr(m, wanted) for m in (classification, regression, clustering) if hasattr(m, wanted))
        assert isinstance(one, theirs)
        assert type(one).__name__ == wanted
        for word in dir(theirs):
            if not word.startswith("_"):
                assert getattr(one, word) is not None, word
    assert model.hasSummary
    model.save(str(tmp_path / "m"))
    loaded = type(model).load(str(tmp_path / "m"))
    assert not loaded.hasSummary
    with pytest.raises(RuntimeError, match=f"No training summary available for this {type(model).__name__}"):
        _ = loaded.summary() if name == "LinearSVC" else loaded.summary


def test_a_forest_on_its_training_data_has_the_figures_of_pysparks_evaluators(rows):
    for label in ("binary", "many"):
        model = ml.RandomForestClassifier(labelCol=label, weightCol="w", numTrees=3, maxDepth=3).fit(rows)
        summary, out = model.summary, model.transform(rows)
        for name in ("accuracy", "weightedPrecision", "weightedRecall", "weightedFalsePositiveRate"):
            theirs = MulticlassClassificationEvaluator(labelCol=label, weightCol="w", metricName=name)
            assert getattr(summary, name) == pytest.approx(theirs.evaluate(out)), name
        assert summary.predictions.columns == out.columns
        assert (summary.objectiveHistory, summary.totalIterations) == ([0.0], 0)
        assert summary.levels[0] == 3
        assert sum(summary.levels) == model.totalNumNodes
    assert not hasattr(summary, "areaUnderROC")


def test_one_class_alone_has_no_area(rows, models):
    alone = models["binary"].evaluate(rows.where("binary = 1"))
    assert np.isnan(alone.areaUnderROC)
    assert alone.scores["area_under_roc"] is None
    assert alone.charts() == []


@pytest.mark.parametrize("name", ["binary", "many", "gap"])
def test_a_classifier_goes_to_mllib_and_back(spark, rows, models, name):
    model = models[name]
    theirs = model.toSpark(spark)
    mine, out = (np.array([[*r.rawPrediction, *r.probability, r.prediction] for r in m.transform(rows).collect()])
                 for m in (model, theirs))  # fmt: skip
    np.testing.assert_allclose(mine, out, atol=1e-9)
    back = ml.LogisticRegressionModel.fromSpark(theirs)
    np.testing.assert_array_equal(back.numpy_model.coef, model.numpy_model.coef)
    assert (back.getLabelCol(), back.getWeightCol()) == (name, "w")


def test_models_fitted_by_mllib_predict_the_same_here(rows):
    for label, theirs_class, mine_class in [
        ("binary", classification.LogisticRegression, ml.LogisticRegressionModel),
        ("many", classification.LogisticRegression, ml.LogisticRegressionModel),
        ("target", regression.LinearRegression, ml.LinearRegressionModel),
    ]:
        theirs = theirs_class(labelCol=label, predictionCol="y").fit(rows)
        if label == "binary":
            theirs.setThreshold(0.3)
        if label == "many":
            theirs.setThresholds([0.5, 0.1, 0.4])
        mine = mine_class.fromSpark(theirs)
        want, got = (np.array([r.y for r in m.transform(rows).select("y").collect()]) for m in (theirs, mine))
        np.testing.assert_allclose(got, want, atol=1e-6)
        assert type(mine.toSpark(rows.sparkSession)) is type(theirs)
    with pytest.raises(InputError, match="a LinearRegressionModel is no LogisticRegressionModel"):
        ml.LogisticRegressionModel.fromSpark(theirs)


def test_a_support_vector_machine_goes_to_mllib_and_back(spark, rows):
    model = LinearModel(np.array([[1.0, -0.3, 2.0, 0.5]]), "margin", 0.7)
    theirs = mllib.linear(model, spark)
    out = theirs.transform(rows).collect()
    np.testing.assert_allclose([r.rawPrediction for r in out], model.margin(X), rtol=1e-12)
    np.testing.assert_array_equal([r.prediction for r in out], model.predict(X))
    back = mllib.linear_model(theirs)
    assert (back.link, back.threshold, back.coef.tolist()) == (model.link, model.threshold, model.coef.tolist())
    with pytest.raises(InputError, match=r"pyspark\.ml has no model with the link margin and 2 outputs"):
        mllib.linear(LinearModel(np.ones((2, 4)), "margin"), spark)
