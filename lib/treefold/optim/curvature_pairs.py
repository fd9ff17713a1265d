"""The history of L-BFGS: pairs of a step and the change of the gradient along the step."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def remember(state: Any, models: NDArray, move: NDArray, turn: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """The history with the newest pair in front.

    A pair without positive curvature is left out.

    Parameters
    ----------
    state : NamedTuple
        Solver state with ``x``, ``x_diffs``, ``grad_diffs`` and ``curvature``.
    models : (len(models),) int
        Indices of the models that moved.
    move, turn : (len(models), p)
        Differences of their iterates and of their gradients.

    Returns
    -------
    tuple of NDArray
        ``x_diffs``, ``grad_diffs`` and ``curvature`` of these models.
    """
    dot = np.einsum("ap,ap->a", move, turn)
    fits = dot > np.finfo(float).eps * np.einsum("ap,ap->a", turn, turn)
    mine = slice(None) if len(models) == len(state.x) else models  # indexing all models with a slice makes no copy
    new = (move, turn, 1.0 / np.where(fits, dot, 1.0))
    x_diffs, grad_diffs, curvature = (
        _in_front(newest, old[mine], fits)
        for newest, old in zip(new, (state.x_diffs, state.grad_diffs, state.curvature), strict=True)
    )
    return x_diffs, grad_diffs, curvature


def _in_front(newest: NDArray, history: NDArray, fits: NDArray) -> NDArray:
    """The history with ``newest`` in front for the models for which it ``fits``."""
    longer = np.concatenate([newest[:, None], history[:, :-1]], axis=1)
    if fits.all():
        return longer
    return np.where(fits.reshape(-1, *[1] * (history.ndim - 1)), longer, history)
