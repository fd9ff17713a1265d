"""Sparse vectors through the estimators of linear models: LIBSVM files and Parquet, fitted and predicted as CSR."""

import resource
import sys

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import dump_svmlight_file

from rows import stored, vectors_in_order
from treefold import ml

pytestmark = pytest.mark.spark

RNG = np.random.default_rng(8)
DENSE = 500e6  # bytes that the rows would take at least if they were made dense
SIZES = [(20_000, 47_236), (400, 1_000_000)]
ENTRIES = 60  # of a row


def sparse_rows(count, features):
    places = RNG.integers(0, features, (count, ENTRIES), np.int32).ravel()
    starts = np.arange(0, count * ENTRIES + 1, ENTRIES, dtype=np.int32)
    X = csr_array((RNG.uniform(0.5, 1, count * ENTRIES), places, starts), (count, features))
    X.sum_duplicates()
    return X


def most_memory(spark) -> float:
    """Bytes that any worker has ever had; the driver has no rows."""

    def peak(_):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

    return max(spark.sparkContext.parallelize(range(2), 2).map(peak).collect())


@pytest.mark.parametrize(("count", "features"), SIZES)
def test_libsvm_files_are_fitted_and_predicted_as_csr(spark, tmp_path, count, features):
    X = sparse_rows(count, features)
    score = np.asarray(X[:, ::2].sum(axis=1) - X[:, 1::2].sum(axis=1)).ravel()
    dump_svmlight_file(X, (score > 0) * 1.0, str(tmp_path / "rows.svm"), zero_based=False)
    frame = spark.read.format("libsvm").option("numFeatures", str(features)).load(str(tmp_path / "rows.svm"))
    assert count * features * 4 > DENSE
    before = most_memory(spark)
    fit = ml.LogisticRegression(regParam=0.01, elasticNetParam=0.2, maxIter=3)
    with fit.open(frame) as blocks:
        assert sum(blocks.parts.map(lambda part: part.shape.bytes).collect()) < 20 * X.nnz
    model = fit.fit(frame)
    made = model.transform(frame).select("label", "prediction").toPandas()
    squares = ml.LinearRegression(maxIter=1).fit(frame).summary  # too many features for products of all with all
    assert most_memory(spark) - before < DENSE
    assert max(p.bytes_up for p in squares.passes) < 50 * 8 * features
    assert model.numFeatures == features
    assert 0 < np.count_nonzero(model.coefficients.toArray()) < features / 2
    np.testing.assert_array_equal(made.prediction, model.numpy_model.predict(X))
    assert (made.prediction == made.label).mean() > 0.8
    assert max(p.bytes_up for p in model.summary.passes) < 50 * 8 * features


def test_vectors_in_parquet_are_fitted_and_predicted_as_those_of_libsvm_are(spark, tmp_path):
    X = sparse_rows(300, 2000)
    y = (X[:, ::2] @ np.ones(1000) > 22) * 1.0
    dump_svmlight_file(X, y, str(tmp_path / "rows.svm"), zero_based=False)
    text = spark.read.format("libsvm").option("numFeatures", "2000").load(str(tmp_path / "rows.svm"))
    files = stored(vectors_in_order(spark, X, y, np.ones(300)), tmp_path / "rows")
    fits = [ml.LogisticRegression(regParam=1e-3).fit(frame) for frame in (text, files)]
    assert [fit.summary.passes[0].source for fit in fits] == ["dataframe", "parquet"]
    np.testing.assert_array_equal(*(fit.numpy_model.coef for fit in fits))
