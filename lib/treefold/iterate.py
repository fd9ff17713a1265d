"""The one outer loop: stop rules and callbacks."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from treefold.solvers.status import CONVERGED, HALTED, MAX_ITER, PAUSED, RUNNING, STOPPED

OnStep = Callable[[Any], None]


class Rungs(NamedTuple):
    """Iterations at which all models of a batch wait for each other, and a judge says which go on.

    Attributes
    ----------
    at : increasing iterations
    judge : state -> (models,) of bool
        Called once at each rung, whether or not any model is still running. What it says of models that are done is
        of no account.
    """

    at: tuple[int, ...]
    judge: Callable[[Any], NDArray]


def iterate(
    step: Callable[[Any], Any],
    state: Any,
    max_iter: ArrayLike,
    tol: ArrayLike,
    on_step: OnStep | None = None,
    rungs: Rungs | None = None,
    halt: Callable[[Any], NDArray] | None = None,
) -> Any:
    """Apply ``step`` until no model of the batch is running.

    A model stops when the largest element of its gradient is ``<= tol`` (converged), after ``max_iter`` iterations, or
    when its solver says so. It then freezes: it takes no part in later evaluations.

    Parameters
    ----------
    step : state -> state
        One evaluation for the models whose ``status`` is running.
    state : NamedTuple
        With ``gradient`` ``(models, p)``, ``iteration`` and ``status`` ``(models,)``.
    max_iter, tol : (models,) or number
    on_step : callable, optional
        Called with the state after the first evaluation and after every step.
    rungs : Rungs, optional
        A model that its judge drops is stopped.
    halt : state -> (models,) of bool, optional
        Which models are to end; called after the first evaluation and after every step.
    """
    ahead = list(rungs.at) if rungs else []
    state = _halted(_stop(state, max_iter, tol, ahead), halt)
    if on_step:
        on_step(state)
    while True:
        while (state.status == RUNNING).any():
            state = _halted(_stop(step(state), max_iter, tol, ahead), halt)
            if on_step:
                on_step(state)
        if not rungs or not ahead:
            return state
        ahead = ahead[1:]
        waits = state.status == PAUSED
        state = state._replace(status=np.where(waits, np.where(rungs.judge(state), RUNNING, STOPPED), state.status))
        state = _stop(state, max_iter, tol, ahead)


def _halted(state: Any, halt: Callable[[Any], NDArray] | None) -> Any:
    if halt is None:
        return state
    return state._replace(status=np.where(halt(state) & (state.status == RUNNING), HALTED, state.status))


def _stop(state: Any, max_iter: ArrayLike, tol: ArrayLike, ahead: list[int]) -> Any:
    steepest = abs(state.gradient).max(axis=1, initial=0.0)
    status = np.where(state.iteration >= ahead[0], PAUSED, RUNNING) if ahead else np.full(len(steepest), RUNNING)
    status = np.where(state.iteration >= max_iter, MAX_ITER, status)
    status = np.where(steepest <= tol, CONVERGED, status)
    return state._replace(status=np.where(state.status == RUNNING, status, state.status))
