"""The fit of a batch of linear models."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from treefold.algorithms.early_stopping import HELD, EarlyStopping
from treefold.algorithms.linear.fit_stages import Continuation
from treefold.algorithms.linear.gram import Gram
from treefold.algorithms.linear.losses import Loss, Start
from treefold.algorithms.linear.offset import start_with_offsets
from treefold.algorithms.linear.preconditioner import HessianSample
from treefold.algorithms.linear.problem import Problem
from treefold.algorithms.linear.smoothing import Stage, stages
from treefold.algorithms.linear.solver_selection import Bounds, select_solver
from treefold.algorithms.linear.standardization import standardization, steepness
from treefold.algorithms.linear.validation_loss import validation_loss
from treefold.dataset.blocks import Blocks
from treefold.dataset.folds import Split, training
from treefold.errors import InputError
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
    models, l2, l1 = _strengths(ridge, lasso, max_iter, tol, getattr(solver, "step_size", None))
    gram = data_summary if isinstance(data_summary, Gram) and not with_offset else None
    data_summary = data_summary.data_summary if isinstance(data_summary, Gram) else data_summary
    fitted_on = blocks if validation is None else training(blocks, validation, HELD)
    begin = _start(fitted_on, loss, data_summary, by_class, with_offset)
    free_intercept = bounds is None or np.isinf(np.stack(bounds)[..., -1]).all()
    space = standardization(
        data_summary.moments, intercept=intercept, scale_label=loss.homogeneity > 0, centred=free_intercept
    )
    metric = np.ones(len(space.inverse)) if standardize else space.inverse**2
    penalty = L2(l2 * space.label_scale ** (2 - loss.homogeneity), metric)
    compiled = models >= MANY and loss.slope_kernel() is not None
    problem = Problem(
        fitted_on, loss, space, _free(begin, intercept, len(metric)), penalty,
        steepness(penalty.strength, metric), by_class, seed, with_offset, compiled, gram,
    )  # fmt: skip
    solver = select_solver(solver, problem, l1, bounds, standardize)
    x = _first(problem, begin, start, models)
    early_stopping = (
        None if validation is None else EarlyStopping(blocks, validation, patience, loss, x, validation_loss)
    )
    weight = data_summary.moments.weight if by_class is None else float((data_summary.classes * by_class).sum())
    rough = HessianSample(begin.hessian, data_summary.moments, weight)
    course = Continuation(problem, solver, rough, x, max_iter, tol, early_stopping, on_step)
    penalised = (l2 > 0) | (l1 > 0) | (bounds is not None)

    def fitted(state: Any) -> LinearFit:
        coef = problem.to_data(state.x)
        if loss.shift_invariant:
            coef = _centred(coef, penalised, intercept and free_intercept)
        return LinearFit(
            coef, course.history, state.iteration, state.status, early_stopping.history if early_stopping else None
        )

    *early, last = [Stage(loss, 0.0)] if solver.estimates else stages(loss, smoothing, space.label_scale)
    for stage in early:
        course.run(stage)
    return fitted(course.end(course.run(last, rungs and Rungs(rungs.at, lambda state: rungs.select(fitted(state))))))


def _strengths(ridge: ArrayLike, lasso: ArrayLike | None, *others: ArrayLike | None) -> tuple[int, NDArray, NDArray]:
    """The number of models, and the strengths of their penalties, ``(models,)`` each."""
    varying = (np.shape(each) for each in (ridge, lasso, *others) if each is not None)
    (models,) = np.broadcast_shapes((1,), *varying)
    l2, l1 = (np.broadcast_to(np.asarray(0.0 if s is None else s, np.float64), models) for s in (ridge, lasso))
    return models, l2, l1


def _start(blocks: Blocks, loss: Loss, data_summary: DataSummary, by_class: NDArray | None, with_offset: bool) -> Start:
    """Start of the fit for weighted rows, with intercepts that account for the offsets."""
    seen = data_summary if by_class is None else data_summary._replace(classes=data_summary.classes * by_class)
    if by_class is not None and not seen.classes.sum() > 0:
        raise InputError("every row is of a class with weight 0: give a class that occurs a positive weight")
    start = loss.start(seen)
    return start_with_offsets(start, blocks, loss) if with_offset else start


def _free(start: Start, intercept: bool, features: int) -> NDArray:
    """Which coefficients are fitted, ``(outputs, features + 1)``: an output without coefficients has a single value."""
    free = np.zeros((start.outputs, features + 1), bool)
    free[: start.n_linear, :-1], free[: start.n_linear, -1], free[start.n_linear :, -1] = True, intercept, True
    return free


def _first(problem: Problem, begin: Start, start: NDArray | None, models: int) -> NDArray:
    """Variables at the start."""
    coef = np.zeros(problem.free.shape)
    coef[:, -1] = np.where(problem.free[:, -1], begin.intercepts, 0.0)
    if start is not None:
        coef[: len(start)] = start
    return problem.from_data(np.broadcast_to(coef, (models, *coef.shape)))


def _centred(coef: NDArray, penalised: NDArray, intercept: bool) -> NDArray:
    """Softmax coefficients that sum to zero over the classes wherever no penalty determines them."""
    mean = coef.mean(axis=1, keepdims=True)
    mean[penalised, :, :-1] = 0.0  # the penalty determines them
    if not intercept:
        mean[..., -1] = 0.0
    return coef - mean
