"""Calibrated classifiers on Spark: scikit-learn's probabilities, Pipelines, searches, files."""

import numpy as np
import pytest
from chispa import assert_df_equality
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.tuning import ParamGridBuilder
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression as Theirs
from sklearn.metrics import log_loss
from sklearn.model_selection import PredefinedSplit

import treefold
from treefold import InputError, ml
from treefold.dataset.block import Block
from treefold.dataset.splits import stratified
from treefold.engine.execution.local_blocks import LocalBlocks

RNG = np.random.default_rng(41)
ROWS, NAMES = 400, ["a", "b", "c"]
X = RNG.standard_normal((ROWS, 3))
LABELS = {
    "two": (X[:, 0] * X[:, 1] + RNG.logistic(size=ROWS) / 2 > 0) * 1.0,
    "three": np.argmax(X + RNG.gumbel(size=(ROWS, 3)), axis=1) * 1.0,
}
COLUMNS = {"featuresCol": NAMES, "dtype": "float64"}


@pytest.fixture(scope="module")
def rows(spark):
    """Rows in their order, in one partition."""
    values = zip(range(ROWS), *X.T, LABELS["two"], LABELS["three"], strict=True)
    made = [tuple(map(float, row)) for row in values]
    return spark.createDataFrame(made, ["id", *NAMES, "two", "three"]).coalesce(1).cache()


def probabilities(model, rows):
    return np.array([row.probability.toArray() for row in model.transform(rows).sort("id").collect()])


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("label", LABELS)
def test_probabilities_are_scikit_learns_of_the_same_folds(rows, label, method):
    y = LABELS[label]
    inner = ml.LogisticRegression(regParam=0.01, standardization=False, tol=1e-10, labelCol=label, **COLUMNS)
    mine = ml.CalibratedClassifier(estimator=inner, method=method, folds=4, seed=3).fit(rows)
    blocks = LocalBlocks.from_arrays(X, y, dtype="float64")
    fold = stratified(blocks, 4, 3).fold_of(Block(X, y, np.ones(ROWS), 0))
    classifiers = [Theirs(C=1 / (0.01 * n), tol=1e-10, max_iter=1000) for n in (ROWS * 3 / 4, ROWS)]
    theirs = CalibratedClassifierCV(classifiers[0], method=method, cv=PredefinedSplit(fold), ensemble=False)
    theirs.fit(X, y)
    base = classifiers[1].fit(X, y)  # the penalty is a share of the rows, as in MLlib
    raw = base.decision_function(X)
    scores = raw if raw.ndim == 2 else raw[:, None]
    (fitted,) = theirs.calibrated_classifiers_
    chance = np.stack([c.predict(s) for c, s in zip(fitted.calibrators, scores.T, strict=True)], axis=1)
    expected = chance if chance.shape[1] > 1 else np.column_stack([1 - chance, chance])
    expected = expected / expected.sum(axis=1, keepdims=True)
    error = abs(probabilities(mine, rows) - expected)
    assert error.max() < 0.02  # at a step of an isotonic curve the last digits of a score decide
    assert error.mean() < 1e-3


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_a_kernel_machine_in_a_pipeline_has_probabilities_that_are_saved(rows, tmp_path, method):
    assembler = VectorAssembler(inputCols=NAMES, outputCol="features")
    machine = ml.SVC(labelCol="two", gamma=0.5, predictionCol="guess")
    pipeline = Pipeline(stages=[assembler, ml.CalibratedClassifier(estimator=machine, method=method)])
    pipeline.write().save(str(tmp_path / "unfitted"))
    fitted = Pipeline.load(str(tmp_path / "unfitted")).fit(rows)
    found = probabilities(fitted, rows)
    assert log_loss(LABELS["two"], found) < log_loss(LABELS["two"], np.full((ROWS, 2), 0.5)) - 0.1
    np.testing.assert_allclose(probabilities(pipeline.fit(rows), rows), found)
    fitted.write().save(str(tmp_path / "model"))
    again = PipelineModel.load(str(tmp_path / "model"))
    assert_df_equality(again.transform(rows), fitted.transform(rows), ignore_nullable=True)
    assert "guess" in again.transform(rows).columns
    model = fitted.stages[-1]
    model.write().save(str(tmp_path / "alone"))
    scored = treefold.load(str(tmp_path / "alone")).outputs(X)
    np.testing.assert_allclose(scored["probability"], found, rtol=1e-5)
    assert ml.load_model(str(tmp_path / "alone")).evaluate(
        fitted.transform(rows).drop("rawPrediction", "probability", "guess")
    ).accuracy == pytest.approx((scored["prediction"] == LABELS["two"]).mean(), abs=0.01)


def test_a_search_tries_params_of_the_classifier_and_of_the_calibration(rows, tmp_path):
    tree = ml.RandomForestClassifier(labelCol="two", featuresCol=NAMES, numTrees=5, seed=1)
    calibrated = ml.CalibratedClassifier(estimator=tree, folds=3)
    grid = ParamGridBuilder().addGrid(tree.maxDepth, [1, 6]).addGrid(calibrated.method, ["sigmoid", "isotonic"]).build()
    search = ml.CrossValidator(
        estimator=calibrated, estimatorParamMaps=grid, evaluator="logLoss", numFolds=2, collectSubModels=True
    )
    model = search.fit(rows)
    losses = [trial.mean for trial in model.search.trials]
    assert len(set(losses)) == 4
    assert [each.numpy_model.base.depth for each in model.subModels[0]] == [1, 1, 6, 6]
    alone = calibrated.copy(grid[int(np.argmin(losses))]).fit(rows)
    np.testing.assert_allclose(probabilities(model, rows), probabilities(alone, rows))
    model.write().save(str(tmp_path / "search"))
    again = ml.CrossValidatorModel.load(str(tmp_path / "search"))
    np.testing.assert_array_equal(probabilities(again, rows), probabilities(model, rows))


def test_the_model_is_scikit_learns_too(rows):
    inner = ml.LogisticRegression(labelCol="two", **COLUMNS)
    model = ml.CalibratedClassifier(estimator=inner, folds=3).fit(rows)
    np.testing.assert_allclose(model.toSklearn().predict_proba(X), probabilities(model, rows), atol=1e-6)
    assert model.summary.totalIterations > 1
    assert model.summary.accuracy == model.evaluate(rows).accuracy


def test_columns_are_the_classifiers_unless_they_are_set(rows):
    machine = ml.LinearSVC(labelCol="two", featuresCol=NAMES, weightCol="w")
    calibrated = ml.CalibratedClassifier(estimator=machine, labelCol="three", probabilityCol="p")
    assert (calibrated.getFeaturesCol(), calibrated.getWeightCol()) == (NAMES, "w")
    assert calibrated.classifier().getLabelCol() == "three"
    assert machine.getLabelCol() == "two"
    columns = calibrated.copy({calibrated.labelCol: "two"}).setParams(weightCol="a").classifier()
    assert (columns.getLabelCol(), columns.getWeightCol()) == ("two", "a")


def test_what_cannot_be_calibrated_is_refused(rows):
    with pytest.raises(InputError, match="a classifier of treefold"):
        ml.CalibratedClassifier(estimator=ml.LinearRegression())
    few = rows.withColumn("label", (rows.id < 2).cast("double"))
    with pytest.raises(InputError, match="class 1 has 2 rows, and folds is 5"):
        ml.CalibratedClassifier(estimator=ml.LogisticRegression(featuresCol=NAMES)).fit(few)
