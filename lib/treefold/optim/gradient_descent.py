"""Gradient descent: ``x <- x - step * gradient``, followed by the proximal operator of a non-smooth term.

References
----------
Beck & Teboulle, "A fast iterative shrinkage-thresholding algorithm for linear inverse problems", SIAM J. Imaging Sci. 2
(2009), sec. 3: ISTA.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from treefold.optim.composite import Separable, composite_value_and_subgradient
from treefold.optim.needs import Needs
from treefold.optim.status import DIVERGED, NO_PROGRESS, RUNNING, put, running

SUFFICIENT = 1e-4  # Armijo's constant (Nocedal & Wright, Numerical Optimization, 2nd ed., p. 33)
SMALLEST = 1e-20


class GradientState(NamedTuple):
    """State of gradient descent.

    Attributes
    ----------
    x : (models, p)
        Iterates.
    value : (models,)
        Values of the composite function.
    gradient : (models, p)
        Smallest subgradient of the composite function.
    slope : (models, p)
        Gradient of the smooth part.
    step : (models,)
        Step size to try next.
    iteration, status : (models,) int
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
    step_size : (models,) or float, default 1.0
        The constant step, or the first one tried.
    backtracking : bool, default True
        Halve the step until the value falls by ``1e-4 * |move|^2 / step`` (Armijo's rule); double it after each
        success.
    term : Separable, optional
        L1 penalties and bounds.
    """

    step_size: ArrayLike = 1.0
    backtracking: bool = True
    term: Separable | None = None

    @property
    def needs(self) -> Needs:
        """Values and gradients."""
        return Needs()

    @property
    def estimates(self) -> bool:
        """False: values are computed from all rows."""
        return False

    def with_term(self, term: Separable) -> "GradientDescent":
        """The solver for a function plus L1 penalties and bounds."""
        return self._replace(term=term)

    def init(self, fun: Any, x0: NDArray) -> GradientState:
        """State at ``x0``, moved within the bounds: one evaluation."""
        x0, everyone = x0 if self.term is None else self.term.clip(x0), np.arange(len(x0))
        smooth, slope = fun(x0, everyone)
        value, gradient = composite_value_and_subgradient(self.term, x0, smooth, slope, everyone)
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
        new_value, gradient = composite_value_and_subgradient(self.term, x, smooth, slope, tried)
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
