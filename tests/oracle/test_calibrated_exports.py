"""Calibrated classifiers as scikit-learn's: they predict the same probabilities."""

import numpy as np
import pytest

from treefold.algorithms import calibration, forest, svm
from treefold.algorithms.linear import LinearModel
from treefold.algorithms.perceptron import PerceptronModel
from treefold.algorithms.perceptron.losses import CrossEntropy
from treefold.dataset.splits import Shared
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.interchange.calibrated import scikit_learn

RNG = np.random.default_rng(8)
X = RNG.standard_normal((300, 3)).astype(np.float32).astype(np.float64)  # scikit-learn's trees read float32
COEF = np.array([[1.0, -1, 0, 0.2], [0, 1.5, -1, 0], [-1, 0, 2, -0.3]])


def blocks_of(classes):
    score = X @ COEF[:classes, :-1].T + COEF[:classes, -1]
    y = np.argmax(score + RNG.gumbel(size=score.shape), axis=1) * 1.0
    return LocalBlocks.from_arrays(X, y, dtype="float64")


def machines(blocks, classes):
    pairs = [(a, b) for b in range(classes) for a in range(b)]
    made = [svm.Machine(svm.Task(), svm.Kernel("rbf", 0.5), 1.0, negative=a, positive=b) for a, b in pairs]
    return svm.SvmModel.of(svm.fit(blocks, made, solver="direct"), classes)


KINDS = {
    "margins": lambda blocks, classes: LinearModel(COEF[1:2] - COEF[:1], "margin", -1.0),
    "logistic": lambda blocks, classes: LinearModel(COEF[1:2] - COEF[:1], "logistic", 0.3),
    "softmax": lambda blocks, classes: LinearModel(COEF[:classes], "softmax"),
    "forest": lambda blocks, classes: forest.fit(blocks, forest.Settings("gini", trees=5, max_depth=4, seed=1)).model,
    "machines": machines,
}


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize(
    ("kind", "classes"),
    [("margins", 2), ("logistic", 2), ("softmax", 2), ("softmax", 3), ("forest", 2), ("forest", 3), ("machines", 2),
     ("machines", 3)],
)  # fmt: skip
def test_probabilities_are_the_same(kind, classes, method):
    blocks = blocks_of(classes)
    base = KINDS[kind](blocks, classes)
    model = calibration.CalibratedModel(base, calibration.fit(blocks, Shared(0.0), [base], method)[0])
    theirs = scikit_learn(model)
    mine = model.outputs(X)["probability"]
    assert len(np.unique(mine)) > 5
    within = 1e-3 if method == "isotonic" else 1e-5  # between two points an isotonic function may be steep
    np.testing.assert_allclose(theirs.predict_proba(X), mine, atol=within)
    clear = np.diff(np.sort(mine, axis=1)[:, -2:], axis=1)[:, 0] > 2 * within
    np.testing.assert_array_equal(theirs.predict(X)[clear], model.predict(X)[clear])


def test_a_perceptron_is_refused():
    blocks = blocks_of(2)
    base = PerceptronModel((3, 2), RNG.standard_normal(8), "tanh", CrossEntropy().link)
    model = calibration.CalibratedModel(base, calibration.fit(blocks, Shared(0.0), [base], "sigmoid")[0])
    with pytest.raises(InputError, match="scikit-learn has no calibrated PerceptronModel"):
        scikit_learn(model)
