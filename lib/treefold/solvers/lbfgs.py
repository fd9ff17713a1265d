"""L-BFGS for a batch of models: Nocedal & Wright, Numerical Optimization, 2nd ed., algorithms 7.4 and 7.5."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.solvers import wolfe
from treefold.solvers.status import DIVERGED, NO_PROGRESS, RUNNING, put, running

FALL = 0.9  # of the gradient, at least, where the value can tell no more


class LbfgsState(NamedTuple):
    """Accepted iterates, the search along ``direction`` under way, and the newest-first history of differences.

    ``x``, ``gradient`` and ``direction`` are ``(models, p)``; ``moves`` and ``turns`` (differences of iterates and of
    gradients) ``(models, history, p)``; ``curvature`` is ``1 / (move . turn)``, zero for a place not yet filled.
    """

    x: NDArray
    value: NDArray
    gradient: NDArray
    direction: NDArray
    search: wolfe.Search
    moves: NDArray
    turns: NDArray
    curvature: NDArray
    iteration: NDArray
    status: NDArray


class Inverse(NamedTuple):
    """Rough inverse Hessians ``(mix x I) diag(blocks) (mix' x I)`` of models whose variables stand in ``parts`` rows.

    Attributes
    ----------
    blocks : (models, parts, q, q)
        For ``p = parts * q`` variables.
    mix : (parts, parts)
        Orthogonal.
    """

    blocks: NDArray
    mix: NDArray

    def times(self, rows: NDArray, models: NDArray) -> NDArray:
        """The matrix of each of ``models`` times its row, ``(len(models), p)``."""
        parts = self.mix.T @ rows.reshape(len(rows), *self.blocks.shape[1:3])
        return (self.mix @ (self.blocks[models] @ parts[..., None])[..., 0]).reshape(rows.shape)


class Lbfgs(NamedTuple):
    """Limited-memory BFGS with a strong Wolfe line search.

    Attributes
    ----------
    history : int
        Pairs of differences that are kept.
    noise : float
        Relative rounding error of the values of ``fun``.
    inverse : Inverse, optional
        Of all models at the start; by default all variables are thought alike.
    """

    history: int = 10
    noise: float = 1e-15
    inverse: Inverse | None = None

    def init(self, fun: Any, x0: NDArray) -> LbfgsState:
        """State at ``x0``: one evaluation. The first step tried has length one at most, if nothing is known of it."""
        models, p = x0.shape
        value, gradient = fun(x0, np.arange(models))
        square = np.einsum("mp,mp->m", gradient, gradient)
        first = 1.0 / np.maximum(1.0, np.sqrt(square)) if self.inverse is None else np.ones(models)
        direction = -self._roughly(gradient, np.arange(models))
        slope = np.einsum("mp,mp->m", gradient, direction)
        pairs = np.zeros((models, self.history, p))
        return LbfgsState(
            x0, value, gradient, direction, wolfe.begin(value, slope, first), pairs, pairs,
            np.zeros((models, self.history)), np.zeros(models, np.int64),
            np.where(np.isfinite(value) & np.isfinite(square), RUNNING, DIVERGED),
        )  # fmt: skip

    def step(self, fun: Any, state: LbfgsState) -> LbfgsState:
        """One trial of the line search of every running model; those that accept it turn to a new direction."""
        tried = running(state.status)
        search = wolfe.Search(*(field[tried] for field in state.search))
        direction = state.direction[tried]
        x = state.x[tried] + search.step[:, None] * direction
        value, gradient = fun(x, tried)
        search = wolfe.advance(search, value, np.einsum("ap,ap->a", gradient, direction), self.noise)
        # Where values drown in rounding, the gradient decides.
        falling = abs(gradient).max(axis=1, initial=0) < FALL * abs(state.gradient[tried]).max(axis=1, initial=0)
        drowned = search.outcome == wolfe.DROWNED
        accepted = (search.outcome == wolfe.ACCEPTED) | (drowned & falling)
        ended = (search.outcome == wolfe.FAILED) | (drowned & ~falling)
        state = state._replace(
            search=_put(state.search, tried, search),
            status=put(state.status, tried, np.where(ended, NO_PROGRESS, RUNNING)),
        )
        return self._accept(state, tried[accepted], x[accepted], value[accepted], gradient[accepted])

    def _accept(self, state: LbfgsState, models: NDArray, x: NDArray, value: NDArray, gradient: NDArray) -> LbfgsState:
        """Move ``models`` to their accepted points and begin their next searches."""
        if not len(models):
            return state
        moves, turns, curvature = remember(state, models, x - state.x[models], gradient - state.gradient[models])
        direction = self._two_loops(gradient, moves, turns, curvature, models)
        slope = np.einsum("ap,ap->a", gradient, direction)
        direction = np.where(slope[:, None] < 0, direction, -gradient)  # rounding can turn a direction uphill
        slope = np.where(slope < 0, slope, -np.einsum("ap,ap->a", gradient, gradient))
        return LbfgsState(
            put(state.x, models, x),
            put(state.value, models, value),
            put(state.gradient, models, gradient),
            put(state.direction, models, direction),
            _put(state.search, models, wolfe.begin(value, slope, np.ones(len(models)))),
            put(state.moves, models, moves),
            put(state.turns, models, turns),
            put(state.curvature, models, curvature),
            put(state.iteration, models, state.iteration[models] + 1),
            state.status,
        )

    def _two_loops(
        self, gradient: NDArray, moves: NDArray, turns: NDArray, curvature: NDArray, models: NDArray
    ) -> NDArray:
        """Quasi-Newton direction ``-H gradient`` of each model. Places not filled have no curvature and do nothing."""
        q = gradient.copy()
        history = moves.shape[1]
        alpha = np.zeros(curvature.shape)
        for i in range(history):
            alpha[:, i] = curvature[:, i] * np.einsum("ap,ap->a", moves[:, i], q)
            q -= alpha[:, i, None] * turns[:, i]
        newest = np.einsum("ap,ap->a", turns[:, 0], self._roughly(turns[:, 0], models)) * curvature[:, 0]
        q = self._roughly(q, models) / np.where(newest > 0, newest, 1.0)[:, None]
        for i in reversed(range(history)):
            beta = curvature[:, i] * np.einsum("ap,ap->a", turns[:, i], q)
            q += (alpha[:, i] - beta)[:, None] * moves[:, i]
        return -q

    def _roughly(self, rows: NDArray, models: NDArray) -> NDArray:
        """The rough inverse Hessian of each model times its row of variables."""
        return rows if self.inverse is None else self.inverse.times(rows, models)


def _put(search: wolfe.Search, models: NDArray, rows: wolfe.Search) -> wolfe.Search:
    return wolfe.Search(*(put(field, models, row) for field, row in zip(search, rows, strict=True)))


def remember(state: Any, models: NDArray, move: NDArray, turn: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """History with the newest pair in front; a pair without positive curvature is left out."""
    dot = np.einsum("ap,ap->a", move, turn)
    fits = dot > np.finfo(float).eps * np.einsum("ap,ap->a", turn, turn)
    mine = slice(None) if len(models) == len(state.x) else models  # all of them need no copy
    new = (move, turn, 1.0 / np.where(fits, dot, 1.0))
    moves, turns, curvature = (
        _in_front(newest, old[mine], fits)
        for newest, old in zip(new, (state.moves, state.turns, state.curvature), strict=True)
    )
    return moves, turns, curvature


def _in_front(newest: NDArray, history: NDArray, fits: NDArray) -> NDArray:
    """History with ``newest`` in front, of the models that it fits."""
    longer = np.concatenate([newest[:, None], history[:, :-1]], axis=1)
    if fits.all():
        return longer
    return np.where(fits.reshape(-1, *[1] * (history.ndim - 1)), longer, history)
