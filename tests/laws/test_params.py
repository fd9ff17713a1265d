"""Params of the linear estimators: each one changed changes the fit, and one that nothing reads is refused."""

import ast
from functools import cache

import numpy as np
import pytest

from treefold import ml
from treefold.algorithms.linear import LinearModel
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.persistence import model_io

RNG = np.random.default_rng(6)
ROWS = 80
X = RNG.standard_normal((ROWS, 3)) * [1, 5, 0.2] + [0, 10, 1]
SCORE = (X - X.mean(axis=0)) / X.std(axis=0) @ [1, -2, 0.5] + RNG.logistic(size=ROWS)
LABELS = {"value": 100 + 20 * SCORE, "class": (SCORE > 0.8) * 1.0, "count": RNG.poisson(np.exp(SCORE / 3)) * 1.0}
KINDS = {
    ml.LinearRegression: "value", ml.LogisticRegression: "class", ml.LinearSVC: "class", ml.LinearSVR: "value",
    ml.QuantileRegression: "value", ml.PoissonRegression: "count",
}  # fmt: skip
OFFSET = RNG.standard_normal(ROWS)
BLOCKS = {name: LocalBlocks.from_arrays(X, y, extra=[OFFSET > 0.5], dtype="float64") for name, y in LABELS.items()}

OTHERS = {  # where rows come from and are stored, where predictions go, when a class is predicted
    "featuresCol", "labelCol", "weightCol", "predictionCol", "probabilityCol", "rawPredictionCol", "dtype", "numTasks",
    "threshold", "thresholds", "aggregationDepth", "maxBlockSizeInMB",
    # Solver dpgd reads these: see test_private_fits.py.
    "privacyEpsilon", "privacyDelta", "clip", "featureClip", "classes",
}  # fmt: skip
GD = {"solver": "gd", "stepRule": "constant", "stepSize": 0.1}
SGD, LOCAL = {"solver": "sgd", "stepSize": 0.1}, {"solver": "localsgd", "stepSize": 0.1}
QUICK = {"solver": "lbfgs", "maxIter": 3}
CHANGES = {  # param: its new value, and the params beside it, or several such pairs
    "maxIter": (1, {"solver": "lbfgs"}), "tol": (0.5, {"solver": "lbfgs"}), "regParam": (1.0, {}),
    "elasticNetParam": [(0.5, {}), (0.5, GD), (0.5, SGD), (0.5, {"solver": "gd"})], "fitIntercept": (False, {}),
    "standardization": (False, {}),
    "solver": [("gd", {"maxIter": 5}), ("sgd", {"maxIter": 5}), ("newton", {"solver": "lbfgs"}),
               ("localsgd", {"maxIter": 5}), ("normal", {"solver": "lbfgs"})],
    "stepSize": [(0.05, GD), (0.05, SGD), (0.05, LOCAL)],
    "stepRule": [("invscaling", GD), ("constant", SGD), ("adaptive", SGD), ("onecycle", GD), ("constant", LOCAL)],
    "momentum": [(0.5, GD), (0.5, SGD), (0.5, LOCAL)],
    "nesterov": [(True, GD | {"momentum": 0.5}), (True, SGD | {"momentum": 0.5}), (True, LOCAL | {"momentum": 0.5})],
    "updater": [("adam", GD), ("adagrad", SGD), ("adam", LOCAL)],
    "averaging": [(True, GD), (True, SGD), (True, LOCAL)],
    "miniBatchFraction": (0.5, SGD), "batchSize": (5, LOCAL), "seed": [(1, SGD), (1, LOCAL)],
    "loss": [("huber", {}), ("squaredHinge", {})], "epsilon": [(2.0, {"loss": "huber"}), (3.0, {})],
    "smoothing": [(0.5, {}), (0.5, {"solver": "gd", "maxIter": 9})], "quantile": (0.2, {}), "initialModel": ("", QUICK),
    "validationIndicatorCol": ("out", {"tol": 0.0}), "validationFraction": (0.3, {"tol": 0.0}),
    "earlyStoppingRounds": (1, SGD | {"validationFraction": 0.3, "tol": 0.0, "maxIter": 40, "seed": 2,
                                    "stepRule": "constant"}),
    "offsetCol": [("o", {}), ("o", {"solver": "newton"}), ("o", GD), ("o", SGD), ("o", LOCAL)],
    "classWeight": [("balanced", {}), ({1: 3.0}, {})], "family": ("multinomial", {}),
    "lowerBoundsOnCoefficients": ([[0.0, 0.0, 0.0]], {}), "upperBoundsOnCoefficients": ([[0.0, 0.0, 0.0]], {}),
    "lowerBoundsOnIntercepts": ([30.0], {}), "upperBoundsOnIntercepts": ([-30.0], {}),
}  # fmt: skip


def pairs_of(name):
    return CHANGES[name] if isinstance(CHANGES[name], list) else [CHANGES[name]]


def fitted(kind, **params):
    estimator = kind(**{"regParam": 0.1, "maxIter": 8} | params)
    (numpy_model,) = estimator.fit_batch(BLOCKS[KINDS[kind]], [estimator]).numpy_models
    return numpy_model.coef


@cache
def base(kind, beside):
    return fitted(kind, **ast.literal_eval(beside))


def valid(kind, params):
    """Whether the estimator has such params."""
    if params.get("solver") == "newton" and kind is ml.LinearSVC:
        return False  # of the loss it begins with
    if params.get("loss") == "huber" and any("Bounds" in name for name in params):
        return False
    if kind is ml.LinearRegression and "epsilon" in params and "loss" not in params:
        return False
    try:
        return bool(kind(**params))
    except InputError:
        return False


def changes():
    return [
        pytest.param(kind, name, value, beside, id=f"{kind.__name__} {name} {value} {beside.get('solver', '')}")
        for kind in KINDS
        for name in CHANGES
        for value, beside in pairs_of(name)
        if valid(kind, beside | {name: value})
    ]


@pytest.mark.parametrize(("kind", "name", "value", "beside"), changes())
def test_each_param_changed_changes_the_fit(kind, name, value, beside, tmp_path):
    if name == "initialModel":
        value = str(tmp_path)
        model_io.save(LinearModel(np.array([[1.0, -1.0, 2.0, 0.5]]), "identity"), tmp_path)
    first, other = base(kind, str(beside)), fitted(kind, **beside | {name: value})
    assert first.shape != other.shape or not np.array_equal(first, other)


@pytest.mark.parametrize("kind", KINDS)
def test_every_param_is_tried(kind):
    for param in kind().params:
        tried = [value for value, beside in pairs_of(param.name) if valid(kind, beside | {param.name: value})] if (
            param.name in CHANGES) else []  # fmt: skip
        assert (param.name in OTHERS) != bool(tried), param.name


UNREAD = [
    (ml.LinearSVC, {"stepSize": 0.5}, "solver auto reads no stepSize: leave it out, or use gd or sgd or localsgd"),
    (ml.PoissonRegression, {"solver": "newton", "momentum": 0.5}, "solver newton reads no momentum"),
    (ml.LinearRegression, {"solver": "normal", "seed": 3}, "solver normal reads no seed: leave it out, or use auto"),
    (ml.LogisticRegression, {"solver": "localsgd", "miniBatchFraction": 0.5}, "solver localsgd reads no miniBatchFr"),
    (ml.LogisticRegression, {"solver": "sgd", "batchSize": 5}, "solver sgd reads no batchSize"),
    (ml.LinearSVC, {"solver": "sgd", "stepRule": "backtracking"}, "solver sgd cannot see whether a step was too long"),
    (ml.LinearSVC, {"solver": "gd", "momentum": 0.5}, "stepRule backtracking takes no momentum: use another stepRule"),
    (ml.LinearSVC, {"solver": "gd", "updater": "adam"}, "stepRule backtracking takes no updater"),
    (ml.LinearSVC, {"solver": "gd", "averaging": True}, "stepRule backtracking takes no averaging"),
    (ml.LinearSVC, GD | {"nesterov": True}, "nesterov is a way of momentum, which is 0: set momentum"),
    (ml.LinearSVC, SGD | {"updater": "adam", "momentum": 0.5}, "updater adam has a momentum of its own"),
    (ml.LinearSVC, SGD | {"smoothing": 0.5}, "solver sgd reads no smoothing"),
    (ml.LinearSVC, GD | {"momentum": 0.5, "smoothing": 0.5}, "solver gd takes the loss as it is, without smoothing"),
    (ml.LinearSVC, {"loss": "squaredHinge", "smoothing": 0.5}, "loss squaredHinge has no kink: leave smoothing out"),
    (ml.LinearSVC, {"solver": "newton"}, "loss hinge has no solver newton: use auto, lbfgs or gd"),
    (
        ml.LinearRegression,
        {"loss": "huber", "upperBoundsOnCoefficients": [1.0, 1.0, 1.0]},
        "loss huber takes no bounds",
    ),
    (ml.LogisticRegression, {"family": "multinomial", "offsetCol": "o"}, "an offset moves the margins of all classes"),
    (ml.LinearRegression, {"epsilon": 2.0}, "loss squaredError reads no epsilon: leave it out, or use loss huber"),
    (ml.LinearRegression, {"loss": "huber", "solver": "normal"}, "loss huber has no solver normal"),
    (ml.LinearSVC, LOCAL | {"regParam": 0.1, "elasticNetParam": 0.5}, "neither local steps nor AdaGrad and Adam take"),
]


@pytest.mark.parametrize(("kind", "params", "message"), UNREAD, ids=lambda v: None if isinstance(v, type) else str(v))
def test_a_param_that_nothing_reads_is_refused(kind, params, message):
    with pytest.raises(InputError, match=message):
        fitted(kind, **params)
    assert fitted(ml.LogisticRegression, stepSize=1.0, momentum=0.0).shape == (1, 4)  # defaults that are set are none
