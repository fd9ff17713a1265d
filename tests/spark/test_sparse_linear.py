"""Sparse vectors through the estimators of linear models: read, fitted and predicted as CSR."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from rows import stored, vectors_in_order
from treefold import ml

pytestmark = pytest.mark.spark

RNG = np.random.default_rng(8)
ROWS, FEATURES = 300, 47_236


def test_47236_features_fit_and_predict_as_csr(spark, tmp_path):
    X = csr_array(random_array((ROWS, FEATURES), density=2e-3, format="csr", rng=RNG))
    score = np.asarray(X[:, :20_000].sum(axis=1) - X[:, 20_000:40_000].sum(axis=1)).ravel()
    frame = stored(vectors_in_order(spark, X, (score > 0) * 1.0, np.ones(ROWS)), tmp_path / "rows")
    model = ml.LogisticRegression(regParam=1e-3, elasticNetParam=0.5, maxIter=5).fit(frame)
    assert model.numFeatures == FEATURES
    assert 0 < np.count_nonzero(model.coefficients.toArray()) < FEATURES / 2
    made = model.transform(frame).select("features", "label", "prediction").collect()
    assert len(made) == ROWS
    for row in made[::20]:
        assert row.prediction == model.predict(row.features)
    assert np.mean([row.prediction == row.label for row in made]) > 0.9
    assert max(p.bytes_up for p in model.summary.passes) < 20 * 8 * FEATURES
