"""Proximal L-BFGS for a batch of models: L-BFGS with an L1 penalty or bounds on the variables.

The quadratic model is minimised on the driver by coordinate descent, which needs no pass. Variables become exactly zero
or reach their bounds, in about as many passes as L-BFGS needs for the smooth problem.

References
----------
Lee, Sun & Saunders, "Proximal Newton-type methods for minimizing composite functions", SIAM J. Optim. 24 (2014),
alg. 1.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.optim.composite import Separable
from treefold.optim.coordinate_descent import descend_dense, descend_low_rank
from treefold.optim.curvature_pairs import remember
from treefold.optim.lbfgs_matrix import dense, low_rank
from treefold.optim.needs import Needs
from treefold.optim.status import DIVERGED, NO_PROGRESS, RUNNING, put, running

DECREASE = 1e-4  # least share of the predicted decrease that is accepted
INNER = 1e-3  # ratio of slopes at which coordinate descent ends, relative to the largest at its start
WORK = 300_000_000  # products that coordinate descent may spend on a direction
MOST_SWEEPS = 300
FEW_TRIALS, MOST_TRIALS = 2, 30  # few if values differ by rounding alone
BELOW = 1e-3  # share of the rounding error of values below which slopes cannot show a decrease either


class ProximalState(NamedTuple):
    """Accepted iterates, the search towards ``target``, and the history of differences.

    Attributes
    ----------
    gradient : (models, p)
        Smallest subgradient of the composite function.
    slope : (models, p)
        Gradient of the smooth part.
    target : (models, p)
        Minima of the quadratic models.
    predicted_decrease : (models,)
        Change of the composite function that the quadratic model predicts for a step of 1; negative.
    step, trials : (models,)
        Step that is tried next, and trials since the last accepted step.
    x, value, x_diffs, grad_diffs, curvature, iteration, status
        As in :class:`~treefold.optim.lbfgs.LbfgsState`.
    """

    x: NDArray
    value: NDArray
    gradient: NDArray
    slope: NDArray
    target: NDArray
    predicted_decrease: NDArray
    step: NDArray
    trials: NDArray
    x_diffs: NDArray
    grad_diffs: NDArray
    curvature: NDArray
    iteration: NDArray
    status: NDArray


class ProximalLbfgs(NamedTuple):
    """Proximal L-BFGS with a backtracking line search.

    Attributes
    ----------
    term : Separable
        The L1 penalties and bounds.
    history : int, default 10
        Number of pairs of differences that are kept.
    noise : float, default 1e-15
        Relative rounding error of the values of ``fun``.
    hessian : (models, p, p), optional
        Approximate second derivatives at the start; a multiple of the identity by default.
    """

    term: Separable
    history: int = 10
    noise: float = 1e-15
    hessian: NDArray | None = None

    @property
    def needs(self) -> Needs:
        """Values and gradients."""
        return Needs()

    @property
    def estimates(self) -> bool:
        """False: values are computed from all rows."""
        return False

    def with_term(self, term: Separable) -> "ProximalLbfgs":
        """The solver for a function plus L1 penalties and bounds."""
        return self._replace(term=term)

    def hessian_outputs(self, outputs: int) -> int:
        """All outputs: the solver uses their joint second derivatives."""
        return outputs

    def with_hessian(self, mix: NDArray, hessian: NDArray) -> "ProximalLbfgs":
        """The solver with second derivatives at the start, of combinations of the outputs.

        Parameters
        ----------
        mix : (outputs, outputs)
            Orthogonal combinations of the outputs.
        hessian : (models, outputs, q, q)
            Second derivatives of each combination.

        Returns
        -------
        ProximalLbfgs
        """
        joint = np.einsum("ai,bi,mipq->mapbq", mix, mix, hessian)
        size = joint.shape[1] * joint.shape[2]
        return self._replace(hessian=joint.reshape(len(joint), size, size))

    def init(self, fun: Any, x0: NDArray) -> ProximalState:
        """State at ``x0``, moved within the bounds: one evaluation."""
        x0, everyone = self.term.clip(x0), np.arange(len(x0))
        models, p = x0.shape
        smooth, slope = fun(x0, everyone)
        value = smooth + self.term.value(x0, everyone)
        pairs, none = np.zeros((models, self.history, p)), np.zeros(models)
        state = ProximalState(
            x0, value, self.term.subgradient(x0, slope, everyone), slope, x0, none, np.ones(models),
            np.zeros(models, np.int64), pairs, pairs, np.zeros((models, self.history)), np.zeros(models, np.int64),
            np.where(np.isfinite(value) & np.isfinite(slope).all(axis=1), RUNNING, DIVERGED),
        )  # fmt: skip
        return self._solve_subproblem(state, running(state.status))

    def step(self, fun: Any, state: ProximalState) -> ProximalState:
        """Try one step of every running model: one evaluation."""
        tried = running(state.status)
        step, start, target = state.step[tried, None], state.x[tried], state.target[tried]
        x = np.where(step == 1, target, start + step * (target - start))
        smooth, slope = fun(x, tried)
        value = smooth + self.term.value(x, tried)
        gradient = self.term.subgradient(x, slope, tried)
        before, predicted_decrease = state.value[tried], state.predicted_decrease[tried] * step[:, 0]
        enough = value <= before + DECREASE * predicted_decrease
        # If values differ by rounding alone, the change is estimated from the mean slope, or the subgradient must fall.
        level = self.noise * abs(before)
        drowned, told = ~enough & (abs(value - before) <= level), -predicted_decrease > BELOW * level
        change = np.einsum("ap,ap->a", (state.slope[tried] + slope) / 2, x - start)
        change += self.term.value(x, tried) - self.term.value(start, tried)
        falling = abs(gradient).max(axis=1, initial=0) < abs(state.gradient[tried]).max(axis=1, initial=0)
        accepted = enough | (drowned & (falling | (told & (change <= DECREASE * predicted_decrease))))
        trials = np.where(accepted, 0, state.trials[tried] + 1)
        ended = ~accepted & (trials >= np.where(drowned, np.where(told, FEW_TRIALS, 1), MOST_TRIALS))
        rise = np.where(drowned, change, value - before)
        state = state._replace(
            step=put(state.step, tried, np.where(accepted, 1.0, shorter(step[:, 0], rise, predicted_decrease))),
            trials=put(state.trials, tried, trials),
            status=put(state.status, tried, np.where(ended, NO_PROGRESS, RUNNING)),
        )
        kept = tried[accepted]
        return self._accept(state, kept, x[accepted], value[accepted], gradient[accepted], slope[accepted])

    def _accept(
        self, state: ProximalState, models: NDArray, x: NDArray, value: NDArray, gradient: NDArray, slope: NDArray
    ) -> ProximalState:
        """Move ``models`` to their accepted points and solve their next subproblem."""
        if not len(models):
            return state
        history = remember(state, models, x - state.x[models], slope - state.slope[models])
        state = state._replace(
            x=put(state.x, models, x),
            value=put(state.value, models, value),
            gradient=put(state.gradient, models, gradient),
            slope=put(state.slope, models, slope),
            x_diffs=put(state.x_diffs, models, history[0]),
            grad_diffs=put(state.grad_diffs, models, history[1]),
            curvature=put(state.curvature, models, history[2]),
            iteration=put(state.iteration, models, state.iteration[models] + 1),
        )
        return self._solve_subproblem(state, models)

    def _solve_subproblem(self, state: ProximalState, models: NDArray) -> ProximalState:
        """Set the target of ``models`` to the minima of their quadratic models."""
        target = state.x[models].copy()
        width = 4 * self.history if self.hessian is None else target.shape[1]
        sweeps = int(np.clip(WORK // max(1, width * target.shape[1]), 2, MOST_SWEEPS))
        for row, m in zip(target, models, strict=True):
            enough = INNER * abs(state.gradient[m]).max(initial=0.0)
            pairs = state.x_diffs[m], state.grad_diffs[m], state.curvature[m]
            if self.hessian is None:
                compact = low_rank(*pairs, state.gradient[m])
                descend_low_rank(row, state.slope[m], *self.term.rows(m), *compact, enough, sweeps)
            else:
                matrix = dense(*pairs, self.hessian[m])
                descend_dense(row, state.slope[m], *self.term.rows(m), matrix, enough, sweeps)
        x = state.x[models]
        predicted_decrease = np.einsum("ap,ap->a", state.slope[models], target - x)
        predicted_decrease += self.term.value(target, models) - self.term.value(x, models)
        return state._replace(
            target=put(state.target, models, target),
            predicted_decrease=put(state.predicted_decrease, models, predicted_decrease),
        )


def shorter(step: NDArray, rise: NDArray, predicted_decrease: NDArray) -> NDArray:
    """The minimum of the parabola through value, slope and trial value, between a tenth and a half of ``step``.

    Parameters
    ----------
    step : (models,)
        Step that was tried.
    rise : (models,)
        Change of the value at that step.
    predicted_decrease : (models,)
        Change that the slope predicts at that step; negative.

    Returns
    -------
    (models,)
    """
    with np.errstate(all="ignore"):
        share = -predicted_decrease / (2 * (rise - predicted_decrease))
    return step * np.where(np.isfinite(share), np.clip(share, 0.1, 0.5), 0.1)
