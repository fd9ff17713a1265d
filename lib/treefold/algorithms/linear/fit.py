"""The loop: a solver around one pass per evaluation."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from treefold.algorithms.linear.family import Family, family
from treefold.algorithms.linear.frame import frame
from treefold.algorithms.linear.gram import Gram
from treefold.algorithms.linear.offset import beside
from treefold.algorithms.linear.preconditioner import preconditioned
from treefold.algorithms.linear.problem import Problem, steepness
from treefold.algorithms.linear.smoothing import Stage, stages
from treefold.algorithms.linear.stochastic import kind_of
from treefold.algorithms.linear.watch import HELD, Watch
from treefold.algorithms.splits import Split, training
from treefold.algorithms.survey import Survey
from treefold.blocks import Blocks
from treefold.errors import InputError
from treefold.iterate import OnStep, Rungs, iterate
from treefold.losses import Loss, logistic, poisson, softmax, squared, squared_hinge
from treefold.penalties import L2
from treefold.solvers import GradientDescent, Lbfgs, Newton, Normal, ProximalLbfgs, Sgd, Solver
from treefold.solvers.status import HALTED

MANY = 4  # models from which on compiling a kernel pays
MOST_NEWTON = 8192  # coefficients whose second derivatives the driver takes apart


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


class Bounds(NamedTuple):
    """Least and greatest coefficients, ``(outputs, features + 1)``, the intercept last; infinite for none."""

    lower: NDArray
    upper: NDArray


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
    varying = (ridge, lasso, max_iter, tol, getattr(solver, "step_size", None))
    (models,) = np.broadcast_shapes((1,), *(np.shape(each) for each in varying if each is not None))
    l2, l1 = (np.broadcast_to(np.asarray(0.0 if s is None else s, np.float64), models) for s in (ridge, lasso))
    gram = survey if isinstance(survey, Gram) and not with_offset else None
    survey = survey.survey if isinstance(survey, Gram) else survey
    everywhere = blocks
    if validation is not None:
        blocks = training(blocks, validation, HELD)
    seen = survey if by_class is None else survey._replace(classes=survey.classes * by_class)
    if by_class is not None and not seen.classes.sum() > 0:
        raise InputError("every row is of a class with weight 0: give a class that occurs a positive weight")
    kind = family(loss, seen)
    if with_offset:
        kind = beside(kind, blocks, loss)
    free_intercept = bounds is None or np.isinf(np.stack(bounds)[..., -1]).all()
    space = frame(survey.moments, intercept=intercept, scale_label=kind.degree > 0, centred=free_intercept)
    features = len(space.inverse)
    metric = np.ones(features) if standardize else space.inverse**2
    strength = l2 * space.label_scale ** (2 - kind.degree)
    penalty = L2(strength, metric)
    free = np.zeros((kind.outputs, features + 1), bool)
    free[: kind.margins, :-1], free[: kind.margins, -1], free[kind.margins :, -1] = True, intercept, True
    compiled = loss is logistic and models >= MANY
    unit = steepness(strength, metric)
    problem = Problem(
        blocks, loss, space, kind.degree, free, penalty, unit, by_class, seed, with_offset, compiled, gram
    )
    solver = _checked(solver, loss, kind.outputs * features)
    if l1.any() or bounds is not None:
        solver = _proximal(solver, problem, l1, bounds, standardize)
    if isinstance(solver, Lbfgs | ProximalLbfgs) and np.max(max_iter) > 0:
        solver = preconditioned(solver, problem, kind.bend, survey.moments.rows)

    history: list[list[float]] = [[] for _ in range(models)]
    before = np.zeros(models, np.int64)  # iterations of earlier stages

    def record(state: Any) -> None:
        state = state._replace(value=state.value * problem.value_scale, iteration=before + state.iteration)
        for mine, iteration, value in zip(history, state.iteration, state.value, strict=True):
            if iteration == len(mine):
                mine.append(float(value))
        if on_step:
            on_step(state)

    def fitted(state: Any) -> LinearFit:
        coef = problem.to_data(state.x)
        if loss is softmax:
            coef = _centred(coef, (l2 > 0) | (l1 > 0) | (bounds is not None), intercept and free_intercept)
        return LinearFit(coef, history, before + state.iteration, state.status, watch.history if watch else None)

    x = _first(problem, kind, start, intercept, models)
    watch = None
    if validation is not None:
        watch = Watch(everywhere, validation, patience, loss, x)
        problem = problem._replace(watch=watch)
    judged = rungs and Rungs(rungs.at, lambda state: rungs.judge(fitted(state)))
    *rough, last = [Stage(loss, 0.0)] if isinstance(solver, Sgd) else stages(loss, smoothing, space.label_scale)

    def solved(stage: Stage, judged: Rungs | None) -> Any:
        smooth, left = problem._replace(loss=stage.loss), np.asarray(max_iter) - before
        gradient = np.maximum(tol, stage.tol)
        if watch is None:
            return iterate(partial(solver.step, smooth), solver.init(smooth, x), left, gradient, record, judged)
        watch.begin()
        left = np.where(watch.halted, 0, left)
        state = solver.init(smooth, x)
        return iterate(partial(solver.step, smooth), state, left, gradient, record, judged, watch.judge)

    for stage in rough:
        state = solved(stage, None)
        x, before = state.x, before + state.iteration
    state = solved(last, judged)
    if watch is not None:
        halted = np.where(watch.halted, HALTED, state.status)
        state = state._replace(x=watch.x, status=halted)
    if isinstance(solver, Sgd):  # it has but estimated
        everyone = np.arange(models)
        final = problem(state.x, everyone)[0] + (0.0 if solver.term is None else solver.term.value(state.x, everyone))
        for mine, value in zip(history, final, strict=True):
            mine[-1] = float(value * problem.value_scale)
    return fitted(state)


def _first(problem: Problem, kind: Family, start: NDArray | None, intercept: bool, models: int) -> NDArray:
    """Variables to begin with."""
    coef = np.zeros(problem.free.shape)
    coef[:, -1] = np.where(problem.free[:, -1], kind.start, 0.0)
    if start is not None:
        coef[: len(start)] = start
    return problem.from_data(np.broadcast_to(coef, (models, *coef.shape)))


def _checked(solver: Solver, loss: Loss, coefficients: int) -> Solver:
    if isinstance(solver, Normal) and loss is not squared:
        raise InputError("solver normal is for the squared loss: use lbfgs or newton")
    if isinstance(solver, Newton) and loss not in (squared, logistic, softmax, poisson, squared_hinge):
        raise InputError("solver newton is for squared, logistic, softmax, squared hinge and Poisson losses: use lbfgs")
    if isinstance(solver, Newton) and coefficients > MOST_NEWTON:
        raise InputError(f"solver newton takes {MOST_NEWTON} coefficients at most, not {coefficients}: use lbfgs")
    if isinstance(solver, Sgd) and solver.local:
        try:
            kind_of(loss, 1.0)
        except TypeError as error:
            raise InputError("local steps are for losses of one output: use mini-batches, or lbfgs") from error
    return solver


def _proximal(solver: Solver, problem: Problem, lasso: NDArray, bounds: Bounds | None, standardize: bool) -> Solver:
    if bounds is None:
        wide = np.full(problem.free.shape, np.inf)
        bounds = Bounds(-wide, wide)
    term = problem.term(lasso, bounds.lower, bounds.upper, standardize)
    if isinstance(solver, Newton | Normal | GradientDescent):
        return solver._replace(term=term)
    if isinstance(solver, Sgd) and not solver.local and solver.rule == "sgd":
        return solver._replace(term=term)
    if isinstance(solver, Lbfgs):
        return ProximalLbfgs(term, solver.history, solver.noise)
    raise InputError("neither local steps nor AdaGrad and Adam take an L1 penalty or bounds: use L-BFGS, or plain SGD")


def _centred(coef: NDArray, penalised: NDArray, intercept: bool) -> NDArray:
    """The one of equally good softmax models whose coefficients, where nothing holds them, sum to zero."""
    mean = coef.mean(axis=1, keepdims=True)
    mean[penalised, :, :-1] = 0.0  # the penalty has chosen
    if not intercept:
        mean[..., -1] = 0.0
    return coef - mean
