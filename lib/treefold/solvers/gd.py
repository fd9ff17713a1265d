"""Gradient descent, the classic: ``x <- x - step * gradient``; with a term that is not smooth, its prox of that.

Beck & Teboulle, "A fast iterative shrinkage-thresholding algorithm for linear inverse problems", SIAM J. Imaging Sci. 2
(2009), sec. 3: ISTA.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from treefold.solvers.proximal import Separable, whole
from treefold.solvers.status import DIVERGED, NO_PROGRESS, RUNNING, put, running

SUFFICIENT = 1e-4  # Armijo's constant (Nocedal & Wright, Numerical Optimization, 2nd ed., p. 33)
SMALLEST = 1e-20


class GradientState(NamedTuple):
    """Iterates ``x`` ``(models, p)`` with their values and gradients, and the step to try next, ``(models,)``.

    ``gradient`` is the smallest subgradient of the whole, ``slope`` the gradient of the smooth part.
    """

    x: NDArray
    value: NDArray
    gradient: NDArray
    slope: NDArray
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
        Halve the step until the value falls by ``1e-4 * |move|^2 / step`` (Armijo); double it after each success.
    term : Separable, optional
        L1 penalties and bounds.
    """

    step_size: ArrayLike = 1.0
    backtracking: bool = True
    term: Separable | None = None

    def init(self, fun: Any, x0: NDArray) -> GradientState:
        """State at ``x0``, moved within the bounds: one evaluation."""
        x0, everyone = x0 if self.term is None else self.term.clip(x0), np.arange(len(x0))
        smooth, slope = fun(x0, everyone)
        value, gradient = whole(self.term, x0, smooth, slope, everyone)
        step = np.broadcast_to(np.asarray(self.step_size, np.float64), len(x0))
        status = np.where(np.isfinite(value), RUNNING, DIVERGED)
        return GradientState(x0, value, gradient, slope, step, np.zeros(len(x0), np.int64), status)

    def step(self, fun: Any, state: GradientState) -> GradientState:
        """Try one step of every running model: one evaluation."""
        tried = running(state.status)
        step, start, value = state.step[tried], state.x[tried], state.value[tried]
        x = start - step[:, None] * state.slope[tried]
        if self.term is not None:
            x = self.term.prox(x, step, tried)
        smooth, slope = fun(x, tried)
        new_value, gradient = whole(self.term, x, smooth, slope, tried)
        fall = np.einsum("ap,ap->a", x - start, x - start) / step
        if self.backtracking:
            taken = new_value <= value - SUFFICIENT * fall
            next_step = np.where(taken, 2 * step, 0.5 * step)
            exhausted = ~taken & ((next_step < SMALLEST) | (fall <= np.finfo(float).eps * abs(value)))
            status = np.where(exhausted, NO_PROGRESS, RUNNING)
        else:
            taken, next_step = np.ones(len(tried), bool), step
            status = np.where(np.isfinite(new_value), RUNNING, DIVERGED)
        kept = tried[taken]
        return GradientState(
            put(state.x, kept, x[taken]),
            put(state.value, kept, new_value[taken]),
            put(state.gradient, kept, gradient[taken]),
            put(state.slope, kept, slope[taken]),
            put(state.step, tried, next_step),
            put(state.iteration, kept, state.iteration[kept] + 1),
            put(state.status, tried, status),
        )
