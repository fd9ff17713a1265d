"""Models as ONNX graphs, run by onnxruntime: outputs are equal to ours within a relative 1e-6."""

import builtins
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest

from treefold.algorithms import calibration, forest
from treefold.algorithms.forest import Settings
from treefold.algorithms.kmeans import KMeansModel
from treefold.algorithms.linear import LinearModel
from treefold.dataset.splits import Shared
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.interchange.onnx import exported

RNG = np.random.default_rng(6)
X = RNG.standard_normal((500, 4)) * [1, 10, 0.1, 3] + [0, 5, 1, 2]
COEF = RNG.standard_normal((3, 5)) / [1, 10, 0.1, 3, 1]
COEF[:, -1] = -COEF[:, :-1] @ X.mean(axis=0)
BAD = np.vstack([np.where(np.eye(4, dtype=bool), np.nan, 1.0), np.zeros((1, 4))])


def says_the_same(model, rows):
    session = onnxruntime.InferenceSession(exported(model).SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    want = model.outputs(rows)
    assert sorted(names) == sorted(want)
    for name, got in zip(names, session.run(None, {session.get_inputs()[0].name: rows}), strict=True):
        assert got.dtype.kind == want[name].dtype.kind
        np.testing.assert_allclose(got, want[name], rtol=1e-9, atol=1e-9, err_msg=name)


LINEAR = [
    LinearModel(COEF[:1], "identity"), LinearModel(COEF[:1] / 5, "log"), LinearModel(COEF[:1], "logistic"),
    LinearModel(COEF[:1], "logistic", 0.2), LinearModel(COEF, "softmax"), LinearModel(COEF[:2], "softmax"),
    LinearModel(COEF, "softmax", thresholds=(0.2, 0.7, 0.1)), LinearModel(COEF, "softmax", thresholds=(0.5, 0.0, 0.5)),
    LinearModel(COEF[:1], "margin", -1.5), LinearModel(COEF, "margin"), LinearModel(COEF * 500, "softmax"),
]  # fmt: skip


@pytest.mark.parametrize("model", LINEAR, ids=lambda m: f"{m.link} {len(m.coef)} {m.threshold} {m.thresholds}")
def test_linear(model):
    says_the_same(model, np.vstack([X, BAD]))
    assert len(set(model.predict(X))) > 1 or model.thresholds == (0.5, 0.0, 0.5)


@pytest.mark.parametrize("far", [0.0, 1e6])
@pytest.mark.parametrize("cosine", [False, True])
def test_kmeans(cosine, far):
    centres = X[:7] + far
    if cosine:
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    says_the_same(KMeansModel(centres, cosine), np.vstack([X + far, BAD]))


HOLES = np.where(RNG.random(X.shape) < 0.15, np.nan, X.round(1))
HOLES[:, 3] = np.where(RNG.random(500) < 0.1, np.nan, RNG.integers(0, 90, 500))
VALUE = np.nansum(X[:, :3], axis=1) + 20 * (np.nan_to_num(HOLES[:, 3], nan=7) % 3)
ODD = np.repeat(HOLES[:60], 2, axis=0)
ODD[:, 3] = np.tile([-1.0, -0.0, 0.5, 1.5, 89.0, 90.0, 1e300, 2.0**31 + 3, np.inf, -np.inf, 33.0, 64.0], 10)


@pytest.mark.parametrize("categorical", [(), (3,)], ids=["numeric", "categories"])
@pytest.mark.parametrize("impurity", ["gini", "variance"])
def test_forests_with_missing_values_and_categories(impurity, categorical):
    y = VALUE if impurity == "variance" else np.digitize(VALUE, [15.0, 35.0]) * 1.0
    settings = Settings(impurity, trees=7, max_depth=6, max_bins=100, categorical=categorical, seed=2)
    model = forest.fit(LocalBlocks.from_arrays(HOLES, y, dtype="float64"), settings).model
    assert (len(model.tables) > 5) == bool(categorical)
    assert (model.nan_left & (model.feature == 3)).any()
    rows = np.vstack([HOLES, ODD])
    says_the_same(model, rows)
    says_the_same(replace(model, with_leaves=True), rows)
    if model.classes:
        says_the_same(replace(model, thresholds=np.array([0.0, 0.2, 0.8])), rows)


def test_a_tree_that_is_a_leaf():
    model = forest.fit(LocalBlocks.from_arrays(X, np.ones(500), dtype="float64"), Settings("variance", trees=2)).model
    assert len(model.feature) == 2
    says_the_same(model, X)


def test_values_at_a_threshold_go_as_ours_do():
    y = (X[:, 0] > 0.1) * 1.0
    model = forest.fit(LocalBlocks.from_arrays(X, y, dtype="float64"), Settings("gini", trees=3, max_depth=3)).model
    split = model.feature >= 0
    rows = np.repeat(X[:1], 3 * split.sum(), axis=0)
    for i, (feature, cut) in enumerate(zip(model.feature[split], model.threshold[split], strict=True)):
        rows[3 * i : 3 * i + 3, feature] = np.nextafter(cut, -np.inf), cut, np.nextafter(cut, np.inf)
    says_the_same(model, rows)


def test_without_onnx_one_line_names_what_to_install(monkeypatch):
    real = builtins.__import__

    def absent(name, *args, **kwargs):
        if name == "onnx":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(
        InputError, match=r"^onnx is not installed: install treefold\[onnx\], or onnx, to export to it$"
    ):
        exported(LINEAR[0])


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("kind", ["linear", "forest"])
def test_calibrated_classifiers(kind, method, classes):
    score = X @ COEF[:classes, :-1].T + COEF[:classes, -1]
    y = np.argmax(score + RNG.gumbel(size=score.shape), axis=1) * 1.0
    blocks = LocalBlocks.from_arrays(X, y, dtype="float64")
    if kind == "forest":
        base = forest.fit(blocks, Settings("gini", trees=5, max_depth=4, seed=1)).model
    else:
        base = LinearModel(COEF[1:2] - COEF[:1], "logistic") if classes == 2 else LinearModel(COEF, "softmax")
    fitted, _ = calibration.fit(blocks, Shared(0.0), [base], method)
    model = calibration.CalibratedModel(base, fitted)
    assert len(np.unique(model.outputs(X)["probability"])) > 10
    says_the_same(model, np.vstack([X, X * 1e3, BAD]))
