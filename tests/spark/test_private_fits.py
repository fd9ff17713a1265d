"""Differentially private fits by fit."""

import numpy as np
import pandas as pd
import pytest

from treefold.errors import InputError
from treefold.ml import CrossValidator, KMeans, LinearRegression, LogisticRegression, MultilayerPerceptronClassifier
from treefold.scoring.reference import reference_on

pytestmark = pytest.mark.spark

PRIVATE = {"solver": "dpgd", "privacyEpsilon": 3.0, "maxIter": 8, "stepSize": 1.0, "featuresCol": ["x*"]}


@pytest.fixture(scope="module")
def data(spark, tmp_path_factory):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(3000, 3))
    label = (X[:, 0] > 0).astype(float) + (X[:, 1] > 1)
    rows = pd.DataFrame({"x0": X[:, 0], "x1": X[:, 1], "x2": X[:, 2], "label": label, "two": (X[:, 0] > 0) * 1.0})
    path = str(tmp_path_factory.mktemp("private") / "rows.parquet")
    rows.to_parquet(path)
    return spark.read.parquet(path)


def test_a_private_fit_looks_at_the_rows_through_noise_alone(data):
    model = LogisticRegression(**PRIVATE, classes=3).fit(data)
    told = model.summary.to_dict()
    assert told["epsilon"] == pytest.approx(3.0, rel=1e-6)
    assert [each.name for each in model.training_summary.passes] == ["row_count", *["clipped_gradient"] * 8]
    with pytest.raises(InputError, match="use another solver"):
        LinearRegression(**PRIVATE, loss="huber").fit(data)


def test_a_private_clustering_looks_at_the_rows_through_noise_alone(data, tmp_path):
    model = KMeans(featuresCol=["x*"], k=3, solver="dplloyd", privacyEpsilon=3.0, clip=4.0, maxIter=4).fit(data)
    assert [each.name for each in model.summary.passes] == ["row_count", "clipped_moments", *["clipped_clusters"] * 4]
    assert model.summary.to_dict()["epsilon"] == pytest.approx(3.0, rel=1e-6)
    assert reference_on(model, data) is None
    assert model.evaluate(data).scores["rows"] == 3000


def test_a_private_perceptron_looks_at_the_rows_through_noise_alone(data):
    model = MultilayerPerceptronClassifier(**PRIVATE, layers=[3, 4, 3]).fit(data)
    assert [each.name for each in model.training_summary.passes] == ["row_count", *["clipped_gradient"] * 8]
    assert model.summary().to_dict()["epsilon"] == pytest.approx(3.0, rel=1e-6)
    assert reference_on(model, data) is None


def test_a_search_is_refused(data):
    estimator = LogisticRegression(**PRIVATE, classes=3)
    search = CrossValidator(estimator=estimator, space={"regParam": [0.0, 0.1]}, evaluator="accuracy", numFolds=2)
    with pytest.raises(InputError, match="without noise"):
        search.fit(data)
