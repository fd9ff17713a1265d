"""Support vector machines as pyspark.ml Estimators: bits for any tasks, files, summaries, refusals."""

import numpy as np
import pytest
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.linalg import Vectors
from sklearn import svm as theirs

from rows import write_parquet
from treefold import load
from treefold.errors import InputError
from treefold.ml import SVC, SVR, CrossValidator, OneClassSVM, OneClassSVMModel, SVCModel, SVRModel

pytestmark = pytest.mark.spark
RNG = np.random.default_rng(2)
X = RNG.standard_normal((300, 3))
Y = (X[:, 0] * X[:, 1] + 0.3 * RNG.standard_normal(300) > 0).astype(float)
FEATURES = ["x0", "x1", "x2"]


@pytest.fixture(scope="module")
def rows(spark, tmp_path_factory):
    weight = RNG.integers(1, 3, 300).astype(float)
    return spark.read.parquet(write_parquet(tmp_path_factory.mktemp("svm") / "data", X, Y, weight, [100, 100, 240]))


@pytest.fixture(scope="module")
def digits(spark):
    return [spark.read.parquet(f"data/digits/split={split}") for split in ("train", "test")]


def state(model):
    return {name: values.tolist() for name, values in model.numpy_model.save_state()[1].items()}


@pytest.mark.parametrize("solver", ["direct", "cascade"])
def test_any_number_of_tasks_gives_the_same_bits(rows, small_blocks, solver):
    made = [SVC(featuresCol=FEATURES, solver=solver, numTasks=tasks, tol=1e-6).fit(rows) for tasks in (1, 2, 5)]
    assert state(made[0]) == state(made[1]) == state(made[2])
    assert made[0].summary.violation <= 1e-6


def test_params_mean_what_they_mean_in_scikit_learn(rows):
    table = rows.toPandas()
    X, y, w = table[FEATURES].to_numpy(), table["label"].to_numpy(), table["weight"].to_numpy()
    common = {"featuresCol": FEATURES, "dtype": "float64", "tol": 1e-7}
    ours = SVC(**common, weightCol="weight", C=3.0, classWeight="balanced").fit(rows)
    scale = 1 / (
        3 * np.average(((X - np.average(X)) ** 2).mean(axis=1), weights=w)
    )  # of a row counted as often as it weighs
    assert ours.numpy_model.kernel.gamma == pytest.approx(scale, rel=1e-3)
    balanced = {k: w.sum() / 2 / w[y == k].sum() for k in (0, 1)}
    other = theirs.SVC(C=3.0, gamma=ours.numpy_model.kernel.gamma, tol=1e-7, class_weight=balanced).fit(X, y, w)
    np.testing.assert_allclose(ours.numpy_model.margin(X)[:, 0], other.decision_function(X), atol=1e-5)
    for kernel in ("linear", "poly", "sigmoid"):
        ours = SVC(**common, kernel=kernel, gamma="auto", coef0=0.5, degree=2).fit(rows)
        other = theirs.SVC(kernel=kernel, gamma="auto", coef0=0.5, degree=2, tol=1e-7).fit(X, y)
        np.testing.assert_allclose(ours.numpy_model.margin(X)[:, 0], other.decision_function(X), atol=1e-4)
    ours = SVC(**common).fit(rows)
    other = theirs.SVC(tol=1e-7).fit(X, y)
    np.testing.assert_allclose(ours.numpy_model.margin(X)[:, 0], other.decision_function(X), atol=1e-5)
    scaled = SVC(**common, standardization=True).fit(rows)
    other = theirs.SVC(tol=1e-7).fit(X / X.std(axis=0), y)
    np.testing.assert_allclose(
        scaled.numpy_model.margin(X)[:, 0], other.decision_function(X / X.std(axis=0)), atol=1e-5
    )


def test_ten_classes_of_digits_with_a_summary_and_without_spark(digits, tmp_path):
    train, test = digits
    model = SVC(featuresCol=["pixel_*"], labelCol="digit", gamma=0.001).fit(train)
    found = model.summary
    assert model.evaluate(test).accuracy > 0.98
    assert found.outcome == "converged"
    assert found.violation <= 1e-3
    assert 0 <= found.gap < 1e-3
    assert found.supportVectors == len(model.supportVectors) == sum(found.supportVectorsByClass)
    assert found.boundedSupportVectors > 0
    assert found.kernelRows > 0
    assert len(found.rounds) == 45
    model.save(str(tmp_path / "model"))
    table = test.toPandas()
    scored = model.transform(test).toPandas()
    again = SVCModel.load(str(tmp_path / "model"))
    np.testing.assert_array_equal(again.transform(test).toPandas()["prediction"], scored["prediction"])
    np.testing.assert_array_equal(load(str(tmp_path / "model")).predict(table), scored["prediction"])
    vector = Vectors.dense(table[[f"pixel_{i}" for i in range(64)]].iloc[0]) if "pixel_0" in table else None
    if vector is not None:
        assert model.predict(vector) == scored["prediction"][0]


def test_regression_and_one_class_are_saved_and_scored(rows, spark, tmp_path):
    regression = SVR(featuresCol=FEATURES, labelCol="x2", C=2.0, epsilon=0.05, seed=1).setFeaturesCol(["x0", "x1"])
    fitted = Pipeline(stages=[regression]).fit(rows)
    fitted.save(str(tmp_path / "pipeline"))
    again = PipelineModel.load(str(tmp_path / "pipeline"))
    assert isinstance(again.stages[0], SVRModel)
    assert again.transform(rows).toPandas().equals(fitted.transform(rows).toPandas())
    assert fitted.stages[0].summary.r2 == pytest.approx(fitted.stages[0].evaluate(rows).r2)
    inside = OneClassSVM(featuresCol=FEATURES, nu=0.1).fit(rows)
    inside.save(str(tmp_path / "inside"))
    scored = OneClassSVMModel.load(str(tmp_path / "inside")).transform(rows).toPandas()
    assert ((scored["margin"] > 0) == (scored["prediction"] == 1)).all()
    assert (scored["prediction"] == -1).mean() == pytest.approx(0.1, abs=0.02)
    bad = spark.createDataFrame([(np.nan, 0.0, 0.0), (0.0, 0.0, 0.0)], FEATURES)
    assert inside.transform(bad).toPandas()["prediction"].isna().tolist() == [True, False]


def test_sparse_vectors_stay_csr(spark):
    data = [(float(i % 2), Vectors.sparse(1000, [i % 7, 10 + i % 2 * 3 + i % 5], [1.0, 2.0])) for i in range(120)]
    frame = spark.createDataFrame(data, ["label", "features"])
    model = SVC(C=10.0, gamma=0.1).fit(frame)
    assert model.supportVectors.format == "csr"
    assert model.summary.accuracy > 0.75


def test_a_search_over_cost_and_width_takes_the_best(rows):
    from pyspark.ml.tuning import ParamGridBuilder

    svc = SVC(featuresCol=FEATURES)
    grid = ParamGridBuilder().addGrid(svc.C, [0.01, 10.0]).addGrid(svc.gamma, [1e-6, 0.5]).build()
    found = CrossValidator(estimator=svc, estimatorParamMaps=grid, evaluator="accuracy", numFolds=2).fit(rows)
    assert (found.bestModel.getC(), found.bestModel.getGamma()) == (10.0, 0.5)


def test_a_class_with_a_single_row_and_one_that_is_declared_but_absent(spark):
    label = [float(i % 9) for i in range(90)] + [9.0]
    frame = spark.createDataFrame([(k, Vectors.dense(k, i % 3)) for i, k in enumerate(label)], ["label", "features"])
    model = SVC(C=100.0, gamma=1.0).fit(frame)
    assert model.numClasses == 10
    assert model.summary.accuracy == 1.0
    gone = frame.where("label != 4")
    assert SVC(C=100.0, gamma=1.0).fit(gone).evaluate(gone).accuracy == 1.0


def test_what_cannot_be_fitted_is_one_clear_line(spark, rows):
    with pytest.raises(InputError, match="all rows with a weight are of class 1: a classifier needs two classes"):
        SVC(featuresCol=FEATURES).fit(rows.where("label = 1"))
    with pytest.raises(InputError, match=r"nu = 1.5 is no valid value.*in \(0, 1\]"):
        OneClassSVM(nu=1.5)
    for name, value in (("C", 0.0), ("gamma", "wide"), ("gamma", -1.0), ("tol", 0.0), ("kernel", "cosine")):
        with pytest.raises(InputError, match=f"{name} = "):
            SVC(**{name: value})
    missing = spark.createDataFrame([(0.0, 0.0), (np.nan, 1.0)], ["x0", "label"]).coalesce(1)
    with pytest.raises(InputError, match="column 'x0' holds NaN in row 1"):
        SVC(featuresCol=["x0"]).fit(missing)


def test_constant_features_have_a_width_of_one(spark):
    frame = spark.createDataFrame(
        [(0.0, Vectors.dense(0.0, 0.0)), (1.0, Vectors.dense(0.0, 0.0))] * 3, ["label", "features"]
    )
    assert SVC().fit(frame).numpy_model.kernel.gamma == 1.0


def test_the_watcher_sees_gap_and_support_vectors(rows):
    seen = []
    SVC(featuresCol=FEATURES, solver="cascade").watch(seen.append).fit(rows)
    assert [each.iteration for each in seen] == list(range(1, len(seen) + 1))
    assert set(seen[-1].figures) == {"gap", "violation", "support vectors"}


def test_landmarks_approximate_two_classes_without_a_certificate(rows, digits):
    model = SVC(featuresCol=FEATURES, solver="nystroem", components=80, seed=3).fit(rows)
    exact = SVC(featuresCol=FEATURES).fit(rows)
    assert model.summary.accuracy == pytest.approx(exact.summary.accuracy, abs=0.03)
    assert len(model.supportVectors) == 80
    assert np.isnan(model.summary.violation)
    assert model.summary.to_dict()["gap"] is None
    assert model.summary.passes[-1].name == "objective"
    assert SVR(featuresCol=FEATURES[:2], labelCol="x2", solver="nystroem").fit(rows).summary.rmse < 1.5
    with pytest.raises(InputError, match=r"solver nystroem has no machine of 10 classes: fit it within .*OneVsRest"):
        SVC(featuresCol=["pixel_*"], labelCol="digit", solver="nystroem").fit(digits[0])
    with pytest.raises(InputError, match="solver nystroem has no machine of one class"):
        OneClassSVM(featuresCol=FEATURES, solver="nystroem").fit(rows)
    with pytest.raises(InputError, match="solver direct reads no components"):
        SVC(featuresCol=FEATURES, solver="direct", components=9).fit(rows)
