"""Classes and their weights: how many there are, which occur, and what each row counts."""

import numpy as np
import pandas as pd
import pytest
from pyspark.ml import Pipeline, classification
from pyspark.ml.feature import StringIndexer, VectorAssembler
from pyspark.ml.tuning import ParamGridBuilder
from pyspark.sql.functions import col, lit, when

from treefold import ml
from treefold.errors import InputError

pytestmark = pytest.mark.spark

RNG = np.random.default_rng(12)
ROWS = 200
NAMES = ["a", "b"]
X = RNG.standard_normal((ROWS, 2))
SCORE = X @ [1, -2] + RNG.logistic(size=ROWS)
LABEL = np.digitize(SCORE, [-1, 1])
CLASSIFIERS = {
    "LogisticRegression": {"maxIter": 5}, "LinearSVC": {"maxIter": 5}, "RandomForestClassifier": {"numTrees": 3}
}  # fmt: skip


@pytest.fixture(scope="module")
def rows(spark):
    frame = pd.DataFrame(X, columns=NAMES).assign(
        label=LABEL.astype(float), binary=(SCORE > 0).astype(float), word=[f"w{label}" for label in LABEL], one=1.0
    )
    return VectorAssembler(inputCols=NAMES, outputCol="features").transform(spark.createDataFrame(frame)).persist()


@pytest.fixture(scope="module")
def indexed(rows):
    """The rows with w0, w1, w2 and w9, which comes last, as classes; training rows lack the last."""
    more = rows.union(rows.limit(1).withColumn("word", lit("w9")))
    indexer = StringIndexer(inputCol="word", outputCol="index", stringOrderType="alphabetAsc").fit(more)
    return indexer.transform(rows)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classes_that_the_labels_metadata_declare_are_counted(indexed, name):
    model = ml.estimator(name, labelCol="index", **CLASSIFIERS[name]).fit(indexed)
    out = model.transform(indexed)
    assert model.numClasses == 4
    assert out.schema["prediction"].metadata == {"ml_attr": {"type": "nominal", "num_vals": 4}}
    first = out.first()
    assert len(first.rawPrediction) == 4
    if name != "LinearSVC":
        theirs = getattr(classification, name)(labelCol="index").fit(indexed)
        assert theirs.numClasses == 4
        assert first.probability[3] == pytest.approx(theirs.transform(indexed).first().probability[3], abs=1e-6)


def test_folds_count_the_declared_classes_as_well(indexed):
    lr = ml.LogisticRegression(labelCol="index", maxIter=5)
    grid = ParamGridBuilder().addGrid(lr.regParam, [0.0, 0.1]).build()
    found = ml.CrossValidator(estimator=lr, estimatorParamMaps=grid, evaluator="accuracy", numFolds=2).fit(indexed)
    assert found.bestModel.numClasses == 4


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_label_beyond_the_declared_classes_is_refused(indexed, name):
    told = indexed.withColumn("index", when(col("index") == 2, 7.0).otherwise(col("index")))
    told = told.withMetadata("index", indexed.schema["index"].metadata)
    with pytest.raises(InputError, match="the label's metadata declare 4 classes, but label 7 occurs: index the"):
        ml.estimator(name, labelCol="index", **CLASSIFIERS[name]).fit(told)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_row_of_weight_zero_is_absent_whatever_its_label(rows, name):
    estimator = ml.estimator(name, labelCol="label", weightCol="w", **CLASSIFIERS[name])
    kept = rows.withColumn("w", (col("label") < 2).cast("double"))
    without = estimator.fit(kept.where("w > 0"))
    for label in (2.0, 7.0, -1.0, 0.5):
        odd = kept.withColumn("label", when(col("w") == 0, label).otherwise(col("label")))
        model = estimator.fit(odd)
        assert model.numClasses == without.numClasses == 2, label
        if name != "RandomForestClassifier":  # which draws by position
            np.testing.assert_allclose(model.numpy_model.coef, without.numpy_model.coef, rtol=1e-4, err_msg=label)


WEIGHTS = {"a map": {1: 4.0}, "a list": [1.0, 4.0], "a map of digits": {"0": 1.0, "1": 4.0}}


@pytest.mark.parametrize(
    ("name", "form"),
    [*((name, "a map") for name in CLASSIFIERS), ("LinearSVC", "a list"), ("LogisticRegression", "a map of digits")],
)
def test_class_weights_are_taken_wherever_a_param_is(rows, tmp_path, name, form):
    estimator = ml.estimator(name, labelCol="binary", **CLASSIFIERS[name])
    wanted = estimator.copy().setParams(classWeight={0: 1.0, 1: 4.0}).fit(rows)
    plain = estimator.fit(rows)
    given = WEIGHTS[form]
    params = {estimator.classWeight: given}
    set_ = estimator.copy(params)
    set_.save(str(tmp_path / "estimator"))
    again = type(estimator).load(str(tmp_path / "estimator"))
    assert again.getClassWeight() == set_.getClassWeight()
    Pipeline(stages=[set_]).save(str(tmp_path / "pipeline"))
    grid = [{estimator.classWeight: given, estimator.predictionCol: "p"}]
    search = ml.CrossValidator(estimator=estimator, estimatorParamMaps=grid, evaluator="accuracy", numFolds=2)
    search.save(str(tmp_path / "search"))
    fits = {
        "copy": set_.fit(rows), "fit with params": estimator.fit(rows, params),
        "fit with maps": estimator.fit(rows, [params])[0], "loaded": again.fit(rows),
        "pipeline": Pipeline.load(str(tmp_path / "pipeline")).fit(rows).stages[0],
        "search": search.fit(rows).bestModel,
        "loaded search": ml.CrossValidator.load(str(tmp_path / "search")).fit(rows).bestModel,
    }  # fmt: skip
    fits["copy of the model"] = fits["copy"].copy()
    fits["copy"].save(str(tmp_path / "model"))
    fits["loaded model"] = type(wanted).load(str(tmp_path / "model"))
    for how, model in fits.items():
        assert model.getClassWeight() == set_.getClassWeight(), how
        assert same(model.numpy_model, wanted.numpy_model), how
        assert not same(model.numpy_model, plain.numpy_model), how


def same(one, other):
    """A search fits in other batches, whose sums are rounded otherwise."""
    if hasattr(one, "coef"):
        return np.allclose(one.coef, other.coef, rtol=1e-4)
    return all(np.array_equal(getattr(one, key), getattr(other, key)) for key in ("feature", "value"))


@pytest.mark.parametrize("family", ["auto", "multinomial"])
@pytest.mark.parametrize("label", [0, 1])
def test_one_label_alone_is_certain_as_in_pyspark_ml(rows, family, label):
    data = rows.withColumn("one", lit(float(label)))
    mine, theirs = (c(labelCol="one", family=family).fit(data) for c in (
        ml.LogisticRegression, classification.LogisticRegression))  # fmt: skip
    if label == 1:  # MLlib has a single class otherwise, and two here
        np.testing.assert_array_equal(mine.coefficientMatrix.toArray(), theirs.coefficientMatrix.toArray())
        np.testing.assert_array_equal(mine.interceptVector.toArray(), theirs.interceptVector.toArray())
    assert mine.numClasses == 2
    assert mine.summary.accuracy == theirs.summary.accuracy == 1
    for model in (mine, theirs):
        first = model.transform(data).first()
        assert (first.prediction, first.probability[label]) == (label, 1)
    assert mine.predictProbability(first.features).toArray().tolist() == [1 - label, label]


def test_one_label_alone_without_an_intercept_is_fitted(rows):
    model = ml.LogisticRegression(labelCol="one", fitIntercept=False, regParam=0.1).fit(rows)
    assert np.isfinite(model.numpy_model.coef).all()
