"""The outer loop of every iterative algorithm, with its stopping rules and callbacks."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from treefold.optim.status import CONVERGED, HALTED, MAX_ITER, PAUSED, RUNNING, STOPPED

OnStep = Callable[[Any], None]


def steepest(state: Any) -> NDArray:
    """Largest absolute element of each model's gradient: the default measure of progress."""
    return np.asarray(abs(state.gradient).max(axis=1, initial=0.0))


class Rungs(NamedTuple):
    """Iterations at which the models of a batch wait for each other, and some are selected to continue.

    Attributes
    ----------
    at : increasing iterations
    select : state -> (models,) of bool
        Called once at each rung, even if no model is still running. Its answer is ignored for models that have ended.
    """

    at: tuple[int, ...]
    select: Callable[[Any], NDArray]

    def through(self, result: Callable[[Any], Any], owner: NDArray | None = None) -> "Rungs":
        """The same rungs for a loop inside: ``select`` is called with ``result(state)`` instead of the state.

        Parameters
        ----------
        result : state -> result
            What the selection knows of the models.
        owner : (models,) int, optional
            For each model of the loop inside, the one of the selection by which it continues; by default itself.

        Returns
        -------
        Rungs
        """

        def select(state: Any) -> NDArray:
            chosen = self.select(result(state))
            return chosen if owner is None else chosen[owner]

        return Rungs(self.at, select)


def iterate(
    step: Callable[[Any], Any],
    state: Any,
    max_iter: ArrayLike,
    tol: ArrayLike,
    on_step: OnStep | None = None,
    rungs: Rungs | None = None,
    stop: Callable[[Any], NDArray] | None = None,
    progress: Callable[[Any], NDArray] = steepest,
) -> Any:
    """Apply ``step`` until no model of the batch is running.

    A model stops when its measure of progress is ``<= tol`` (converged), after ``max_iter`` iterations, or when its
    solver ends it. It is then frozen and takes no part in later evaluations.

    Parameters
    ----------
    step : state -> state
        One evaluation for the models whose ``status`` is running.
    state : NamedTuple
        With ``iteration`` and ``status`` ``(models,)``, and the fields that ``progress`` reads.
    max_iter : (models,) or int
        Most iterations of each model.
    tol : (models,) or float
        Measure of progress at which a model has converged.
    on_step : callable, optional
        Called with the state after the first evaluation and after every step.
    rungs : Rungs, optional
        A model that its ``select`` does not choose is stopped.
    stop : state -> (models,) of bool, optional
        Which models to end; called after the first evaluation and after every step.
    progress : state -> (models,), optional
        The measure of progress: what the last step changed, or what can still be gained. By default the largest
        absolute element of ``state.gradient``.

    Returns
    -------
    NamedTuple
        The last state.
    """
    rungs_left = list(rungs.at) if rungs else []
    state = _halted(_stop(state, progress(state), max_iter, tol, rungs_left), stop)
    if on_step:
        on_step(state)
    while True:
        while (state.status == RUNNING).any():
            state = step(state)
            state = _halted(_stop(state, progress(state), max_iter, tol, rungs_left), stop)
            if on_step:
                on_step(state)
        if not rungs or not rungs_left:
            return state
        rungs_left = rungs_left[1:]
        waiting = state.status == PAUSED
        state = state._replace(status=np.where(waiting, np.where(rungs.select(state), RUNNING, STOPPED), state.status))
        state = _stop(state, progress(state), max_iter, tol, rungs_left)


def _halted(state: Any, stop: Callable[[Any], NDArray] | None) -> Any:
    if stop is None:
        return state
    return state._replace(status=np.where(stop(state) & (state.status == RUNNING), HALTED, state.status))


def _stop(state: Any, left: NDArray, max_iter: ArrayLike, tol: ArrayLike, rungs_left: list[int]) -> Any:
    status = np.where(state.iteration >= rungs_left[0], PAUSED, RUNNING) if rungs_left else np.full(len(left), RUNNING)
    status = np.where(state.iteration >= max_iter, MAX_ITER, status)
    status = np.where(left <= tol, CONVERGED, status)
    return state._replace(status=np.where(state.status == RUNNING, status, state.status))
