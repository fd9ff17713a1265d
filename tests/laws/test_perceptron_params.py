"""Params of the perceptrons: each one changed changes the fit."""

import numpy as np
import pytest

from treefold import ml
from treefold.algorithms.perceptron import Layers, PerceptronModel
from treefold.dataset.block import Block
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.optim.status import DIVERGED, MAX_ITER
from treefold.persistence import model_io

RNG = np.random.default_rng(8)
ROWS = 80
X = RNG.standard_normal((ROWS, 3))
LABELS = {ml.MultilayerPerceptronClassifier: (X[:, 0] * X[:, 1] > 0.3) * 1.0,
          ml.MultilayerPerceptronRegressor: RNG.poisson(np.exp(X[:, 0])) * 1.0}  # fmt: skip
OUT = RNG.random(ROWS) < 0.4
PARTS = [slice(first, first + 16) for first in range(0, ROWS, 16)]
BLOCKS = {
    kind: LocalBlocks([Block(X[part], y[part], np.ones(16), part.start, (OUT[part] * 1.0,)) for part in PARTS])
    for kind, y in LABELS.items()
}
OTHERS = {  # where rows come from and are stored, where predictions go, when a class is predicted
    "featuresCol", "labelCol", "weightCol", "predictionCol", "probabilityCol", "rawPredictionCol", "dtype", "numTasks",
    "thresholds", "blockSize",
    "privacyEpsilon", "privacyDelta", "clip",  # which solver dpgd reads: see test_private_perceptron.py
}  # fmt: skip
BATCHES = {"solver": "minibatch", "batchSize": 16, "maxEpochs": 3}
LOCAL = BATCHES | {"solver": "localsgd", "batchSize": 4}
LONG = BATCHES | {"validationFraction": 0.3, "maxEpochs": 40, "stepSize": 0.3}
CHANGES = {  # param: its new value, and the params beside it, or several such pairs
    "layers": [([3, 4, 2], {}), ([3, 4, 1], {})], "activation": ("tanh", {}), "maxIter": (1, {}), "tol": (0.5, {}),
    "solver": [("gd", {}), ("minibatch", {}), ("localsgd", BATCHES)],
    "stepSize": [(0.5, {"solver": "gd"}), (0.5, BATCHES), (0.5, LOCAL)],
    "localLanes": (2, LOCAL), "slowMomentum": (0.5, LOCAL),
    "regParam": [(1.0, {}), (1.0, BATCHES), (1.0, BATCHES | {"updater": "adamw"})], "seed": [(1, {}), (1, BATCHES)],
    "nInit": (4, {}), "initialWeights": ("", {}), "initialModel": ("", {}),
    "batchSize": (20, BATCHES), "maxEpochs": (2, BATCHES), "updater": [("adamw", BATCHES | {"regParam": 0.5}),
                                                                      ("sgd", BATCHES)],
    "momentum": (0.5, BATCHES | {"updater": "sgd"}), "nesterov": (False, BATCHES | {"updater": "sgd"}),
    "stepRule": [("invscaling", BATCHES), ("onecycle", BATCHES), ("adaptive", BATCHES | {"maxEpochs": 60,
                                                                                        "stepSize": 0.5})],
    "dropout": (0.3, BATCHES), "validationIndicatorCol": ("out", {"tol": 0.0}),
    "validationFraction": [(0.3, {"tol": 0.0}), (0.3, BATCHES)], "earlyStoppingRounds": (1, LONG),
    "classWeight": ({1: 3.0}, {}), "loss": [("huber", {}), ("poisson", {})], "epsilon": (0.2, {"loss": "huber"}),
}  # fmt: skip


def fitted(kind, **params):
    outputs = 2 if kind is ml.MultilayerPerceptronClassifier else 1
    quick = {} if params.get("solver") in ("minibatch", "localsgd") else {"maxIter": 6}
    estimator = kind(**{"layers": [3, 5, outputs]} | quick | params)
    (model,) = estimator.fit_batch(BLOCKS[kind], [estimator]).numpy_models
    return model.weights


def pairs_of(name):
    return CHANGES[name] if isinstance(CHANGES[name], list) else [CHANGES[name]]


def changes():
    return [
        pytest.param(kind, name, value, beside, id=f"{kind.__name__} {name} {value} {beside.get('solver', '')}")
        for kind in LABELS
        for name in CHANGES
        if kind().hasParam(name)
        for value, beside in pairs_of(name)
        if name != "layers" or value[-1] == (2 if kind is ml.MultilayerPerceptronClassifier else 1)
    ]


@pytest.mark.parametrize(("kind", "name", "value", "beside"), changes())
def test_each_param_changed_changes_the_fit(kind, name, value, beside, tmp_path):
    sizes = (3, 5, 2 if kind is ml.MultilayerPerceptronClassifier else 1)
    given = RNG.standard_normal(Layers(sizes).size)
    if name == "initialWeights":
        value = given.tolist()
    if name == "initialModel":
        value = str(tmp_path)
        model_io.save(PerceptronModel(sizes, given, "relu", "identity"), tmp_path)
    first, other = fitted(kind, **beside), fitted(kind, **beside | {name: value})
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_a_rate_at_which_a_model_of_a_batch_diverges_is_named_and_the_others_are_those_alone(caplog):
    kind = ml.MultilayerPerceptronClassifier
    params = BATCHES | {"layers": [3, 5, 2], "updater": "sgd"}
    trials = [kind(**params, stepSize=rate) for rate in (0.02, 1e30, 0.05)]
    with np.errstate(all="ignore"):
        batch = trials[0].fit_batch(BLOCKS[kind], trials)
    assert batch.status.tolist() == [MAX_ITER, DIVERGED, MAX_ITER]
    (line,) = [record.message for record in caplog.records if "diverged" in record.message]
    assert line.startswith("model 2 of 3: the fit diverged: stepSize 1e+30 is too large: lower it")
    for number in (0, 2):
        alone = fitted(kind, **params, stepSize=trials[number].getStepSize())
        np.testing.assert_array_equal(batch.numpy_models[number].weights, alone)


@pytest.mark.parametrize("solver", ["minibatch", "localsgd", "l-bfgs"])
@pytest.mark.parametrize("label", [2.0, -1.0, 0.5, np.nan])
def test_a_label_out_of_range_ends_the_fit_before_its_first_step(label, solver):
    y = LABELS[ml.MultilayerPerceptronClassifier].copy()
    y[37] = label
    blocks = LocalBlocks.from_arrays(X, y)
    estimator = ml.MultilayerPerceptronClassifier(layers=[3, 5, 2], solver=solver)
    wanted = "layers end with 2, but label 2 occurs" if label == 2 else f"label {label:g} in row 37 is out of range"
    with pytest.raises(InputError, match=wanted):
        estimator.fit_batch(blocks, [estimator])
    assert [one.name for one in blocks.passes] == ["block_summary"]


@pytest.mark.parametrize("kind", LABELS)
def test_every_param_is_tried(kind):
    for param in kind().params:
        assert (param.name in OTHERS) != (param.name in CHANGES), param.name
