"""The loop: a solver around one pass per evaluation."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from treefold.algorithms.linear.course import Course
from treefold.algorithms.linear.family import Family, family
from treefold.algorithms.linear.frame import frame
from treefold.algorithms.linear.gram import Gram
from treefold.algorithms.linear.offset import beside
from treefold.algorithms.linear.problem import Problem, steepness
from treefold.algorithms.linear.smoothing import Stage, stages
from treefold.algorithms.linear.suited import Bounds, suited
from treefold.algorithms.linear.watch import HELD, Watch
from treefold.algorithms.splits import Split, training
from treefold.algorithms.survey import Survey
from treefold.blocks import Blocks
from treefold.errors import InputError
from treefold.iterate import OnStep, Rungs
from treefold.losses import Loss, logistic, softmax
from treefold.penalties import L2
from treefold.solvers import Lbfgs, Sgd, Solver

MANY = 4  # models from which on compiling a kernel pays


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
    held : for each model the mean loss of the rows held out, at the start and after each iteration; None without any
    """

    coef: NDArray
    objective: list[list[float]]
    iterations: NDArray
    status: NDArray
    held: list[list[float]] | None = None


def fit(
    blocks: Blocks,
    loss: Loss,
    survey: Survey | Gram,
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

    Whatever differs from model to model is an array ``(models,)``; a number is that of all. A model that is done
    freezes, and one that diverges does not touch the others.

    Parameters
    ----------
    loss : one of :mod:`treefold.losses`
    survey : Survey or Gram
        Of the same blocks, without those held out for validation. With a Gram, solver normal needs no pass.
    ridge : (models,) or float
        L2 strength, >= 0.
    lasso : (models,) or float, optional
        L1 strength, >= 0.
    bounds : Bounds, optional
        Of all models, for a loss whose outputs all have coefficients. A column that does not vary keeps coefficient
        0 beside an intercept.
    by_class : (classes,), optional
        Factors of the weights of the rows of each label. Deviations stay those of the data.
    with_offset : bool
        Whether the first extra column of the blocks is added to the margins of a loss of one output.
    validation : Split, optional
        Its fold 1 is held out; a model ends after ``patience`` iterations without a lower loss of these rows, and is
        as it was where that was least.
    start : (outputs, features + 1), optional
        Coefficients to begin with; by default the best intercepts for a model without features.
    smoothing : float
        Of a loss with a kink: the objective, in units of the label if it has one, ends within ``smoothing / 2`` of the
        least. See :mod:`treefold.algorithms.linear.smoothing`.
    seed : int
        Of what a stochastic solver draws.
    solver : Solver
        Its ``step_size``, if it has one, is ``(models,)`` or a number. ``Lbfgs`` becomes ``ProximalLbfgs`` where there
        is a lasso or bounds.
    max_iter, tol : (models,) or number
        As in :func:`treefold.iterate.iterate`; the gradient is that of the standardised problem, or with a lasso or
        bounds its smallest subgradient.
    on_step : callable, optional
        Called after every pass with the solver's state, its values in the units of the label.
    rungs : Rungs, optional
        Its judge is given the fit as it stands, a LinearFit.

    Raises
    ------
    InputError
        If the solver takes no lasso or bounds, or not this loss.
    """
    models, l2, l1 = _strengths(ridge, lasso, max_iter, tol, getattr(solver, "step_size", None))
    gram = survey if isinstance(survey, Gram) and not with_offset else None
    survey = survey.survey if isinstance(survey, Gram) else survey
    fitted_on = blocks if validation is None else training(blocks, validation, HELD)
    kind = _kind(fitted_on, loss, survey, by_class, with_offset)
    free_intercept = bounds is None or np.isinf(np.stack(bounds)[..., -1]).all()
    space = frame(survey.moments, intercept=intercept, scale_label=kind.degree > 0, centred=free_intercept)
    metric = np.ones(len(space.inverse)) if standardize else space.inverse**2
    penalty = L2(l2 * space.label_scale ** (2 - kind.degree), metric)
    problem = Problem(
        fitted_on, loss, space, kind.degree, _free(kind, intercept, len(metric)), penalty,
        steepness(penalty.strength, metric), by_class, seed, with_offset, loss is logistic and models >= MANY, gram,
    )  # fmt: skip
    rows = survey.moments.rows if np.max(max_iter) > 0 else 0
    solver = suited(solver, problem, l1, bounds, standardize, kind.bend, rows)
    x = _first(problem, kind, start, intercept, models)
    watch = None if validation is None else Watch(blocks, validation, patience, loss, x)
    course = Course(problem, solver, x, max_iter, tol, watch, on_step)
    penalised = (l2 > 0) | (l1 > 0) | (bounds is not None)

    def fitted(state: Any) -> LinearFit:
        coef = problem.to_data(state.x)
        if loss is softmax:
            coef = _centred(coef, penalised, intercept and free_intercept)
        return LinearFit(coef, course.history, state.iteration, state.status, watch.history if watch else None)

    *rough, last = [Stage(loss, 0.0)] if isinstance(solver, Sgd) else stages(loss, smoothing, space.label_scale)
    for stage in rough:
        course.run(stage)
    return fitted(course.end(course.run(last, rungs and Rungs(rungs.at, lambda state: rungs.judge(fitted(state))))))


def _strengths(ridge: ArrayLike, lasso: ArrayLike | None, *others: ArrayLike | None) -> tuple[int, NDArray, NDArray]:
    """The number of models, and the strengths of their penalties, ``(models,)`` each."""
    varying = (np.shape(each) for each in (ridge, lasso, *others) if each is not None)
    (models,) = np.broadcast_shapes((1,), *varying)
    l2, l1 = (np.broadcast_to(np.asarray(0.0 if s is None else s, np.float64), models) for s in (ridge, lasso))
    return models, l2, l1


def _kind(blocks: Blocks, loss: Loss, survey: Survey, by_class: NDArray | None, with_offset: bool) -> Family:
    """The family of a loss for rows as they are weighed, best intercepts beside the offsets."""
    seen = survey if by_class is None else survey._replace(classes=survey.classes * by_class)
    if by_class is not None and not seen.classes.sum() > 0:
        raise InputError("every row is of a class with weight 0: give a class that occurs a positive weight")
    kind = family(loss, seen)
    return beside(kind, blocks, loss) if with_offset else kind


def _free(kind: Family, intercept: bool, features: int) -> NDArray:
    """What is fitted: coefficients and intercept of the margins, and what else a family has in place of intercepts."""
    free = np.zeros((kind.outputs, features + 1), bool)
    free[: kind.margins, :-1], free[: kind.margins, -1], free[kind.margins :, -1] = True, intercept, True
    return free


def _first(problem: Problem, kind: Family, start: NDArray | None, intercept: bool, models: int) -> NDArray:
    """Variables to begin with."""
    coef = np.zeros(problem.free.shape)
    coef[:, -1] = np.where(problem.free[:, -1], kind.start, 0.0)
    if start is not None:
        coef[: len(start)] = start
    return problem.from_data(np.broadcast_to(coef, (models, *coef.shape)))


def _centred(coef: NDArray, penalised: NDArray, intercept: bool) -> NDArray:
    """The one of equally good softmax models whose coefficients, where nothing holds them, sum to zero."""
    mean = coef.mean(axis=1, keepdims=True)
    mean[penalised, :, :-1] = 0.0  # the penalty has chosen
    if not intercept:
        mean[..., -1] = 0.0
    return coef - mean
