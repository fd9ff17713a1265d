"""Gradient descent, the classic: ``x <- x - step * gradient``."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from treefold.solvers.status import DIVERGED, NO_PROGRESS, RUNNING, put, running

SUFFICIENT = 1e-4  # Armijo's constant (Nocedal & Wright, Numerical Optimization, 2nd ed., p. 33)
SMALLEST = 1e-20


class GradientState(NamedTuple):
    """Iterates ``x`` ``(models, p)`` with their values and gradients, and the step to try next, ``(models,)``."""

    x: NDArray
    value: NDArray
    gradient: NDArray
    step: NDArray
    iteration: NDArray
    status: NDArray


class GradientDescent(NamedTuple):
    """Full-batch gradient descent with a constant or a backtracking step.

    Attributes
    ----------
    step_size : (models,) or float
        The constant step, or the first one tried.
    backtracking : bool
        Halve the step until the value falls by ``1e-4 * step * |gradient|^2`` (Armijo); double it after each success.
    """

    step_size: ArrayLike = 1.0
    backtracking: bool = True

    def init(self, fun: Any, x0: NDArray) -> GradientState:
        """State at ``x0``: one evaluation."""
        models = len(x0)
        value, gradient = fun(x0, np.arange(models))
        status = np.where(np.isfinite(value), RUNNING, DIVERGED)
        return GradientState(
            x0,
            value,
            gradient,
            np.broadcast_to(np.asarray(self.step_size, np.float64), models),
            np.zeros(models, np.int64),
            status,
        )

    def step(self, fun: Any, state: GradientState) -> GradientState:
        """Try one step of every running model: one evaluation."""
        tried = running(state.status)
        step, gradient, value = state.step[tried], state.gradient[tried], state.value[tried]
        x = state.x[tried] - step[:, None] * gradient
        new_value, new_gradient = fun(x, tried)
        square = np.einsum("ap,ap->a", gradient, gradient)
        if self.backtracking:
            taken = new_value <= value - SUFFICIENT * step * square
            next_step = np.where(taken, 2 * step, 0.5 * step)
            exhausted = ~taken & ((next_step < SMALLEST) | (step * square <= np.finfo(float).eps * abs(value)))
            status = np.where(exhausted, NO_PROGRESS, RUNNING)
        else:
            taken, next_step = np.ones(len(tried), bool), step
            status = np.where(np.isfinite(new_value), RUNNING, DIVERGED)
        kept = tried[taken]
        return GradientState(
            put(state.x, kept, x[taken]),
            put(state.value, kept, new_value[taken]),
            put(state.gradient, kept, new_gradient[taken]),
            put(state.step, tried, next_step),
            put(state.iteration, kept, state.iteration[kept] + 1),
            put(state.status, tried, status),
        )
