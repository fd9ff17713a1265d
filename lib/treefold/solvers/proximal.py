"""Proximal L-BFGS for a batch of models: L-BFGS where an L1 penalty or bounds on the variables are added.

Lee, Sun & Saunders, "Proximal Newton-type methods for minimizing composite functions", SIAM J. Optim. 24 (2014),
alg. 1, with the L-BFGS matrix of Byrd, Nocedal & Schnabel, "Representations of quasi-Newton matrices and their use in
limited memory methods", Math. Programming 63 (1994), eq. 3.2. The quadratic model is minimised on the driver by
coordinate descent, which costs no pass; so variables become exactly zero, or reach their bounds, in about as many
passes as L-BFGS needs for the smooth problem.
"""

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from treefold.solvers.kernels import descend_dense, descend_low_rank
from treefold.solvers.lbfgs import remember
from treefold.solvers.status import DIVERGED, NO_PROGRESS, RUNNING, put, running

DECREASE = 1e-4  # of the decrease that the model foretells
INNER = 1e-3  # slopes left by coordinate descent, of the largest at its start
WORK = 300_000_000  # products that coordinate descent may spend on a direction
MOST_SWEEPS = 300
MOST_TRIALS = 30


class Separable(Protocol):
    """What is added to the smooth function: ``sum_j lasso_j |x_j|``, and infinity outside of the bounds.

    Works on some ``models`` of the batch.
    """

    def rows(self, model: int) -> tuple[NDArray, NDArray, NDArray]:
        """Its ``lasso``, ``lower`` and ``upper``, each ``(p,)``."""
        ...

    def value(self, x: NDArray, models: NDArray) -> NDArray:
        """Value for each model."""
        ...

    def subgradient(self, x: NDArray, gradient: NDArray, models: NDArray) -> NDArray:
        """The smallest subgradient of the whole, given the gradient of the smooth part."""
        ...

    def prox(self, x: NDArray, step: NDArray, models: NDArray) -> NDArray:
        """Where ``(z - x)^2 / (2 step)`` and the term together are least."""
        ...

    def clip(self, x: NDArray) -> NDArray:
        """Nearest point within the bounds, of all models."""
        ...


def whole(
    term: Separable | None, x: NDArray, smooth: NDArray, slope: NDArray, models: NDArray
) -> tuple[NDArray, NDArray]:
    """Value and smallest subgradient of the smooth function and the term together."""
    if term is None:
        return smooth, slope
    return smooth + term.value(x, models), term.subgradient(x, slope, models)


class ProximalState(NamedTuple):
    """Accepted iterates, the way to ``target`` under way, and the newest-first history of differences.

    ``gradient`` is the smallest subgradient, ``slope`` the gradient of the smooth part; ``foretold`` the decrease of
    the whole function that a step of 1 should bring, negative. The rest is as in
    :class:`~treefold.solvers.lbfgs.LbfgsState`.
    """

    x: NDArray
    value: NDArray
    gradient: NDArray
    slope: NDArray
    target: NDArray
    foretold: NDArray
    step: NDArray
    trials: NDArray
    moves: NDArray
    turns: NDArray
    curvature: NDArray
    iteration: NDArray
    status: NDArray


class ProximalLbfgs(NamedTuple):
    """Proximal L-BFGS with a backtracking line search.

    Attributes
    ----------
    term : Separable
        The L1 penalties and bounds.
    history : int
        Pairs of differences that are kept.
    noise : float
        Relative rounding error of the values of ``fun``.
    hessian : (models, p, p), optional
        Rough second derivatives at the start; by default all variables are thought alike.
    """

    term: Separable
    history: int = 10
    noise: float = 1e-15
    hessian: NDArray | None = None

    def init(self, fun: Any, x0: NDArray) -> ProximalState:
        """State at ``x0``, moved within the bounds: one evaluation. The first step tried has length one at most."""
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
        return self._aim(state, running(state.status))

    def step(self, fun: Any, state: ProximalState) -> ProximalState:
        """Try one step of every running model: one evaluation."""
        tried = running(state.status)
        step, start, target = state.step[tried, None], state.x[tried], state.target[tried]
        x = np.where(step == 1, target, start + step * (target - start))
        smooth, slope = fun(x, tried)
        value = smooth + self.term.value(x, tried)
        gradient = self.term.subgradient(x, slope, tried)
        before, foretold = state.value[tried], state.foretold[tried] * step[:, 0]
        enough = value <= before + DECREASE * foretold
        # Where values drown in rounding, the subgradient decides.
        drowned = ~enough & (abs(value - before) <= self.noise * abs(before))
        falling = abs(gradient).max(axis=1, initial=0) < abs(state.gradient[tried]).max(axis=1, initial=0)
        accepted = enough | (drowned & falling)
        trials = np.where(accepted, 0, state.trials[tried] + 1)
        ended = ~accepted & (drowned | (trials >= MOST_TRIALS))
        state = state._replace(
            step=put(state.step, tried, np.where(accepted, 1.0, shorter(step[:, 0], value - before, foretold))),
            trials=put(state.trials, tried, trials),
            status=put(state.status, tried, np.where(ended, NO_PROGRESS, RUNNING)),
        )
        kept = tried[accepted]
        return self._accept(state, kept, x[accepted], value[accepted], gradient[accepted], slope[accepted])

    def _accept(
        self, state: ProximalState, models: NDArray, x: NDArray, value: NDArray, gradient: NDArray, slope: NDArray
    ) -> ProximalState:
        """Move ``models`` to their accepted points and aim anew."""
        if not len(models):
            return state
        history = remember(state, models, x - state.x[models], slope - state.slope[models])
        state = state._replace(
            x=put(state.x, models, x),
            value=put(state.value, models, value),
            gradient=put(state.gradient, models, gradient),
            slope=put(state.slope, models, slope),
            moves=put(state.moves, models, history[0]),
            turns=put(state.turns, models, history[1]),
            curvature=put(state.curvature, models, history[2]),
            iteration=put(state.iteration, models, state.iteration[models] + 1),
        )
        return self._aim(state, models)

    def _aim(self, state: ProximalState, models: NDArray) -> ProximalState:
        """Let ``models`` aim at the minima of their quadratic models."""
        target = state.x[models].copy()
        width = 4 * self.history if self.hessian is None else target.shape[1]
        sweeps = int(np.clip(WORK // max(1, width * target.shape[1]), 2, MOST_SWEEPS))
        for row, m in zip(target, models, strict=True):
            enough = INNER * abs(state.gradient[m]).max(initial=0.0)
            pairs = state.moves[m], state.turns[m], state.curvature[m]
            if self.hessian is None:
                low_rank = _low_rank(*pairs, state.gradient[m])
                descend_low_rank(row, state.slope[m], *self.term.rows(m), *low_rank, enough, sweeps)
            else:
                dense = _dense(*pairs, self.hessian[m])
                descend_dense(row, state.slope[m], *self.term.rows(m), dense, enough, sweeps)
        x = state.x[models]
        foretold = np.einsum("ap,ap->a", state.slope[models], target - x)
        foretold += self.term.value(target, models) - self.term.value(x, models)
        return state._replace(target=put(state.target, models, target), foretold=put(state.foretold, models, foretold))


def shorter(step: NDArray, rise: NDArray, foretold: NDArray) -> NDArray:
    """The minimum of the parabola through what is known, no shorter than a tenth, no longer than a half."""
    with np.errstate(all="ignore"):
        share = -foretold / (2 * (rise - foretold))
    return step * np.where(np.isfinite(share), np.clip(share, 0.1, 0.5), 0.1)


def _low_rank(moves: NDArray, turns: NDArray, curvature: NDArray, gradient: NDArray) -> tuple[float, NDArray, NDArray]:
    """The L-BFGS matrix as ``scale * I - W R'``."""
    filled = np.flatnonzero(curvature > 0)[::-1]  # oldest first, as in the paper
    if not len(filled):
        none = np.zeros((len(gradient), 0))
        return max(1.0, float(np.sqrt(gradient @ gradient))), none, none
    S, Y = moves[filled], turns[filled]
    scale = float(Y[-1] @ Y[-1] * curvature[filled[-1]])
    W, R = _factors(S, Y, scale * S)
    return scale, W, R


def _dense(moves: NDArray, turns: NDArray, curvature: NDArray, hessian: NDArray) -> NDArray:
    """The matrix that starts from a rough Hessian instead, scaled as the newest pair wants it."""
    filled = np.flatnonzero(curvature > 0)[::-1]
    if not len(filled):
        return hessian
    S, Y = moves[filled], turns[filled]
    start = hessian * float(Y[-1] @ np.linalg.solve(hessian, Y[-1]) * curvature[filled[-1]])
    W, R = _factors(S, Y, S @ start)
    return np.asarray(start - W @ R.T)


def _factors(S: NDArray, Y: NDArray, turned: NDArray) -> tuple[NDArray, NDArray]:
    """W and R, ``(p, 2 pairs)``, of ``B0 - W R'``; ``turned`` is ``B0`` times the moves, oldest first."""
    SY = S @ Y.T
    lower, diagonal = np.tril(SY, -1), np.diag(np.diag(SY))
    middle = np.block([[turned @ S.T, lower], [lower.T, -diagonal]])
    W = np.concatenate([turned, Y]).T
    # Rows and columns to one: moves and turns of very different lengths leave the matrix badly scaled, no worse.
    unit = 1 / np.sqrt(np.maximum(abs(np.diag(middle)), np.finfo(float).tiny))
    R = ((W * unit) @ np.linalg.inv(middle * unit[:, None] * unit)) * unit
    return np.ascontiguousarray(W), np.ascontiguousarray(R)
