"""The fit of a batch of linear models."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from treefold.algorithms.early_stopping import EarlyStopping
from treefold.algorithms.linear.fit_stages import Continuation
from treefold.algorithms.linear.gram import Gram
from treefold.algorithms.linear.losses import Loss, Start
from treefold.algorithms.linear.penalties import Bounds, Penalties
from treefold.algorithms.linear.preconditioner import HessianSample
from treefold.algorithms.linear.problem import Problem
from treefold.algorithms.linear.smoothing import Stage, stages
from treefold.algorithms.linear.solver_selection import select_solver
from treefold.algorithms.linear.standardization import Standardization, standardization, steepness
from treefold.algorithms.linear.training_rows import TrainingRows
from treefold.algorithms.linear.validation_loss import validation_loss
from treefold.dataset.blocks import Blocks
from treefold.dataset.splits import Split
from treefold.optim import Lbfgs, Solver
from treefold.optim.iterate import OnStep, Rungs
from treefold.optim.penalties import L2
from treefold.statistics.label_summary import DataSummary

MANY = 4  # number of models from which on compiling a kernel saves time


class LinearFit(NamedTuple):
    """A fitted batch.

    Attributes
    ----------
    coef : (models, outputs, features + 1)
        For the data as it is, the intercept last.
    objective : list of list of float
        For each model the objective at the start and after each iteration.
    iterations : (models,)
    status : (models,)
        As in :mod:`treefold.optim.status`.
    held : list of list of float, optional
        For each model the mean loss of the held-out rows at the start and after each iteration; None if none are held
        out.
    """

    coef: NDArray
    objective: list[list[float]]
    iterations: NDArray
    status: NDArray
    held: list[list[float]] | None = None


def fit(
    blocks: Blocks,
    loss: Loss,
    data_summary: DataSummary | Gram,
    *,
    ridge: ArrayLike,
    lasso: ArrayLike | None = None,
    bounds: Bounds | None = None,
    by_class: NDArray | None = None,
    with_offset: bool = False,
    validation: Split | None = None,
    patience: int = 5,
    intercept: bool = True,
    standardize: bool = True,
    start: NDArray | None = None,
    smoothing: float = 1e-3,
    seed: int = 0,
    solver: Solver = Lbfgs(),  # noqa: B008 - an immutable tuple
    max_iter: ArrayLike = 100,
    tol: ArrayLike = 1e-6,
    on_step: OnStep | None = None,
    rungs: Rungs | None = None,
) -> LinearFit:
    """Fit a batch of models in the same passes.

    Parameters that differ between models are arrays ``(models,)``; a number applies to all models. A model that has
    ended is frozen. A model that diverges does not affect the others.

    Parameters
    ----------
    blocks : Blocks
        The data set.
    loss : Loss
        One of :mod:`treefold.algorithms.linear.losses`, or a subclass of your own.
    data_summary : DataSummary or Gram
        Summary of the same blocks without the held-out rows. With a Gram, the solver ``normal`` needs no pass.
    ridge : (models,) or float
        L2 strength, >= 0.
    lasso : (models,) or float, optional
        L1 strength, >= 0.
    bounds : Bounds, optional
        Bounds of the coefficients of all models, for a loss whose outputs all have coefficients. With an intercept, a
        constant column has coefficient 0 whatever its bounds.
    by_class : (classes,), optional
        Factors of the weights of the rows of each label. Standard deviations are computed without them.
    with_offset : bool, default False
        Whether the first extra column of the blocks is added to the margins of a loss of one output.
    validation : Split, optional
        Its fold 1 is held out. A model ends after ``patience`` iterations without a lower loss of these rows and has
        the coefficients at which that loss was least.
    patience : int, default 5
        Iterations without a lower loss of the held-out rows after which a model ends.
    intercept : bool, default True
        Whether to fit an intercept.
    standardize : bool, default True
        Whether penalties apply to the coefficients of standardised features.
    start : (outputs, features + 1), optional
        Coefficients at the start; by default the best intercepts of a model without features.
    smoothing : float, default 1e-3
        For a loss with a kink: the objective, in units of the label if it has one, ends within ``smoothing / 2`` of the
        minimum. See :mod:`treefold.algorithms.linear.smoothing`.
    seed : int, default 0
        Seed of a stochastic solver.
    solver : Solver, default Lbfgs()
        Its ``step_size``, if it has one, is ``(models,)`` or a number. ``Lbfgs`` becomes ``ProximalLbfgs`` if there is
        a lasso or bounds.
    max_iter : (models,) or int, default 100
        Most iterations.
    tol : (models,) or float, default 1e-6
        A model has converged if the largest element of its gradient, relative to its objective, is at most ``tol``. The
        gradient is that of the standardised problem; with a lasso or bounds it is the smallest subgradient.
    on_step : callable, optional
        Called after every pass with the solver's state; its values are in the units of the label.
    rungs : Rungs, optional
        ``rungs.select`` is called with the current LinearFit.

    Returns
    -------
    LinearFit

    Raises
    ------
    InputError
        If the solver does not take a lasso, bounds, or this loss.
    """
    models = _count(ridge, lasso, max_iter, tol, getattr(solver, "step_size", None))
    penalties = Penalties.of(models, ridge, lasso, bounds)
    rows = TrainingRows.of(blocks, data_summary, by_class, with_offset, validation)
    begin = rows.start(loss)
    space = standardization(
        rows.moments, intercept=intercept, scale_label=loss.homogeneity > 0, centred=penalties.free_intercept
    )
    problem = _problem(rows, loss, begin, space, _ridge(penalties, space, loss, standardize), intercept, seed)
    solver = select_solver(solver, problem, penalties, standardize)
    x = _first(problem, begin, start)
    stopping = None if validation is None else EarlyStopping(blocks, validation, patience, loss, x, validation_loss)
    curvature = HessianSample(begin.hessian, rows.moments, rows.weight)
    continuation = Continuation(problem, solver, curvature, x, max_iter, tol, stopping, on_step)

    def fitted(state: Any) -> LinearFit:
        coef = problem.to_data(state.x)
        if loss.shift_invariant:
            coef = _centred(coef, penalties.determine, intercept and penalties.free_intercept)
        held = stopping.history if stopping else None
        return LinearFit(coef, continuation.history.values, state.iteration, state.status, held)

    all_stages = [Stage(loss, 0.0)] if solver.estimates else stages(loss, smoothing, space.label_scale)
    return fitted(continuation.run(all_stages, rungs and rungs.through(fitted)))


def _count(*varying: ArrayLike | None) -> int:
    """The number of models, from the settings that may differ between them."""
    (models,) = np.broadcast_shapes((1,), *(np.shape(each) for each in varying if each is not None))
    return models


def _ridge(penalties: Penalties, space: Standardization, loss: Loss, standardize: bool) -> L2:
    """The L2 penalty in the units of the solver."""
    metric = np.ones(len(space.inverse)) if standardize else space.inverse**2
    return L2(penalties.l2 * space.label_scale ** (2 - loss.homogeneity), metric)


def _problem(
    rows: TrainingRows, loss: Loss, begin: Start, space: Standardization, ridge: L2, intercept: bool, seed: int
) -> Problem:
    """The function to minimise."""
    compiled = len(ridge.strength) >= MANY and loss.slope_kernel() is not None
    return Problem(
        rows.blocks, loss, space, _free(begin, intercept, len(ridge.metric)), ridge,
        steepness(ridge.strength, ridge.metric), rows.by_class, seed, rows.with_offset, compiled, rows.gram,
    )  # fmt: skip


def _free(start: Start, intercept: bool, features: int) -> NDArray:
    """Which coefficients are fitted, ``(outputs, features + 1)``: an output without coefficients has a single value."""
    free = np.zeros((start.outputs, features + 1), bool)
    free[: start.n_linear, :-1], free[: start.n_linear, -1], free[start.n_linear :, -1] = True, intercept, True
    return free


def _first(problem: Problem, begin: Start, start: NDArray | None) -> NDArray:
    """Variables at the start, ``(models, p)``."""
    coef = np.zeros(problem.free.shape)
    coef[:, -1] = np.where(problem.free[:, -1], begin.intercepts, 0.0)
    if start is not None:
        coef[: len(start)] = start
    return problem.from_data(np.broadcast_to(coef, (len(problem.unit), *coef.shape)))


def _centred(coef: NDArray, penalised: NDArray, intercept: bool) -> NDArray:
    """Softmax coefficients that sum to zero over the classes wherever no penalty determines them."""
    mean = coef.mean(axis=1, keepdims=True)
    mean[penalised, :, :-1] = 0.0  # the penalty determines them
    if not intercept:
        mean[..., -1] = 0.0
    return coef - mean
