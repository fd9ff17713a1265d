"""The loop: a solver around one pass per evaluation."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from treefold.algorithms.folds import Holdout
from treefold.algorithms.linear.frame import Frame, frame
from treefold.algorithms.linear.objective import Objective, objective
from treefold.algorithms.survey import Survey
from treefold.blocks import Blocks
from treefold.iterate import OnStep, Rungs, iterate
from treefold.losses import Loss, logistic, softmax, squared
from treefold.penalties import L2
from treefold.solvers import Fun, Lbfgs, Solver


class LinearFit(NamedTuple):
    """A fitted batch.

    Attributes
    ----------
    coef : (models, outputs, features + 1)
        For the data as it is, the intercept last.
    objective : for each model its objective at the start and after each iteration
    iterations : (models,)
    status : (models,)
        As in :mod:`treefold.solvers.status`.
    """

    coef: NDArray
    objective: list[list[float]]
    iterations: NDArray
    status: NDArray


def fit(
    blocks: Blocks,
    loss: Loss,
    survey: Survey,
    *,
    ridge: ArrayLike,
    holdout: Holdout | None = None,
    intercept: bool = True,
    standardize: bool = True,
    solver: Solver = Lbfgs(),  # noqa: B008 - an immutable tuple
    max_iter: ArrayLike = 100,
    tol: ArrayLike = 1e-6,
    on_step: OnStep | None = None,
    rungs: Rungs | None = None,
) -> LinearFit:
    """Fit a batch of models in the same passes.

    Whatever differs from model to model is an array ``(models,)``; a number is that of all. A model that is done
    freezes, and one that diverges does not touch the others.

    Parameters
    ----------
    loss : squared, logistic or softmax of :mod:`treefold.losses`
    survey : Survey
        Of the same blocks.
    ridge : (models,) or float
        L2 strength, >= 0.
    holdout : Holdout, optional
        The fold each model does not see.
    solver : Solver
        Its ``step_size``, if it has one, is ``(models,)`` or a number.
    max_iter, tol : (models,) or number
        As in :func:`treefold.iterate.iterate`; the gradient is that of the standardised problem.
    on_step : callable, optional
        Called after every pass with the solver's state, its values in the units of the label.
    rungs : Rungs, optional
        Its judge is given the fit as it stands, a LinearFit.
    """
    varying = (ridge, max_iter, tol, -1 if holdout is None else holdout.fold, getattr(solver, "step_size", 1.0))
    (models,) = np.broadcast_shapes((1,), *(np.shape(each) for each in varying))
    strength = np.broadcast_to(np.asarray(ridge, np.float64), models)
    if holdout is not None:
        holdout = holdout._replace(fold=np.broadcast_to(holdout.fold, models))
    outputs = len(survey.classes) if loss is softmax else 1
    space = frame(survey.moments, intercept=intercept, scale_label=loss is squared)
    features = len(space.inverse)
    penalty = L2(strength, np.ones(features) if standardize else space.inverse**2)

    fun = _penalised(blocks, loss, space, penalty, holdout, outputs)
    history: list[list[float]] = [[] for _ in strength]

    def record(state: Any) -> None:
        for mine, iteration, value in zip(history, state.iteration, state.value, strict=True):
            if iteration == len(mine):
                mine.append(float(value) * space.label_scale**2)
        if on_step:
            on_step(state._replace(value=state.value * space.label_scale**2))

    start = np.zeros((models, outputs, features + 1))
    if intercept:
        start[..., -1] = _null_intercept(loss, survey) / space.label_scale

    def fitted(state: Any) -> LinearFit:
        coef = space.to_data(state.x.reshape(start.shape))
        if loss is softmax:
            coef = _centred(coef, strength, intercept)
        return LinearFit(coef, history, state.iteration, state.status)

    judged = rungs and Rungs(rungs.at, lambda state: rungs.judge(fitted(state)))
    first = solver.init(fun, start.reshape(models, -1))
    return fitted(iterate(lambda state: solver.step(fun, state), first, max_iter, tol, record, judged))


def _penalised(blocks: Blocks, loss: Loss, space: Frame, penalty: L2, holdout: Holdout | None, outputs: int) -> Fun:
    """The solver's function: one pass for the loss and its gradient, the penalty on the driver."""

    def fun(x: NDArray, chosen: NDArray) -> tuple[NDArray, NDArray]:
        theta = x.reshape(len(chosen), outputs, -1)
        held = None if holdout is None else holdout._replace(fold=holdout.fold[chosen])
        total: Objective = blocks.sum(objective, space.to_rows(theta), loss, held, space.shift)
        weight = np.broadcast_to(total.weight, len(chosen))
        mine = penalty._replace(strength=penalty.strength[chosen])
        gradient = space.to_solver(total.coef, total.intercept) / weight[:, None, None]
        gradient[..., :-1] += mine.grad(theta[..., :-1])
        value = total.loss / weight / space.label_scale**2 + mine.value(theta[..., :-1])
        return value, gradient.reshape(len(chosen), -1)

    return fun


def _null_intercept(loss: Loss, survey: Survey) -> NDArray:
    """Intercepts of the best model without features, where the fit starts."""
    if loss is squared:
        return survey.moments.mean[-1:]
    share = survey.classes / survey.classes.sum()
    log_share = np.log(np.maximum(share, 1e-6))  # a class without weight starts unlikely, not impossible
    if loss is logistic:
        return log_share[1:] - log_share[:1]
    return log_share - log_share.mean()


def _centred(coef: NDArray, strength: NDArray, intercept: bool) -> NDArray:
    """The one of equally good softmax models whose coefficients, where nothing penalises them, sum to zero."""
    mean = coef.mean(axis=1, keepdims=True)
    mean[strength > 0, :, :-1] = 0.0  # the penalty has chosen
    if not intercept:
        mean[..., -1] = 0.0
    return coef - mean
