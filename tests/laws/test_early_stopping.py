"""Early stopping: a fit of the other rows, which ends when the held-out loss rises, at its least."""

from functools import partial

import numpy as np
import pytest
from scipy.sparse import csr_array

from rows import ragged
from treefold import ml
from treefold.algorithms.linear import fit
from treefold.algorithms.linear.losses import Hinge, logistic, squared
from treefold.dataset.folds import training
from treefold.dataset.shared_passes import share_passes
from treefold.dataset.splits import Given, Hashed, Shared
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.optim import GradientDescent, Lbfgs, Newton, Sgd
from treefold.optim.status import CONVERGED, HALTED
from treefold.statistics.label_summary import data_summary

RNG = np.random.default_rng(3)
ROWS = 300
X = RNG.standard_normal((ROWS, 40)) * np.logspace(-1, 1, 40) + 1
SCORE = X[:, 0] * 10 + X[:, 39] / 10
LABELS = {logistic: (SCORE + 5 * RNG.logistic(size=ROWS) > 10) * 1.0, squared: SCORE + 10 * RNG.standard_normal(ROWS)}
WEIGHT, OUT = RNG.integers(0, 3, ROWS) * 1.0, RNG.random(ROWS) < 0.4
SLOW = {"ridge": 0.0, "tol": 0.0, "max_iter": 60, "patience": 3, "validation": Given()}


def blocks_of(loss, rows=X):
    return LocalBlocks.from_arrays(rows, LABELS[loss], WEIGHT, extra=[OUT], dtype="float64")


def fitted(loss, blocks=None, **options):
    blocks = blocks or blocks_of(loss)
    split = options.get("validation", Given())
    found = data_summary(training(blocks, split, 1) if split else blocks, classification=loss is logistic)
    return fit(blocks, loss, found, **SLOW | options)


def validation_loss(coef, loss):
    w = WEIGHT * OUT
    return loss((coef[:, :-1] @ X.T + coef[:, -1:])[None], LABELS[loss])[0][0] @ w / w.sum()


GD = GradientDescent(0.3, backtracking=False)


@pytest.mark.parametrize("loss", [logistic, squared])
@pytest.mark.parametrize("solver", [Lbfgs(), GradientDescent(), GD], ids=["lbfgs", "backtracking", "constant"])
def test_a_fit_is_that_of_the_other_rows_where_the_loss_was_least(loss, solver):
    made = fitted(loss, solver=solver)
    (history,) = made.held
    assert made.status[0] == HALTED
    assert len(history) == made.iterations[0] + 1 == np.argmin(history) + 4
    assert validation_loss(made.coef[0], loss) == pytest.approx(min(history), rel=1e-9)
    apart = LocalBlocks.from_arrays(X[~OUT], LABELS[loss][~OUT], WEIGHT[~OUT], dtype="float64")
    others = {"validation": None, "max_iter": int(np.argmin(history)), "solver": solver}
    if not isinstance(solver, Lbfgs):  # which starts from a sample of the rows, drawn by their position
        np.testing.assert_allclose(made.coef, fitted(loss, apart, **others).coef, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("solver", [Newton(), Sgd(0.3, 60, fraction=0.5), Sgd(0.05, 60, local=8)])
def test_every_solver_is_watched(solver):
    made = fitted(logistic, ragged_blocks(), solver=solver)
    assert validation_loss(made.coef[0], logistic) == pytest.approx(min(made.held[0]), rel=1e-9)
    assert made.status[0] in (HALTED, CONVERGED)


def ragged_blocks():
    parts = ragged(X, LABELS[logistic], WEIGHT, [64, 200], "float64").blocks
    return LocalBlocks([b._replace(extra=(OUT[b.id : b.id + len(b.y)] * 1.0,)) for b in parts])


def test_models_of_a_batch_end_each_on_its_own_as_alone_for_csr_too():
    ridge = np.array([0.0, 0.5])
    both = fitted(logistic, blocks_of(logistic, csr_array(X)), ridge=ridge, solver=GradientDescent())
    for m in range(2):
        alone = fitted(logistic, ridge=ridge[m], solver=GradientDescent())
        np.testing.assert_allclose(both.coef[m], alone.coef[0], rtol=1e-6, atol=1e-8)
        assert both.iterations[m] == alone.iterations[0]
        np.testing.assert_allclose(both.held[m], alone.held[0], rtol=1e-7)


def test_folds_in_shared_passes_are_watched_each_on_its_own():
    def job(shared_blocks, fold):
        return fitted(logistic, training(shared_blocks, Hashed(3, 1), fold), solver=GradientDescent())

    blocks = blocks_of(logistic)
    shared = share_passes(blocks, [partial(job, fold=fold) for fold in range(2)])
    for fold, one in enumerate(shared):
        alone = job(blocks, fold)
        np.testing.assert_allclose(one.coef, alone.coef, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(one.held[0], alone.held[0], rtol=1e-7)


def test_a_loss_with_a_kink_is_watched_as_it_is_through_all_stages():
    blocks = blocks_of(logistic)
    found = data_summary(training(blocks, Given(), 1), classification=True)
    made = fit(blocks, Hinge(), found, **SLOW | {"patience": 2})
    margin = X @ made.coef[0, 0, :-1] + made.coef[0, 0, -1]
    w = WEIGHT * OUT
    by_hand = np.maximum(0, 1 - (2 * LABELS[logistic] - 1) * margin) @ w / w.sum()
    assert by_hand == pytest.approx(min(made.held[0]), rel=1e-9)


def test_params_name_the_rows_held_out():
    blocks, base = blocks_of(logistic), {"dtype": "float64", "tol": 0.0, "maxIter": 60}

    def coef(**params):
        estimator = ml.LogisticRegression(**base | params)
        return estimator.fit_batch(blocks, [estimator])

    named = coef(validationIndicatorCol="out", earlyStoppingRounds=3)
    np.testing.assert_array_equal(named.numpy_models[0].coef, fitted(logistic, solver=Lbfgs(noise=1e-15)).coef[0])
    held, _ = named.details[0]
    assert len(held) == named.iterations[0] + 1
    some, others = (coef(validationFraction=0.3, seed=seed) for seed in (0, 1))
    assert not np.array_equal(some.numpy_models[0].coef, others.numpy_models[0].coef)
    share = Shared(0.3).fold_of(blocks.blocks[0]).mean()
    assert share == pytest.approx(0.3, abs=0.1)
    with pytest.raises(InputError, match="validationIndicatorCol and validationFraction are both set: set one"):
        coef(validationIndicatorCol="out", validationFraction=0.3)
    with pytest.raises(InputError, match="earlyStoppingRounds needs rows held out: set validationIndicatorCol"):
        coef(earlyStoppingRounds=9)
    with pytest.raises(InputError, match="solver normal has no iterations that could end early: use lbfgs"):
        ml.LinearRegression(solver="normal", validationFraction=0.5).fit_batch(blocks, [
            ml.LinearRegression(solver="normal", validationFraction=0.5)])  # fmt: skip


def test_no_row_held_out_is_an_error():
    empty = LocalBlocks.from_arrays(X, LABELS[squared], extra=[np.zeros(ROWS)], dtype="float64")
    with pytest.raises(InputError, match="no row of positive weight is held out for validation: hold out more"):
        fitted(squared, empty)
