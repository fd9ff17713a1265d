"""One program, run with pyspark.ml's LogisticRegression and with ours by changing its import alone."""

import numpy as np
import pandas as pd
import pytest

from treefold import ml
from treefold.errors import InputError

pytestmark = pytest.mark.spark

IMPORTS = [
    "from pyspark.ml.classification import LogisticRegression, LogisticRegressionModel",
    "from treefold.ml import LogisticRegression, LogisticRegressionModel",
]

PROGRAM = """
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.evaluation import BinaryClassificationEvaluator, MulticlassClassificationEvaluator
from pyspark.ml.feature import StandardScaler, VectorAssembler
from pyspark.ml.tuning import (
    CrossValidator, CrossValidatorModel, ParamGridBuilder, TrainValidationSplit, TrainValidationSplitModel,
)

found = {}

# params
lr = LogisticRegression(featuresCol="features", labelCol="label", maxIter=100, regParam=0.01)
lr.setTol(1e-9).setWeightCol("w").setStandardization(False).setFamily("binomial").setAggregationDepth(2)
found["params"] = [lr.getMaxIter(), lr.getRegParam(), lr.getTol(), lr.getWeightCol(), lr.getStandardization(),
                   lr.getFamily(), lr.getThreshold(), lr.getFitIntercept(), lr.getFeaturesCol(), lr.getLabelCol(),
                   lr.getAggregationDepth(), lr.getMaxBlockSizeInMB(), lr.getPredictionCol(), lr.getProbabilityCol(),
                   lr.getRawPredictionCol(), lr.getElasticNetParam()]
lr.setThreshold(0.4)
found["thresholds of threshold"] = lr.getThresholds()
lr.clear(lr.threshold)
lr.setThresholds([0.3, 0.7])
found["threshold of thresholds"] = [lr.getThreshold(), lr.isSet(lr.threshold)]
lr.setThreshold(0.5)
other = lr.copy({lr.regParam: 0.5})
found["copy"] = [other.getRegParam(), lr.getRegParam(), other.uid == lr.uid]
found["explained"] = ["regParam" in lr.explainParams(), lr.explainParam("maxIter").split(":")[0],
                      lr.hasParam("maxIter"), lr.hasParam("nothing"), lr.isDefined("thresholds"),
                      lr.extractParamMap()[lr.maxIter], lr.hasDefault("tol"), lr.getOrDefault("maxIter")]

# fit, model
model = lr.fit(rows)
found["coefficients"] = [*model.coefficients, model.intercept]
found["model"] = [model.numClasses, model.numFeatures, model.coefficientMatrix.numRows, len(model.interceptVector),
                  model.hasSummary, model.getRegParam(), model.getMaxIter(), model.getThreshold(), model.getLabelCol()]
one = rows.first().features
found["single"] = [model.predict(one), *model.predictRaw(one), *model.predictProbability(one)]
found["copies"] = [m.getRegParam() for m in lr.fit(rows, [{lr.regParam: 0.1}, {lr.regParam: 1.0}])]
found["fit with params"] = lr.fit(rows, {lr.regParam: 2.0}).intercept

# transform
out = model.transform(rows)
found["schema"] = [(f.name, f.dataType.simpleString()) for f in out.schema]
found["predictions"] = [[r.prediction, *r.probability] for r in out.select("prediction", "probability").collect()]
renamed = model.transform(rows, {model.predictionCol: "y", model.probabilityCol: ""})
found["renamed"] = renamed.columns
found["threshold"] = model.copy({model.threshold: 0.9}).transform(rows).where("prediction = 1").count()

# evaluate, summary
for name, s in [("summary", model.summary), ("evaluation", model.evaluate(rows))]:
    found[name] = [s.accuracy, s.areaUnderROC, s.weightedPrecision, s.weightedRecall, s.weightedFMeasure(),
                   s.weightedFMeasure(beta=2.0), s.weightedTruePositiveRate, s.weightedFalsePositiveRate,
                   *s.precisionByLabel, *s.recallByLabel, *s.fMeasureByLabel(), *s.truePositiveRateByLabel,
                   *s.falsePositiveRateByLabel, *s.labels]
    found[name + " columns"] = [s.predictionCol, s.labelCol, s.weightCol, s.featuresCol, s.probabilityCol, s.scoreCol,
                                s.roc.columns, s.pr.columns, s.fMeasureByThreshold.columns,
                                s.precisionByThreshold.columns, s.recallByThreshold.columns, s.predictions.columns]
    best = s.fMeasureByThreshold.orderBy("F-Measure", ascending=False).first()
    found[name + " best"] = [best["F-Measure"], best["threshold"]]
found["history"] = [model.summary.totalIterations == len(model.summary.objectiveHistory) - 1,
                    model.summary.objectiveHistory[0], model.summary.objectiveHistory[-1]]

# save and load
lr.write().overwrite().save(folder + "/lr")
lr.save(folder + "/lr2")
found["loaded estimator"] = [LogisticRegression.load(folder + "/lr").getWeightCol(),
                             LogisticRegression.read().load(folder + "/lr2").getRegParam()]
model.write().overwrite().save(folder + "/model")
model.write().overwrite().save(folder + "/model")
again = LogisticRegressionModel.load(folder + "/model")
found["loaded model"] = [*again.coefficients, again.intercept, again.getRegParam(), again.getThreshold(),
                         again.uid == model.uid, again.hasSummary]

# pipelines
stages = [VectorAssembler(inputCols=["a", "b", "c"], outputCol="v"), StandardScaler(inputCol="v", outputCol="z"),
          LogisticRegression(featuresCol="z", labelCol="many", maxIter=100, tol=1e-9, regParam=0.01,
                             standardization=False)]
pipeline = Pipeline(stages=stages)
pipeline.write().overwrite().save(folder + "/pipeline")
fitted = Pipeline.load(folder + "/pipeline").fit(rows)
fitted.write().overwrite().save(folder + "/fitted")
loaded = PipelineModel.load(folder + "/fitted")
out = loaded.transform(rows)
found["pipeline"] = [[r.prediction, *r.probability] for r in out.collect()]
found["multinomial"] = [loaded.stages[-1].coefficientMatrix.numRows, *loaded.stages[-1].interceptVector]
many = fitted.stages[-1].setThresholds([0.6, 0.1, 0.3])
found["thresholds"] = [r.prediction for r in many.transform(fitted.transform(rows).select("z")).collect()]
f1 = MulticlassClassificationEvaluator(labelCol="many", metricName="f1")
found["f1"] = f1.evaluate(out)

# tuning
grid = ParamGridBuilder().addGrid(lr.regParam, [0.001, 100.0]).addGrid(lr.fitIntercept, [True]).build()
area = BinaryClassificationEvaluator(labelCol="label", numBins=0)
cv = CrossValidator(estimator=lr, estimatorParamMaps=grid, evaluator=area, numFolds=2, seed=3, foldCol="fold",
                    collectSubModels=True)
cv.write().overwrite().save(folder + "/cv")
tuned = CrossValidator.load(folder + "/cv").fit(rows)
found["cv"] = [*tuned.avgMetrics, tuned.bestModel.getRegParam(), len(tuned.subModels)]
tuned.write().overwrite().save(folder + "/tuned")
found["cv loaded"] = [*CrossValidatorModel.load(folder + "/tuned").bestModel.coefficients]
found["cv transform"] = tuned.transform(rows).where("prediction = 1").count()
split = TrainValidationSplit(estimator=lr, estimatorParamMaps=grid, evaluator=area, trainRatio=0.7, seed=5)
best = split.fit(rows)
found["split"] = [*best.validationMetrics, best.bestModel.getRegParam()]
best.write().overwrite().save(folder + "/split")
found["split loaded"] = TrainValidationSplitModel.load(folder + "/split").bestModel.intercept
"""


@pytest.fixture(scope="module")
def rows(spark):
    from pyspark.ml.feature import VectorAssembler

    rng = np.random.default_rng(4)
    frame = pd.DataFrame(rng.standard_normal((240, 3)) * [1, 5, 0.2], columns=["a", "b", "c"])
    score = frame.a - frame.b / 3 + rng.logistic(size=240)
    frame["label"], frame["many"] = (score > 0).astype(float), np.digitize(score, [-1, 1]).astype(float)
    frame["w"], frame["fold"] = rng.integers(1, 4, 240).astype(float), np.arange(240) % 2
    return (
        VectorAssembler(inputCols=["a", "b", "c"], outputCol="features")
        .transform(spark.createDataFrame(frame))
        .persist()
    )


def run(line, rows, folder):
    scope = {"rows": rows, "folder": str(folder)}
    exec(f"{line}\n{PROGRAM}", scope)
    return scope["found"]


def test_a_program_runs_unchanged(rows, tmp_path):
    theirs, mine = (run(line, rows, tmp_path / str(i)) for i, line in enumerate(IMPORTS))
    assert list(mine) == list(theirs)
    for name, want in theirs.items():
        close(mine[name], want, name)


def close(got, want, name):
    """Numbers to four digits: two solvers stopped where they converged."""
    if isinstance(want, list | tuple):
        assert len(got) == len(want), name
        for one, other in zip(got, want, strict=True):
            close(one, other, name)
    elif isinstance(want, float):
        assert got == pytest.approx(want, rel=2e-4, abs=2e-4), name
    else:
        assert got == want, name


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"aggregationDepth": 1}, "aggregationDepth = 1 is no valid value .not a number from 2 up"),
        ({"maxBlockSizeInMB": -1.0}, "maxBlockSizeInMB = -1.0 is no valid value"),
        ({"threshold": 0.3, "thresholds": [0.5, 0.5]}, "threshold is 0.3, but thresholds say 0.5: set one of them"),
        ({"threshold": 0.3, "thresholds": [1.0, 1.0, 1.0]}, "thresholds has 3 numbers: a model of two classes"),
        ({"thresholds": [0.0, 0.0]}, "thresholds = .* is no valid value"),
    ],
)
def test_what_cannot_be_honoured_is_refused(params, message):
    with pytest.raises(InputError, match=message):
        ml.LogisticRegression(**params)


def test_a_setter_or_getter_of_a_param_that_is_not_here_is_refused():
    estimator = ml.LogisticRegression()
    with pytest.raises(InputError, match="LogisticRegression has no param 'regparam': did you mean 'regParam'"):
        estimator.setRegparam(1.0)
    assert not hasattr(estimator, "getNothing")


def test_thresholds_must_be_one_for_each_class(rows):
    model = ml.LogisticRegression(labelCol="many", maxIter=5).fit(rows).setThresholds([0.5, 0.5])
    with pytest.raises(InputError, match="thresholds has 2 numbers: the model has 3 classes"):
        model.transform(rows)
