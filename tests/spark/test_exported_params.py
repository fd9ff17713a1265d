"""Models handed to pyspark.ml and taken from it keep their params, in Python and in the JVM."""

import logging

import numpy as np
import pandas as pd
import pytest
from pyspark.ml import classification, clustering, regression
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.linalg import Matrices, Vectors

from treefold import ml

pytestmark = pytest.mark.spark

RNG = np.random.default_rng(5)
X = RNG.standard_normal((120, 2))
FOREST = {
    "numTrees": 3, "maxDepth": 2, "maxBins": 7, "minInstancesPerNode": 2, "minInfoGain": 0.01,
    "minWeightFractionPerNode": 0.02, "featureSubsetStrategy": "all", "subsamplingRate": 0.8, "bootstrap": False,
    "seed": 3, "leafCol": "leaf", "weightCol": "w", "maxMemoryInMB": 100, "checkpointInterval": 5,
}  # fmt: skip
LINEAR = {"regParam": 0.1, "elasticNetParam": 0.3, "maxIter": 7, "tol": 1e-4, "fitIntercept": False, "weightCol": "w"}
PARAMS = {
    "KMeans": {"k": 3, "maxIter": 4, "initMode": "random", "seed": 8, "tol": 0.1, "predictionCol": "p"},
    "LinearRegression": LINEAR | {"solver": "l-bfgs", "standardization": False, "aggregationDepth": 3},
    "LogisticRegression": LINEAR | {"threshold": 0.3, "family": "binomial", "rawPredictionCol": "r"},
    "LinearSVC": {"regParam": 0.2, "maxIter": 6, "threshold": 0.4, "standardization": False, "tol": 0.01},
    "RandomForestClassifier": FOREST | {"impurity": "entropy", "thresholds": [0.4, 0.6], "probabilityCol": "q"},
    "RandomForestRegressor": FOREST,
    "MultilayerPerceptronClassifier": {"layers": [2, 3, 2], "maxIter": 4, "seed": 2, "tol": 0.01, "blockSize": 16},
}


@pytest.fixture(scope="module")
def rows(spark):
    frame = pd.DataFrame(X, columns=["a", "b"])
    frame["label"], frame["w"] = (X[:, 0] > 0.1).astype(float), RNG.uniform(0.5, 2, len(X))
    return VectorAssembler(inputCols=["a", "b"], outputCol="features").transform(spark.createDataFrame(frame)).persist()


def own_module(name):
    return next(module for module in (classification, clustering, regression) if hasattr(module, name))


def value(model, name):
    return model.getOrDefault(model.getParam(name))


@pytest.mark.parametrize("name", PARAMS)
def test_a_model_of_pyspark_has_the_params_of_ours_after_saving_too(spark, rows, tmp_path, name):
    estimator = ml.estimator(name, **PARAMS[name])
    if name == "MultilayerPerceptronClassifier":
        estimator.setParams(activation="sigmoid")
    made = estimator.fit(rows).toSpark(spark)
    made.save(str(tmp_path / "theirs"))  # the JVM writes its own params
    loaded = getattr(own_module(name), type(made).__name__).load(str(tmp_path / "theirs"))
    for model in (made, loaded):
        assert {each: value(model, each) for each in PARAMS[name]} == PARAMS[name]


def test_a_value_that_pyspark_does_not_know_stays_at_its_default_and_is_logged(spark, rows, caplog):
    with caplog.at_level(logging.INFO, "treefold"):
        made = ml.LinearRegression(solver="newton", maxIter=3).fit(rows).toSpark(spark)
    assert (made.getSolver(), made.getMaxIter()) == ("auto", 3)
    assert "solver = 'newton' is not handed over to pyspark.ml" in caplog.text


def test_bounds_go_over_as_they_are(spark, rows):
    bounds = {"lowerBoundsOnCoefficients": Matrices.dense(1, 2, [0.0, -1.0]), "upperBoundsOnIntercepts": [0.5]}
    made = ml.LogisticRegression(**bounds).fit(rows).toSpark(spark)
    assert made.getLowerBoundsOnCoefficients() == bounds["lowerBoundsOnCoefficients"]
    assert made.getUpperBoundsOnIntercepts() == Vectors.dense(0.5)


def test_the_scale_of_hubers_loss_goes_over_and_comes_back(spark, rows):
    ours = ml.LinearRegression(loss="huber", epsilon=1.5).fit(rows)
    made = ours.toSpark(spark)
    assert (made.scale, made.getLoss(), made.getEpsilon()) == (ours.scale, "huber", 1.5)
    assert ours.scale != 1
    back = ml.LinearRegressionModel.fromSpark(made)
    assert (back.scale, back.getLoss(), back.getEpsilon()) == (ours.scale, "huber", 1.5)


@pytest.mark.parametrize("name", ["LinearRegression", "LogisticRegression", "LinearSVC"])
def test_a_model_taken_from_pyspark_has_its_params(rows, name):
    theirs = getattr(own_module(name), name)(**PARAMS[name]).fit(rows)
    ours = getattr(ml, f"{name}Model").fromSpark(theirs)
    assert {each: value(ours, each) for each in PARAMS[name]} == PARAMS[name]
