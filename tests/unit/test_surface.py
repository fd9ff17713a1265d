"""The public names of our classes beside those of pyspark.ml's of the same name, as it is installed."""

import inspect

import pyspark.ml.classification
import pyspark.ml.clustering
import pyspark.ml.regression
import pyspark.ml.tuning
import pytest

from treefold import ml

THEIRS = {
    name: getattr(module, name)
    for module in (pyspark.ml.classification, pyspark.ml.clustering, pyspark.ml.regression, pyspark.ml.tuning)
    for name in module.__all__
    if hasattr(ml, name)
}
MISSING = {  # told, with the reason, in docs/evaluation.md
    "DecisionTreeRegressionModel": {"varianceCol", "getVarianceCol", "setVarianceCol"},
}


def public(cls):
    return {name for name in dir(cls) if not name.startswith("_")}


def test_every_estimator_model_and_summary_that_both_have_is_compared():
    ours = [name for name in ml.__all__ if inspect.isclass(getattr(ml, name))]
    only_ours = {name for name in ours if name not in THEIRS}
    assert len(THEIRS) == 35
    assert only_ours == {
        "FTRLClassificationModel", "FTRLClassifier", "FTRLRegressionModel", "FTRLRegressor",
        "LinearSVR", "LinearSVRModel", "SparkModel", "MultilayerPerceptronRegressionModel",
        "MultilayerPerceptronRegressor", "PoissonRegression", "PoissonRegressionModel", "Progress",
        "QuantileRegression", "QuantileRegressionModel", "OneClassSVM", "OneClassSVMModel", "SVC", "SVCModel", "SVR",
        "SVRModel", "CalibratedClassifier", "CalibratedClassifierModel",
    }  # fmt: skip


@pytest.mark.parametrize("name", THEIRS)
def test_every_public_name_of_pyspark_ml_is_here_or_documented(name):
    assert public(THEIRS[name]) - public(getattr(ml, name)) == MISSING.get(name, set())
