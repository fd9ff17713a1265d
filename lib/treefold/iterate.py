"""The one outer loop: stop rules and callbacks."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from treefold.solvers.status import CONVERGED, MAX_ITER, RUNNING

OnStep = Callable[[Any], None]


def iterate(
    step: Callable[[Any], Any], state: Any, max_iter: ArrayLike, tol: ArrayLike, on_step: OnStep | None = None
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
    """
    state = _stop(state, max_iter, tol)
    if on_step:
        on_step(state)
    while (state.status == RUNNING).any():
        state = _stop(step(state), max_iter, tol)
        if on_step:
            on_step(state)
    return state


def _stop(state: Any, max_iter: ArrayLike, tol: ArrayLike) -> Any:
    steepest = abs(state.gradient).max(axis=1, initial=0.0)
    status = np.where(state.iteration >= max_iter, MAX_ITER, RUNNING)
    status = np.where(steepest <= tol, CONVERGED, status)
    return state._replace(status=np.where(state.status == RUNNING, status, state.status))
