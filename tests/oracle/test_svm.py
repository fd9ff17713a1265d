"""Support vector machines against scikit-learn's LIBSVM."""

from itertools import combinations

import numpy as np
import pyarrow.parquet as pq
import pytest
from onnxruntime import InferenceSession
from sklearn.datasets import load_iris
from sklearn.svm import SVC, SVR, OneClassSVM

from treefold.algorithms.svm import Kernel, Machine, SvmModel, Task, fit
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.interchange.onnx import exported
from treefold.interchange.svm import scikit_learn

RNG = np.random.default_rng(5)
X = RNG.standard_normal((200, 6))
Y = (X[:, 0] * X[:, 1] + 0.5 * RNG.standard_normal(200) > 0).astype(float)
VALUE = np.sin(X[:, 0]) + 0.1 * RNG.standard_normal(200)
WEIGHT = RNG.random(200) + 0.2
TOL = 1e-6
SETTINGS = [
    {"kernel": "rbf", "gamma": 0.2},
    {"kernel": "poly", "gamma": 0.3, "degree": 2, "coef0": 1.0},
    {"kernel": "sigmoid", "gamma": 0.05, "coef0": -0.2},
]


def kernel_of(setting):
    return Kernel(setting["kernel"], setting.get("gamma", 1.0), setting.get("degree", 3), setting.get("coef0", 0.0))


def model_of(X, y, weight, solver, classes, machines):
    blocks = LocalBlocks.from_arrays(X, y, weight, dtype="float64")
    return SvmModel.of(fit(blocks, machines, solver=solver), classes)


@pytest.mark.parametrize("solver", ["direct", "cascade"])
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting["kernel"])
def test_classification_regression_and_one_class_are_those_of_libsvm(setting, solver, small_blocks):
    kernel = kernel_of(setting)
    cases = [
        (Task(), Y, 2, 0.5, SVC(C=0.5, tol=TOL, **setting).fit(X, Y, WEIGHT)),
        (Task("regression", 0.05), VALUE, 0, 0.5, SVR(C=0.5, epsilon=0.05, tol=TOL, **setting).fit(X, VALUE, WEIGHT)),
        (Task("one class", nu=0.2), Y, 0, 1.0, OneClassSVM(nu=0.2, tol=TOL, **setting).fit(X, None, WEIGHT)),
    ]
    at = np.random.default_rng(6).standard_normal((100, 6))
    for task, y, classes, cost, other in cases:
        model = model_of(X, y, WEIGHT, solver, classes, [Machine(task, kernel, cost, tol=TOL)])
        theirs = other.predict(at) if task.name == "regression" else other.decision_function(at)
        np.testing.assert_allclose(model.margin(at)[:, 0], theirs, atol=1e-4 * (1 + abs(theirs).max()))


@pytest.mark.parametrize("solver", ["direct", "cascade"])
def test_one_against_one_votes_as_libsvm(solver, small_blocks):
    X, y = load_iris(return_X_y=True)
    other = SVC(C=1.0, gamma=0.5, tol=1e-8, class_weight={0: 1, 1: 2, 2: 0.5}).fit(X, y)
    pairs = [(0, 1), (0, 2), (1, 2)]
    machines = [
        Machine(Task(), Kernel("rbf", 0.5), tol=1e-8, negative=a, positive=b, factors=(1.0, 2.0, 0.5)) for a, b in pairs
    ]
    model = model_of(X, y.astype(float), None, solver, 3, machines)
    assert len(model.support) == len(other.support_)
    assert (model.predict(X) == other.predict(X)).all()
    np.testing.assert_allclose(model.outputs(X)["rawPrediction"], other.decision_function(X), atol=1e-5)


@pytest.mark.parametrize("name", ["classification", "regression", "one class"])
@pytest.mark.parametrize("setting", [*SETTINGS, {"kernel": "linear"}], ids=lambda setting: setting["kernel"])
def test_scikit_learn_and_onnx_predict_the_same(setting, name):
    y, classes = (VALUE, 0) if name == "regression" else (Y, 2 if name == "classification" else 0)
    machine = Machine(Task(name, 0.05), kernel_of(setting), 0.5)
    centre = (
        2.0 if (name, setting["kernel"]) == ("one class", "linear") else 0.0
    )  # a plane does not part rows about the origin from it
    predict_the_same(model_of(X + centre, y, WEIGHT, "direct", classes, [machine]), centre)


def test_scikit_learn_and_onnx_predict_the_same_of_four_classes_on_scaled_features():
    y = np.digitize(VALUE, [-0.6, 0.0, 0.6]).astype(float)
    kernel, inverse = Kernel("rbf", 0.2), np.linspace(0.5, 2.0, 6)
    pairs = combinations(range(4), 2)
    machines = [Machine(Task(), kernel, inverse=inverse, negative=a, positive=b) for a, b in pairs]
    predict_the_same(model_of(X, y, None, "direct", 4, machines))


def predict_the_same(model, centre=0.0):
    at = np.random.default_rng(6).standard_normal((200, 6)) + centre
    at = at[(abs(model.margin(at)) > 1e-4).all(axis=1)]  # rows on a boundary may fall on either side
    assert len(at) > 190
    ours, other = model.outputs(at), scikit_learn(model)
    np.testing.assert_allclose(other.predict(at), ours["prediction"], atol=1e-4 if model.task == "regression" else 0)
    if model.task != "regression":
        raw = ours["rawPrediction"] if model.classes > 2 else model.margin(at)[:, 0]
        np.testing.assert_allclose(other.decision_function(at), raw, atol=1e-4)
    session = InferenceSession(exported(model).SerializeToString())
    names = [each.name for each in session.get_outputs()]
    assert set(names) == set(ours)
    for name, found in zip(names, session.run(None, {"features": at}), strict=True):
        np.testing.assert_allclose(found, ours[name], atol=1e-4)


def test_heart_scale_has_the_published_optimum(data_sets):
    table = pq.read_table(data_sets / "heart_scale/parquet")
    X = vectors(table["features"].to_pylist(), 13)
    y = table["label"].to_numpy()
    blocks = LocalBlocks.from_arrays(X, y, dtype="float64")
    for solver in ("direct", "cascade"):
        (found,) = fit(blocks, [Machine(Task(), Kernel("rbf", 1 / 13), tol=1e-8)], solver=solver)
        assert found.dual == pytest.approx(100.877291557, abs=1e-7)
        assert found.dual <= found.primal <= found.dual + 1e-5
        assert (found.support.size, (abs(found.support.coefficient) == 1).sum()) == (132, 107)


def test_pulsars_are_classified_as_by_libsvm(data_sets):
    table = pq.read_table(data_sets / "htru2/parquet")
    y = table["label"].to_numpy().astype(float)
    X = np.column_stack([table[name].to_numpy() for name in table.column_names if name != "label"])
    X = ((X - X.mean(axis=0)) / X.std(axis=0)).astype(np.float32)
    train = np.arange(len(y)) % 3 > 0
    other = SVC(C=1.0, gamma=1 / 8).fit(X[train], y[train])
    blocks = LocalBlocks.from_arrays(X[train], y[train])
    for solver in ("direct", "cascade"):
        model = SvmModel.of(fit(blocks, [Machine(Task(), Kernel("rbf", 1 / 8))], solver=solver), 2)
        assert (model.predict(X[~train]) == other.predict(X[~train])).mean() > 0.999


def vectors(rows, width):
    """Dense rows of vectors of pyspark.ml as Parquet has them."""
    made = np.zeros((len(rows), width))
    for into, row in zip(made, rows, strict=True):
        if row["type"] == 1:
            into[:] = row["values"]
        else:
            into[row["indices"]] = row["values"]
    return made
