"""Differentially private fits of linear estimators over blocks: what they spend, say, refuse and replay."""

import json

import numpy as np
import pytest

from treefold import LocalBlocks, load
from treefold.errors import InputError
from treefold.ml import LinearRegression, LinearSVC, LogisticRegression, PoissonRegression, fill
from treefold.persistence.checkpoint import Checkpoint

PRIVATE = {"solver": "dpgd", "privacyEpsilon": 3.0, "maxIter": 8, "stepSize": 1.0}


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(3000, 3))
    return X, (X[:, 0] > 0).astype(float) + (X[:, 1] > 1)


def fitted(estimator, rows, checkpoint=None):
    X, y = rows
    several = estimator.hasParam("classes") and estimator.isSet("classes") and estimator.getClasses() > 2
    labels = y if several else np.minimum(y, 1)
    blocks = estimator.with_noise(LocalBlocks.from_arrays(X, labels))
    blocks = checkpoint.over(blocks) if checkpoint else blocks
    return estimator.build_model(estimator.fit_batch(blocks, [estimator]), list(blocks.passes))


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(**PRIVATE, classes=2),
        LogisticRegression(**PRIVATE, classes=3),
        LinearSVC(**PRIVATE, classes=3),
        LinearSVC(**PRIVATE, classes=2, loss="squaredHinge"),
        LinearRegression(**PRIVATE, fitIntercept=False),
        LogisticRegression(**PRIVATE, classes=3, featureClip=3.0),
        LinearRegression(**PRIVATE, fitIntercept=False, featureClip=3.0),
    ],
    ids=["logistic", "softmax", "svc", "squared hinge", "linear", "softmax standardised", "linear standardised"],
)
def test_a_private_model_says_what_it_has_spent(rows, tmp_path, estimator):
    seen = []
    model = fitted(estimator.watch(seen.append), rows)
    told = model.training_summary.to_dict()
    assert told["epsilon"] == pytest.approx(3.0, rel=1e-6)
    assert "objective" not in told
    assert model.training_summary.charts() == []
    looks = int(estimator.isSet("featureClip"))
    assert [each.iteration for each in seen] == list(range(1, 9 + looks))
    spent = [each.figures["epsilon spent"] for each in seen]
    assert spent == sorted(spent)
    assert spent[-1] == told["epsilon"]
    assert len(model.training_summary.passes) == 9 + looks
    assert (model.numpy_model.coef[:, -1] == 0).all() == (not estimator.getFitIntercept())
    fill(model, tmp_path / "model")
    assert load(str(tmp_path / "model")).privacy == model.numpy_model.privacy
    assert json.loads((tmp_path / "model/model.json").read_text())["facts"]["privacy"]["epsilon"] == told["epsilon"]
    other = fitted(estimator, rows)
    assert not np.array_equal(other.numpy_model.coef, model.numpy_model.coef), "the noise is drawn anew"


def test_a_resumed_fit_has_the_noise_of_the_passes_before(rows, tmp_path):
    """Of the sums of a fit that goes on, only those that are not in the checkpoint are drawn."""

    class Stopped(Exception):
        pass

    def stop(progress):
        if progress.iteration == 5:
            raise Stopped

    def checkpoint():
        return Checkpoint(str(tmp_path / "checkpoint"), "job", every=1, resume=True)

    estimator = LogisticRegression(**PRIVATE, classes=2)
    with pytest.raises(Stopped):
        fitted(estimator.copy().watch(stop), rows, checkpoint())
    before = [entry.answer for entry in checkpoint().known]
    assert len(before) == 6
    model = fitted(estimator, rows, checkpoint())
    after = [entry.answer for entry in checkpoint().known]
    assert len(after) == 9
    for one, other in zip(before[1:], after[1:6], strict=True):
        np.testing.assert_array_equal(one.gradient, other.gradient)
    again = fitted(estimator, rows, checkpoint())
    np.testing.assert_array_equal(again.numpy_model.coef, model.numpy_model.coef)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (LogisticRegression(**PRIVATE | {"privacyEpsilon": None}, classes=3), "set privacyEpsilon"),
        (LogisticRegression(**PRIVATE), "set classes"),
        (LogisticRegression(**PRIVATE, classes=3, elasticNetParam=0.5), "reads no elasticNetParam"),
        (LogisticRegression(**PRIVATE | {"maxIter": 0}, classes=3), "raise maxIter"),
        (LinearRegression(**PRIVATE, loss="huber"), "use another solver"),
        (PoissonRegression(solver="dpgd"), "use another solver"),
        (LogisticRegression(clip=2.0), "solver auto reads no clip"),
        (LogisticRegression(featureClip=2.0), "solver auto reads no featureClip"),
    ],
)
def test_a_private_fit_that_would_not_be_one_is_refused(rows, estimator, message):
    with pytest.raises(InputError, match=message):
        fitted(estimator, rows)


@pytest.mark.parametrize(
    ("changed", "less_noise"), [({"privacyEpsilon": 6.0}, 1), ({"privacyDelta": 1e-3}, 1), ({"maxIter": 16}, -1)]
)
def test_each_param_of_the_budget_changes_the_noise(rows, changed, less_noise):
    of = [
        fitted(LinearSVC(**PRIVATE | params, classes=2), rows).numpy_model.privacy
        for params in ({"clip": 0.5}, {"clip": 0.5} | changed)
    ]
    assert np.sign(of[0]["noise_multiplier"] - of[1]["noise_multiplier"]) == less_noise
    assert of[0]["clip"] == 0.5


def test_blocks_without_noise_and_batches_are_refused(rows):
    estimator = LogisticRegression(**PRIVATE, classes=3)
    blocks = LocalBlocks.from_arrays(*rows)
    for given, trials in ((blocks, [estimator]), (estimator.with_noise(blocks), [estimator, estimator])):
        with pytest.raises(InputError, match="without noise"):
            estimator.fit_batch(given, trials)
    assert blocks.passes == []
