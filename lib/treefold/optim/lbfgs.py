"""L-BFGS for a batch of models: Nocedal & Wright, Numerical Optimization, 2nd ed., algorithms 7.4 and 7.5."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.optim import line_search
from treefold.optim.composite import Separable
from treefold.optim.curvature_pairs import remember
from treefold.optim.needs import Needs
from treefold.optim.proximal_lbfgs import ProximalLbfgs
from treefold.optim.status import DIVERGED, NO_PROGRESS, RUNNING, put, running

FALL = 0.9  # largest ratio of new to old gradient that counts as progress if values differ by rounding alone


class LbfgsState(NamedTuple):
    """State of L-BFGS.

    Attributes
    ----------
    x, gradient : (models, p)
        Accepted iterates and their gradients.
    value : (models,)
    direction : (models, p)
        Direction of the current line search.
    search : Search
        State of the line search.
    x_diffs, grad_diffs : (models, history, p)
        Differences of iterates and of gradients, the newest first.
    curvature : (models, history)
        ``1 / (x_diff . grad_diff)``; zero for an unused place.
    iteration, status : (models,) int
    """

    x: NDArray
    value: NDArray
    gradient: NDArray
    direction: NDArray
    search: line_search.Search
    x_diffs: NDArray
    grad_diffs: NDArray
    curvature: NDArray
    iteration: NDArray
    status: NDArray


class Inverse(NamedTuple):
    """Approximate inverse Hessians ``(mix x I) diag(blocks) (mix' x I)``, for variables in ``parts`` groups.

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
        """The matrix of each of ``models`` times its row of ``rows``, ``(len(models), p)``."""
        parts = self.mix.T @ rows.reshape(len(rows), *self.blocks.shape[1:3])
        return (self.mix @ (self.blocks[models] @ parts[..., None])[..., 0]).reshape(rows.shape)


class Lbfgs(NamedTuple):
    """Limited-memory BFGS with a strong Wolfe line search.

    Attributes
    ----------
    history : int, default 10
        Number of pairs of differences that are kept.
    noise : float, default 1e-15
        Relative rounding error of the values of ``fun``.
    inverse : Inverse, optional
        Approximate inverse Hessian at the start; the identity by default.

    References
    ----------
    Nocedal & Wright, Numerical Optimization, 2nd ed., algorithms 7.4 and 7.5.
    """

    history: int = 10
    noise: float = 1e-15
    inverse: Inverse | None = None

    @property
    def term(self) -> None:
        """None: with a term the solver is :class:`ProximalLbfgs`."""
        return

    @property
    def needs(self) -> Needs:
        """Values and gradients."""
        return Needs()

    @property
    def estimates(self) -> bool:
        """False: values are computed from all rows."""
        return False

    def with_term(self, term: Separable) -> ProximalLbfgs:
        """The solver for a function plus L1 penalties and bounds."""
        return ProximalLbfgs(term, self.history, self.noise)

    def hessian_outputs(self, outputs: int) -> int:
        """1: the solver uses second derivatives of one output at a time."""
        return 1

    def with_hessian(self, mix: NDArray, hessian: NDArray) -> "Lbfgs":
        """The solver with second derivatives at the start, of combinations of the outputs.

        Parameters
        ----------
        mix : (outputs, outputs)
            Orthogonal combinations of the outputs.
        hessian : (models, outputs, q, q)
            Second derivatives of each combination.

        Returns
        -------
        Lbfgs
        """
        return self._replace(inverse=Inverse(np.linalg.inv(hessian), mix))

    def init(self, fun: Any, x0: NDArray) -> LbfgsState:
        """State at ``x0``: one evaluation. Without an inverse Hessian the first step has at most length one."""
        models, p = x0.shape
        value, gradient = fun(x0, np.arange(models))
        square = np.einsum("mp,mp->m", gradient, gradient)
        first = 1.0 / np.maximum(1.0, np.sqrt(square)) if self.inverse is None else np.ones(models)
        direction = -self._roughly(gradient, np.arange(models))
        slope = np.einsum("mp,mp->m", gradient, direction)
        pairs = np.zeros((models, self.history, p))
        return LbfgsState(
            x0, value, gradient, direction, line_search.begin(value, slope, first), pairs, pairs,
            np.zeros((models, self.history)), np.zeros(models, np.int64),
            np.where(np.isfinite(value) & np.isfinite(square), RUNNING, DIVERGED),
        )  # fmt: skip

    def step(self, fun: Any, state: LbfgsState) -> LbfgsState:
        """One trial of the line search of every running model; models that accept it get a new direction."""
        tried = running(state.status)
        search = line_search.Search(*(field[tried] for field in state.search))
        direction = state.direction[tried]
        x = state.x[tried] + search.step[:, None] * direction
        value, gradient = fun(x, tried)
        search = line_search.advance(search, value, np.einsum("ap,ap->a", gradient, direction), self.noise)
        # If values differ by rounding alone, the gradient decides.
        falling = abs(gradient).max(axis=1, initial=0) < FALL * abs(state.gradient[tried]).max(axis=1, initial=0)
        drowned = search.outcome == line_search.DROWNED
        accepted = (search.outcome == line_search.ACCEPTED) | (drowned & falling)
        ended = (search.outcome == line_search.FAILED) | (drowned & ~falling)
        state = state._replace(
            search=_put(state.search, tried, search),
            status=put(state.status, tried, np.where(ended, NO_PROGRESS, RUNNING)),
        )
        return self._accept(state, tried[accepted], x[accepted], value[accepted], gradient[accepted])

    def _accept(self, state: LbfgsState, models: NDArray, x: NDArray, value: NDArray, gradient: NDArray) -> LbfgsState:
        """Move ``models`` to their accepted points and begin their next line searches."""
        if not len(models):
            return state
        x_diffs, grad_diffs, curvature = remember(state, models, x - state.x[models], gradient - state.gradient[models])
        direction = self._two_loops(gradient, x_diffs, grad_diffs, curvature, models)
        slope = np.einsum("ap,ap->a", gradient, direction)
        direction = np.where(slope[:, None] < 0, direction, -gradient)  # rounding can make it point uphill
        slope = np.where(slope < 0, slope, -np.einsum("ap,ap->a", gradient, gradient))
        return LbfgsState(
            put(state.x, models, x),
            put(state.value, models, value),
            put(state.gradient, models, gradient),
            put(state.direction, models, direction),
            _put(state.search, models, line_search.begin(value, slope, np.ones(len(models)))),
            put(state.x_diffs, models, x_diffs),
            put(state.grad_diffs, models, grad_diffs),
            put(state.curvature, models, curvature),
            put(state.iteration, models, state.iteration[models] + 1),
            state.status,
        )

    def _two_loops(
        self, gradient: NDArray, x_diffs: NDArray, grad_diffs: NDArray, curvature: NDArray, models: NDArray
    ) -> NDArray:
        """Quasi-Newton direction ``-H gradient`` of each model; unused places have curvature 0 and no effect."""
        q = gradient.copy()
        history = x_diffs.shape[1]
        alpha = np.zeros(curvature.shape)
        for i in range(history):
            alpha[:, i] = curvature[:, i] * np.einsum("ap,ap->a", x_diffs[:, i], q)
            q -= alpha[:, i, None] * grad_diffs[:, i]
        newest = np.einsum("ap,ap->a", grad_diffs[:, 0], self._roughly(grad_diffs[:, 0], models)) * curvature[:, 0]
        q = self._roughly(q, models) / np.where(newest > 0, newest, 1.0)[:, None]
        for i in reversed(range(history)):
            beta = curvature[:, i] * np.einsum("ap,ap->a", grad_diffs[:, i], q)
            q += (alpha[:, i] - beta)[:, None] * x_diffs[:, i]
        return -q

    def _roughly(self, rows: NDArray, models: NDArray) -> NDArray:
        """The approximate inverse Hessian of each model times its row of variables."""
        return rows if self.inverse is None else self.inverse.times(rows, models)


def _put(search: line_search.Search, models: NDArray, rows: line_search.Search) -> line_search.Search:
    return line_search.Search(*(put(field, models, row) for field, row in zip(search, rows, strict=True)))
