"""The other linear estimators, and options of linear fits, against MLlib and scikit-learn."""

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from pyspark.ml import classification, regression
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.linalg import Matrices, Vectors
from sklearn.linear_model import HuberRegressor, LogisticRegression, PoissonRegressor, QuantileRegressor

from treefold import ml
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.persistence import model_io

pytestmark = pytest.mark.spark

RNG = np.random.default_rng(6)
ROWS = 300
NAMES = ["a", "b", "c"]
X = RNG.standard_normal((ROWS, 3)) * [1, 5, 0.2] + [0, 10, 1]
SCORE = (X - X.mean(axis=0)) / X.std(axis=0) @ [1, -2, 0.5] + RNG.logistic(size=ROWS)
LABELS = {
    "binary": (SCORE > 0.8) * 1.0, "many": np.digitize(SCORE, [-1, 1]) * 1.0, "target": 100 + 20 * SCORE,
    "count": RNG.poisson(np.exp(SCORE / 3)) * 1.0, "w": RNG.uniform(0.5, 2, ROWS),
}  # fmt: skip
EXACT = {"dtype": "float64", "tol": 1e-9, "maxIter": 1000}
RAW = EXACT | {"standardization": False, "regParam": 0.1}


@pytest.fixture(scope="module")
def rows(spark):
    frame = pd.DataFrame(X, columns=NAMES).assign(**LABELS)
    return VectorAssembler(inputCols=NAMES, outputCol="features").transform(spark.createDataFrame(frame)).persist()


def coef_of(model):
    return np.append(model.coefficients.toArray(), model.intercept)


def test_a_support_vector_classifier_is_no_worse_than_mllibs_and_transforms_alike(rows):
    same = {"labelCol": "binary", "regParam": 0.05, "standardization": False}
    mine = ml.LinearSVC(**same, dtype="float64").fit(rows)
    theirs = classification.LinearSVC(**same, maxIter=50, tol=1e-8).fit(rows)

    def objective(model):
        margin = X @ model.coefficients.toArray() + model.intercept
        gap = np.maximum(0, 1 - (2 * LABELS["binary"] - 1) * margin)
        return gap.mean() + 0.025 * model.coefficients.toArray() @ model.coefficients.toArray()

    assert objective(mine) <= objective(theirs) + 5e-4  # half its smoothing
    made = [m.transform(rows) for m in (mine, theirs)]
    assert [(f.name, f.dataType) for f in made[0].schema] == [(f.name, f.dataType) for f in made[1].schema]
    margins = [np.array([row.rawPrediction.toArray() for row in m.select("rawPrediction").collect()]) for m in made]
    np.testing.assert_allclose(*margins, atol=0.05)
    above = mine.copy().setThreshold(0.5).transform(rows).select("prediction").toPandas().prediction
    np.testing.assert_array_equal(above, margins[0][:, 1] > 0.5)


@pytest.mark.parametrize("loss", ["hinge", "squaredHinge"])
def test_many_classes_are_one_against_the_rest_in_the_same_passes(rows, loss, tmp_path):
    model = ml.LinearSVC(labelCol="many", loss=loss, regParam=0.01).fit(rows)
    assert model.coefficientMatrix.toArray().shape == (3, 3)
    one = ml.LinearSVC(labelCol="own", loss=loss, regParam=0.01).fit(rows.selectExpr("*", "double(many = 1) as own"))
    np.testing.assert_allclose(model.coefficientMatrix.toArray()[1], one.coefficients.toArray(), rtol=0.05, atol=0.02)
    assert model.evaluate(rows).accuracy > 0.5
    model.save(str(tmp_path / "m"))
    np.testing.assert_array_equal(model_io.load(str(tmp_path / "m")).predict(X), model.numpy_model.predict(X))
    path = tmp_path / "new" / "model.onnx"
    assert model.toOnnx(str(path)).SerializeToString() == path.read_bytes()
    (said,) = onnxruntime.InferenceSession(path).run(["prediction"], {"features": X})
    np.testing.assert_array_equal(said, model.transform(rows).toPandas().prediction)


def test_huber_is_scikit_learns_and_mllibs(rows):
    mine = ml.LinearRegression(labelCol="target", loss="huber", epsilon=1.5, weightCol="w", **RAW).fit(rows)
    alpha = LABELS["w"].sum() * 0.1
    oracle = HuberRegressor(epsilon=1.5, alpha=alpha, tol=1e-9, max_iter=10_000).fit(X, LABELS["target"], LABELS["w"])
    np.testing.assert_allclose(coef_of(mine), [*oracle.coef_, oracle.intercept_], rtol=1e-3, atol=1e-3)
    assert mine.scale == pytest.approx(oracle.scale_, rel=1e-3)
    theirs = regression.LinearRegression(labelCol="target", loss="huber", epsilon=1.5, weightCol="w", regParam=0.1,
                                         standardization=False, tol=1e-10, maxIter=1000).fit(rows)  # fmt: skip
    np.testing.assert_allclose(coef_of(mine), coef_of(theirs), rtol=1e-4)
    assert mine.scale == pytest.approx(theirs.scale, rel=1e-4)


def test_counts_quantiles_and_tubes(rows, tmp_path):
    counts = ml.PoissonRegression(labelCol="count", **RAW).fit(rows)
    oracle = PoissonRegressor(alpha=0.1, tol=1e-10, max_iter=1000).fit(X, LABELS["count"])
    np.testing.assert_allclose(coef_of(counts), [*oracle.coef_, oracle.intercept_], rtol=1e-4, atol=1e-6)
    made = counts.transform(rows).select("prediction").toPandas().prediction
    np.testing.assert_allclose(made, oracle.predict(X), rtol=1e-4)
    counts.save(str(tmp_path / "m"))
    np.testing.assert_allclose(ml.PoissonRegressionModel.load(str(tmp_path / "m")).numpy_model.predict(X), made)
    upper = ml.QuantileRegression(labelCol="target", quantile=0.9, smoothing=1e-4, **EXACT).fit(rows)
    theirs = QuantileRegressor(quantile=0.9, alpha=0).fit(X, LABELS["target"])
    np.testing.assert_allclose(upper.numpy_model.predict(X), theirs.predict(X), atol=0.5)
    tube = ml.LinearSVR(labelCol="target", epsilon=5.0, **EXACT).fit(rows)
    middle = ml.QuantileRegression(labelCol="target", **EXACT).fit(rows)
    assert tube.evaluate(rows).mae < 1.1 * middle.evaluate(rows).mae


def test_an_offset_is_mllibs_and_no_export_forgets_it(rows):
    same = {"labelCol": "count", "offsetCol": "w"}
    mine = ml.PoissonRegression(**same, **EXACT).fit(rows)
    theirs = regression.GeneralizedLinearRegression(**same, family="poisson", tol=1e-10, maxIter=100).fit(rows)
    np.testing.assert_allclose(coef_of(mine), coef_of(theirs), rtol=1e-6)
    said = [m.transform(rows).select("prediction").toPandas().prediction for m in (mine, theirs)]
    np.testing.assert_allclose(*said, rtol=1e-6)
    error = mine.evaluate(rows).meanSquaredError
    assert error == pytest.approx(np.mean((said[0] - LABELS["count"]) ** 2))
    with pytest.raises(InputError, match="offsetCol is set, and an exported model knows no offsets"):
        mine.toOnnx()
    tuned = ml.CrossValidator(
        estimator=ml.PoissonRegression(**same), space={"regParam": [0.0, 0.1]}, numFolds=2, evaluator="mse",
        foldCol="fold",
    ).fit(rows.selectExpr("*", "int(pmod(hash(a), 2)) as fold"))  # fmt: skip
    assert tuned.bestModel.getOffsetCol() == "w"
    assert abs(min(tuned.avgMetrics) / error - 1) < 0.6


def test_rows_of_an_indicator_column_say_when_to_stop_and_are_no_part_of_a_prediction(rows):
    marked = rows.selectExpr("*", "pmod(hash(a), 3) = 0 as out")
    same = {"labelCol": "count", "solver": "gd", "tol": 0.0, "earlyStoppingRounds": 2, "offsetCol": "w"}
    model = ml.PoissonRegression(validationIndicatorCol="out", dtype="float64", **same).fit(marked)
    held = model.summary.validationHistory
    assert model.summary.outcome == "stopped: the loss of held-out rows no longer decreases"
    assert len(held) == model.summary.totalIterations + 1 == np.argmin(held) + 3
    out = np.array([row.out for row in marked.select("out").collect()])
    margin = X @ model.coefficients.toArray() + model.intercept + LABELS["w"]
    assert np.mean((np.exp(margin) - LABELS["count"] * margin)[out]) == pytest.approx(min(held))
    np.testing.assert_allclose(model.transform(rows).toPandas().prediction, np.exp(margin), rtol=1e-9)


@pytest.mark.parametrize("weights", ["balanced", {0: 0.5, 1: 3.0}])
def test_class_weights_are_scikit_learns(rows, weights):
    mine = ml.LogisticRegression(labelCol="binary", classWeight=weights, weightCol="w", **RAW).fit(rows)
    y, w = LABELS["binary"], LABELS["w"]
    share = np.array([w.sum() / 2 / w[y == k].sum() for k in range(2)]) if weights == "balanced" else np.array([0.5, 3])
    total = (share[y.astype(int)] * w).sum()
    oracle = LogisticRegression(C=1 / (0.1 * total), tol=1e-10, max_iter=10_000).fit(X, y, share[y.astype(int)] * w)
    np.testing.assert_allclose(coef_of(mine), [*oracle.coef_[0], *oracle.intercept_], rtol=1e-4, atol=1e-5)


def test_class_weights_name_classes_that_are(rows):
    with pytest.raises(InputError, match="classWeight names class 5, but there are 2 classes"):
        ml.LogisticRegression(labelCol="binary", classWeight={5: 1.0}).fit(rows)


def test_bounds_are_mllibs(rows):
    bounds = {"lowerBoundsOnCoefficients": Matrices.dense(1, 3, [0, -0.1, 0]),
              "upperBoundsOnCoefficients": Matrices.dense(1, 3, [0.5, 0.1, 9]),
              "upperBoundsOnIntercepts": Vectors.dense([1.0])}  # fmt: skip
    mine = ml.LogisticRegression(labelCol="binary", **bounds, **EXACT).fit(rows)
    theirs = classification.LogisticRegression(labelCol="binary", **bounds, tol=1e-10, maxIter=1000).fit(rows)
    np.testing.assert_allclose(coef_of(mine), coef_of(theirs), rtol=1e-3, atol=1e-4)
    with pytest.raises(InputError, match=r"lowerBoundsOnIntercepts is \(2,\), but the model is \(1,\)"):
        ml.LogisticRegression(labelCol="binary", lowerBoundsOnIntercepts=[0.0, 1.0]).fit(rows)


@pytest.mark.parametrize("estimator", [ml.LogisticRegression, ml.LinearSVC])
def test_a_fit_starts_from_a_saved_model(rows, tmp_path, estimator):
    first = estimator(labelCol="binary", regParam=0.01, dtype="float64").fit(rows)
    first.save(str(tmp_path / "m"))
    again = estimator(labelCol="binary", regParam=0.01, dtype="float64", initialModel=str(tmp_path / "m")).fit(rows)
    assert again.training_summary.totalIterations < first.training_summary.totalIterations
    with pytest.raises(InputError, match="has 1 outputs of 3 features, but 3 of 3 are to be fitted"):
        estimator(labelCol="many", initialModel=str(tmp_path / "m")).fit(rows)


def test_the_solvers_of_least_squares_agree_and_normal_reads_the_data_once(rows):
    same = {"labelCol": "target", "regParam": 0.5, "elasticNetParam": 0.5, **EXACT}
    models = [ml.LinearRegression(solver=name, **same).fit(rows) for name in ("auto", "normal", "l-bfgs", "newton")]
    for model in models[1:]:
        np.testing.assert_allclose(coef_of(model), coef_of(models[0]), rtol=1e-6, atol=1e-8)
    assert [len(model.summary.passes) for model in models[:2]] == [1, 1]


STOCHASTIC = {
    "sgd": {"stepSize": 0.3, "momentum": 0.9, "nesterov": True, "miniBatchFraction": 0.25, "maxIter": 30},
    "localsgd": {"stepSize": 0.2, "batchSize": 4, "maxIter": 15},
    "gd": {"stepSize": 1.0, "stepRule": "invscaling", "maxIter": 30},
}  # fmt: skip


@pytest.mark.parametrize("solver", STOCHASTIC)
def test_stochastic_fits_have_the_same_bits_for_any_number_of_tasks(rows, small_blocks, solver):
    same = {"labelCol": "binary", "regParam": 0.1, "solver": solver, "tol": 0.0, "dtype": "float64"}
    first, other = (ml.LogisticRegression(**same, **STOCHASTIC[solver], numTasks=n).fit(rows) for n in (1, 3))
    np.testing.assert_array_equal(first.numpy_model.coef, other.numpy_model.coef)
    assert [p.tasks for p in (first.summary.passes[-1], other.summary.passes[-1])] == [1, 3]
    assert first.summary.objectiveHistory[-1] < 0.8 * first.summary.objectiveHistory[0]


def test_local_descent_has_the_same_bits_for_rows_in_any_order(rows, small_blocks):
    """Blocks of one class each would lead apart: the rows are brought into a random order when blocks are laid."""
    same = {"labelCol": "binary", "regParam": 0.1, "solver": "localsgd", "dtype": "float64", "tol": 0.0}
    ordered = [rows.orderBy("binary"), rows.orderBy("a"), rows.orderBy("binary", ascending=False)]
    models = [ml.LogisticRegression(**same, stepSize=0.2, batchSize=4, maxIter=15).fit(each) for each in ordered]
    for model in models[1:]:
        np.testing.assert_array_equal(coef_of(model), coef_of(models[0]))
        assert model.summary.objectiveHistory == models[0].summary.objectiveHistory
    least = ml.LogisticRegression(labelCol="binary", regParam=0.1, **EXACT).fit(rows).summary.objectiveHistory[-1]
    assert models[0].summary.objectiveHistory[-1] < 1.001 * least


def test_a_search_over_local_descent_has_the_same_scores_for_rows_in_any_order(rows, small_blocks):
    """Folds are drawn by position after the rows are sorted; lbfgs, which takes part, takes the same rows."""
    estimator = ml.LogisticRegression(labelCol="binary", dtype="float64", maxIter=5)
    local = {estimator.solver: "localsgd", estimator.stepSize: 0.2, estimator.batchSize: 4}
    grid = [{**own, estimator.regParam: strength} for own in (local, {}) for strength in (0.01, 0.1)]
    search = ml.CrossValidator(estimator=estimator, estimatorParamMaps=grid, evaluator="logLoss", numFolds=3, seed=1)
    first, *others = (search.fit(rows.orderBy(*order)) for order in (["binary", "a"], ["a"], ["target"]))
    for other in others:
        assert other.avgMetrics == first.avgMetrics
        np.testing.assert_array_equal(coef_of(other.bestModel), coef_of(first.bestModel))


@pytest.fixture(scope="module", params=["binomial", "multinomial"])
def unscaled(spark, request):
    """Features of very different scales and labels of a family: as arrays, and as rows."""
    rng = np.random.default_rng(24)
    scale = np.sqrt([0.6856, 0.1899, 3.116, 1e-4])
    features = rng.standard_normal((3000, 4)) * scale + [5.843, 3.057, 3.758, 10.199]
    score = (features - features.mean(axis=0)) / features.std(axis=0) @ [1, -1, 0.5, 1.5] + rng.logistic(size=3000)
    label = np.digitize(score, [0] if request.param == "binomial" else [-1, 1])
    frame = spark.createDataFrame([(Vectors.dense(x), float(y)) for x, y in zip(features, label, strict=True)],
                                  ["features", "label"]).persist()  # fmt: skip
    return request.param, features, label, frame


@pytest.mark.parametrize("penalty", [(0.005, 0.2), (0.001, 0.5), (0.01, 0.0)], ids=str)
def test_at_the_defaults_a_fit_ends_no_farther_from_the_optimum_than_mllibs(unscaled, penalty):
    family, features, label, frame = unscaled
    same = {"regParam": penalty[0], "elasticNetParam": penalty[1], "family": family}
    exact = ml.LogisticRegression(**same, dtype="float64", tol=1e-12, maxIter=1000)
    (best,) = exact.fit_batch(LocalBlocks.from_arrays(features, label, dtype="float64"), [exact]).numpy_models
    errors = [
        (abs(m.coefficientMatrix.toArray() - best.coef[:, :-1]) * features.std(axis=0)).max()
        for m in (ml.LogisticRegression(**same).fit(frame), classification.LogisticRegression(**same).fit(frame))
    ]
    assert errors[0] <= errors[1]
