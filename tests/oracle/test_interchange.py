"""Linear models as scikit-learn's: they predict the same."""

import numpy as np
import pytest

from treefold.algorithms.linear import LinearModel
from treefold.errors import InputError
from treefold.interchange import scikit
from treefold.metrics.predictions import Several

RNG = np.random.default_rng(3)
X = RNG.standard_normal((500, 4)) * [1, 10, 0.1, 3] + [0, 5, 1, 2]
COEF = RNG.standard_normal((3, 5)) / [1, 10, 0.1, 3, 1]


@pytest.mark.parametrize("outputs", [2, 3])
def test_softmax(outputs):
    model = LinearModel(COEF[:outputs], "softmax")
    theirs = scikit.linear(model)
    np.testing.assert_allclose(theirs.predict_proba(X), model.probability(X), atol=1e-12)
    np.testing.assert_array_equal(theirs.predict(X), model.predict(X))


@pytest.mark.parametrize("threshold", [0.5, 0.2, 0.9, 0.0, 1.0])
def test_logistic(threshold):
    model = LinearModel(COEF[:1], "logistic", threshold)
    theirs = scikit.linear(model)
    np.testing.assert_allclose(theirs.predict_proba(X), model.probability(X), atol=1e-12)
    np.testing.assert_array_equal(theirs.predict(X), model.predict(X))


@pytest.mark.parametrize("threshold", [0.0, -1.5, 2.0])
@pytest.mark.parametrize("outputs", [1, 3])
def test_margins(outputs, threshold):
    model = LinearModel(COEF[:outputs], "margin", threshold)
    theirs = scikit.linear(model)
    decision = theirs.decision_function(X)
    np.testing.assert_allclose(decision, model.margin(X) if outputs > 1 else model.margin(X)[:, 1], atol=1e-12)
    np.testing.assert_array_equal(theirs.predict(X), model.predict(X))


def test_identity():
    model = LinearModel(COEF[:1], "identity")
    np.testing.assert_allclose(scikit.linear(model).predict(X), model.predict(X), rtol=1e-12)


def test_what_scikit_learn_has_not_is_refused():
    with pytest.raises(InputError, match="scikit-learn has no thresholds for several classes"):
        scikit.linear(LinearModel(COEF, "softmax", thresholds=(0.1, 0.2, 0.7)))
    with pytest.raises(InputError, match="a model with the link margin has no probabilities: use margin"):
        LinearModel(COEF, "margin").probability(X)


def test_thresholds_scale_probabilities_and_a_threshold_of_zero_wins():
    probability = LinearModel(COEF, "softmax").probability(X)
    for thresholds in [(0.2, 0.7, 0.1), (1.0, 1.0, 1.0)]:
        model = LinearModel(COEF, "softmax", thresholds=thresholds)
        np.testing.assert_array_equal(model.predict(X), (probability / thresholds).argmax(axis=1))
    assert set(LinearModel(COEF, "softmax", thresholds=(0.5, 0.0, 0.5)).predict(X)) == {1.0}


def test_a_batch_is_its_models_each_with_its_thresholds():
    many = [LinearModel(COEF * k, "softmax", thresholds=t) for k, t in ((1, None), (2, (0.1, 0.2, 0.9)))]
    two = [LinearModel(COEF[:1] * k, "logistic", t) for k, t in ((1, 0.2), (2, 0.9))]
    for models in (many, two):
        together = Several.of(models).predictions(X)
        for m, model in enumerate(models):
            np.testing.assert_array_equal(together.value[m], model.predict(X))
            np.testing.assert_allclose(together.probability[m].T, model.probability(X), atol=1e-12)
