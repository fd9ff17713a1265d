"""Linear models over CSR: the statistics, fits and predictions of the dense rows, at the cost of the stored entries."""

import tracemalloc

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from treefold.algorithms.linear import LinearModel, fit
from treefold.algorithms.linear.batch import LinearBatch
from treefold.algorithms.linear.gram import gram
from treefold.algorithms.linear.inference import infer
from treefold.algorithms.linear.losses import logistic, softmax, squared
from treefold.algorithms.linear.objective import objective
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.metrics import measure
from treefold.metrics.classification import label_counts
from treefold.statistics.label_summary import data_summary
from treefold.statistics.moments import moments

RNG = np.random.default_rng(31)
ROWS, FEATURES = 600, 40
X = random_array((ROWS, FEATURES), density=0.04, format="csr", rng=RNG)
X.data = X.data * 4 - 1
X = csr_array(X.toarray() * np.logspace(-2, 2, FEATURES))
LABEL = RNG.integers(0, 3, ROWS).astype(float)
WEIGHT = RNG.integers(0, 3, ROWS).astype(float)
COEF = RNG.standard_normal((2, 3, FEATURES + 1)) * 0.1


def dense(x=X, y=LABEL, weight=WEIGHT, dtype="float64"):
    return LocalBlocks.from_arrays(x.toarray(), y, weight, dtype=dtype)


@pytest.mark.parametrize("shift", [None, np.append(np.linspace(-1, 1, FEATURES), 0.0)], ids=["plain", "shifted"])
def test_sums_over_csr_are_those_over_dense_rows(sparse_engine, shift):
    blocks, whole = sparse_engine(X, LABEL, WEIGHT), dense()
    for loss, coef in ((softmax, COEF), (squared, COEF[:, :1])):
        args = (coef, loss, shift)
        for mine, theirs in zip(blocks.sum(objective, *args), whole.sum(objective, *args), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-9)
    for mine, theirs in zip(moments(blocks), moments(whole), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("lasso", [0.0, 0.01])
@pytest.mark.parametrize("loss", [logistic, squared])
def test_fits_of_csr_are_those_of_dense_rows(loss, lasso):
    label = np.minimum(LABEL, 1)
    fits = []
    for blocks in (LocalBlocks.from_arrays(X, label, WEIGHT, dtype="float64"), dense(y=label)):
        found = data_summary(blocks, classification=loss is logistic)
        fits.append(fit(blocks, loss, found, ridge=0.01, lasso=lasso, tol=1e-10, max_iter=500).coef)
    np.testing.assert_allclose(*fits, rtol=1e-6, atol=1e-8)
    X32 = LocalBlocks.from_arrays(X, label, WEIGHT)
    single = fit(X32, loss, data_summary(X32, classification=loss is logistic), ridge=0.01, lasso=lasso, tol=1e-6).coef
    np.testing.assert_allclose(single, fits[0], rtol=1e-2, atol=1e-2)


def test_a_full_column_far_from_zero_costs_csr_of_float32_no_digits():
    far = X.toarray()
    far[:, 3] = (1e5 + RNG.standard_normal(ROWS)).astype("f4")
    y = far[:, 3] - 1e5 + far[:, 10]
    single = LocalBlocks.from_arrays(csr_array(far), y)
    double = LocalBlocks.from_arrays(far, y, dtype="float64")
    pair = [fit(b, squared, data_summary(b, classification=False), ridge=0.01, tol=1e-7).coef[0, 0, :-1]
            for b in (single, double)]  # fmt: skip
    np.testing.assert_allclose(*(p * np.logspace(-2, 2, FEATURES) for p in pair), rtol=1e-3, atol=1e-3)


def test_models_predict_csr_as_dense_rows():
    for coef, link in ((COEF[0], "softmax"), (COEF[0, :1], "logistic"), (COEF[0, :1], "identity")):
        model = LinearModel(coef, link)
        for name, array in model.outputs(X).items():
            np.testing.assert_allclose(array, model.outputs(X.toarray())[name], rtol=1e-12, atol=1e-12)


def test_a_million_features_are_fitted_in_proportion_to_their_entries():
    rows, features, each = 3000, 1_000_000, 20
    column = np.sort(RNG.zipf(1.3, (rows, each)) % features, axis=1)
    wide = csr_array((np.ones(rows * each), column.ravel(), np.arange(0, rows * each + 1, each)), (rows, features))
    wide.sum_duplicates()
    y = (wide[:, [1]].toarray()[:, 0] > 1).astype(float)
    blocks = LocalBlocks.from_arrays(wide, y)
    tracemalloc.start()
    found = data_summary(blocks, classification=True)
    made = fit(blocks, logistic, found, ridge=1e-3, max_iter=4)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 * 8 * features  # dense rows would take 3000 times
    assert made.objective[0][-1] < made.objective[0][0]
    assert LinearModel(made.coef[0], "logistic").predict(wide).shape == (rows,)


def test_predictions_for_csr_are_measured_as_for_dense_rows(sparse_engine):
    batch = LinearBatch(COEF, "softmax")
    found, whole = (measure(blocks, batch, label_counts) for blocks in (sparse_engine(X, LABEL, WEIGHT), dense()))
    for mine, theirs in zip(found[0], whole[0], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10)
    label = X @ np.ones(FEATURES) + RNG.standard_normal(ROWS)
    for intercept in (True, False):
        errors = [
            infer(gram(blocks, 99), np.ones(FEATURES + 1), intercept=intercept, variance=2.0, freedom=ROWS).errors
            for blocks in (sparse_engine(X, label, WEIGHT), dense(y=label))
        ]
        np.testing.assert_allclose(*errors, rtol=1e-8)
