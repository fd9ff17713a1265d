"""Params of estimators on their models: an estimator's own params are taken by its model, as in pyspark.ml."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pyspark.ml import PipelineModel, classification, clustering, regression
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
from pyspark.sql.functions import col

from treefold import ml
from treefold.errors import InputError

pytestmark = pytest.mark.spark

RNG = np.random.default_rng(11)
ROWS = 240
NAMES = ["a", "b", "c"]
X = RNG.standard_normal((ROWS, 3)) * [1, 5, 0.2] + [0, 10, 1]
SCORE = (X - X.mean(axis=0)) / X.std(axis=0) @ [1, -2, 0.5] + RNG.logistic(size=ROWS)
THEIRS = {
    "KMeans": clustering.KMeans, "LinearRegression": regression.LinearRegression,
    "LinearSVC": classification.LinearSVC, "LogisticRegression": classification.LogisticRegression,
    "MultilayerPerceptronClassifier": classification.MultilayerPerceptronClassifier,
    "RandomForestClassifier": classification.RandomForestClassifier,
    "RandomForestRegressor": regression.RandomForestRegressor,
}  # fmt: skip
COUNTED = {"PoissonRegression": "many"}
LAYERS = {"MultilayerPerceptronClassifier": [3, 2], "MultilayerPerceptronRegressor": [3, 1]}
VALUES = (
    "FTRLRegressor",
    "LinearRegression",
    "LinearSVR",
    "MultilayerPerceptronRegressor",
    "QuantileRegression",
    "RandomForestRegressor",
)


@pytest.fixture(scope="module")
def rows(spark):
    frame = pd.DataFrame(X, columns=NAMES)
    frame["label"], frame["many"] = (SCORE > 0.2).astype(float), np.digitize(SCORE, [-1, 1]).astype(float)
    frame["target"], frame["w"] = 100 + 20 * SCORE, np.where(SCORE > 0.2, 5.0, RNG.uniform(0.5, 2, ROWS))
    return VectorAssembler(inputCols=NAMES, outputCol="features").transform(spark.createDataFrame(frame)).persist()


def quick(name, **params):
    made = ml.estimator(name, **params)
    few = {"maxIter": 5, "numTrees": 2, "maxDepth": 3, "weightCol": "w", "layers": LAYERS.get(name)}
    if name != "KMeans":
        few["labelCol"] = COUNTED.get(name, "target" if name in VALUES else "label")
    return made.setParams(**{param: value for param, value in few.items() if made.hasParam(param)})


@pytest.fixture(scope="module")
def fitted(rows):
    made = {}

    def of(name):
        if name not in made:
            estimator = quick(name)
            made[name] = estimator, estimator.fit(rows)
        return made[name]

    return of


@pytest.mark.parametrize("name", ml.ESTIMATORS)
def test_a_param_of_the_estimator_given_to_its_model_is_honoured(rows, fitted, tmp_path, name):
    estimator, model = fitted(name)
    assert (model.uid, model.parent) == (estimator.uid, estimator)
    renamed = {estimator.predictionCol: "p"}
    model.save(str(tmp_path / "m"))
    for one in (model, PipelineModel([model]), type(model).load(str(tmp_path / "m"))):
        assert "p" in one.transform(rows, renamed).columns
        assert "prediction" in one.transform(rows).columns
    assert model.copy(renamed).getPredictionCol() == "p"
    assert model.getPredictionCol() == "prediction"


@pytest.mark.parametrize("name", ml.ESTIMATORS)
def test_every_getter_of_an_estimator_is_on_its_model(fitted, name):
    estimator, model = fitted(name)
    theirs = THEIRS[name]() if name in THEIRS else None
    getters = {word for word in dir(estimator) if word.startswith("get") and word[3:4].isupper()}
    assert {"getMaxIter", "getMaxDepth", "getMaxRounds", "getFolds"} & getters
    for word in sorted(getters - {"getOrDefault", "getParam", "getEstimator"}):
        plain = word.removeprefix("get")  # a param such as C is written as it is
        param = estimator.getParam(plain if estimator.hasParam(plain) else plain[0].lower() + plain[1:])
        if not estimator.isDefined(param):
            assert not model.isDefined(param.name), word
            continue
        found = getattr(model, word)
        assert (found() if callable(found) else found) == getattr(estimator, word)(), word
        if theirs is not None and theirs.hasParam(param.name):
            assert model.hasParam(param.name)


@pytest.mark.parametrize("name", THEIRS)
def test_a_model_is_printed_as_pyspark_mls(fitted, spark, name):
    _, model = fitted(name)
    if name == "MultilayerPerceptronClassifier":  # an export takes sigmoids alone
        model = model.copy()
        model.numpy_model = replace(model.numpy_model, activation="sigmoid")
    printed, theirs = (re.sub("uid=[^,]*", "", repr(one)) for one in (model, model.toSpark(spark)))
    assert printed == theirs
    assert model.uid in repr(model)


@pytest.mark.parametrize("name", ["LogisticRegression", "LinearSVC"])
def test_a_threshold_of_the_estimator_moves_its_models_decisions(rows, fitted, name):
    estimator, model = fitted(name)
    high = {estimator.threshold: 0.9}

    def positives(one, params=None):
        return one.transform(rows, params or {}).where("prediction = 1").count()

    assert positives(model.copy(high)) == positives(model, high) == positives(PipelineModel([model]), high)
    assert 0 < positives(model, high) < positives(model)


@pytest.mark.parametrize("search", [ml.CrossValidator, ml.TrainValidationSplit, CrossValidator])
def test_a_search_gives_the_estimators_params_to_the_best_model(rows, search):
    lr = quick("LogisticRegression")
    grid = ParamGridBuilder().addGrid(lr.regParam, [0.0, 0.1]).build()
    found = search(  # pyspark.ml's copy of a fitted search asks for sub-models
        estimator=lr, estimatorParamMaps=grid, evaluator=MulticlassClassificationEvaluator(), collectSubModels=True
    ).fit(rows)
    assert "p" in found.transform(rows, {lr.predictionCol: "p"}).columns
    assert found.bestModel.uid == lr.uid
    assert (found.getEstimator().uid, len(found.getEstimatorParamMaps())) == (lr.uid, 2)
    assert isinstance(found.getEvaluator(), MulticlassClassificationEvaluator)


def test_a_search_over_forests_knows_its_depths(rows):
    forest = quick("RandomForestClassifier")
    grid = ParamGridBuilder().addGrid(forest.maxDepth, [1, 4]).build()
    found = ml.CrossValidator(estimator=forest, estimatorParamMaps=grid, evaluator="accuracy", numFolds=2).fit(rows)
    best = int(np.argmax(found.avgMetrics))
    assert (found.bestModel.getMaxDepth(), found.bestModel.getNumTrees) == ([1, 4][best], 2)


@pytest.mark.parametrize("name", ["LogisticRegression", "LinearSVC"])
def test_one_vs_rest_passes_its_weights_on(rows, name):
    over = classification.OneVsRest(classifier=ml.estimator(name), labelCol="many", weightCol="w").fit(rows)
    for label, model in enumerate(over.models):
        data = rows.withColumn("this", (col("many") == label).cast("double"))
        weighted, plain = (ml.estimator(name, labelCol="this", **w).fit(data) for w in ({"weightCol": "w"}, {}))
        np.testing.assert_allclose(model.numpy_model.coef, weighted.numpy_model.coef, rtol=1e-9)
        assert abs(model.numpy_model.coef - plain.numpy_model.coef).max() > 1e-5


@pytest.mark.parametrize("name", THEIRS)
def test_an_estimator_has_the_mixins_of_pyspark_mls(name):
    mine = ml.estimator(name)
    for mixin in type(THEIRS[name]()).__mro__:
        if mixin.__name__.startswith("Has") and mixin.__module__ == "pyspark.ml.param.shared":
            assert isinstance(mine, mixin), mixin


@pytest.mark.parametrize("name", THEIRS)
def test_every_param_of_pyspark_ml_has_its_default_and_takes_it(name):
    mine, theirs = ml.estimator(name), THEIRS[name]()
    drawn = {"seed"}  # of the name of the class, there
    for param in theirs.params:
        if not theirs.hasDefault(param):
            assert not mine.hasDefault(param.name), param.name
            continue
        value = theirs.getOrDefault(param)
        assert mine.copy().setParams(**{param.name: value}).getOrDefault(param.name) == value
        if param.name not in drawn:
            assert mine.getOrDefault(param.name) == value, param.name


@pytest.mark.parametrize(
    ("name", "param", "bad"),
    [
        ("LogisticRegression", "maxIter", "many"), ("LogisticRegression", "regParam", "much"),
        ("LogisticRegression", "fitIntercept", 1), ("LogisticRegression", "thresholds", 3),
        ("LogisticRegression", "family", 3), ("LogisticRegression", "lowerBoundsOnIntercepts", "low"),
        ("RandomForestClassifier", "numTrees", 2.5), ("KMeans", "k", "two"), ("LinearRegression", "labelCol", 1),
    ],
)  # fmt: skip
def test_a_wrong_type_is_a_type_error_as_in_pyspark_ml(name, param, bad):
    for cls in (ml.ESTIMATORS[name], THEIRS[name]):
        with pytest.raises(TypeError):
            cls(**{param: bad})
    with pytest.raises(InputError, match=f"{param} = "):
        ml.ESTIMATORS[name](**{param: bad})
