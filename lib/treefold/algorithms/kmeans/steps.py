"""Steps of k-means for a batch of models: one pass for each step.

A state is evaluated: its clusters, its cost and the targets of its centres belong to the centres that it holds.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.kmeans.centres import Centres
from treefold.algorithms.kmeans.lloyd import Look, Solver
from treefold.dataset.blocks import Scan
from treefold.optim.status import RUNNING, put, running

ROUNDING = 64 * float(np.finfo(float).eps)  # rounding error of a mean, relative to the values


class State(NamedTuple):
    """State of a batch of models.

    Attributes
    ----------
    centres, target : (centres, features)
        Current centres, and their next positions.
    visited : (centres,)
        Weight of the rows that determine a target.
    weight, rows, spread : (centres,)
        Of the rows nearest to ``centres``: weight, number, weighted squared distances.
    residual : (centres, features)
        Weighted sum of the residuals of those rows.
    value : (models,)
        Cost: the weighted sum of squared distances, or of 1 - cos; estimated if only a mini-batch was seen.
    move : (models,)
        The greatest next move of a centre: a distance, or 1 - cos.
    iteration, status : (models,)
    """

    centres: NDArray
    target: NDArray
    visited: NDArray
    weight: NDArray
    rows: NDArray
    spread: NDArray
    residual: NDArray
    value: NDArray
    move: NDArray
    iteration: NDArray
    status: NDArray


def farthest_move(state: State) -> NDArray:
    """The measure of progress of k-means, for :func:`treefold.optim.iterate.iterate`."""
    return state.move


def begin(blocks: Scan, solver: Solver, centres: Centres) -> State:
    """State at the start: one pass.

    Parameters
    ----------
    blocks : Scan
        All rows.
    solver : Solver
        Lloyd's iteration, or mini-batches.
    centres : Centres
        The first centres.

    Returns
    -------
    State
    """
    models, nothing = len(centres.ends), np.zeros(len(centres.at))
    state = State(
        centres=centres.at,
        target=centres.at,
        visited=nothing,
        weight=nothing,
        rows=nothing.astype(np.int64),
        spread=nothing,
        residual=np.zeros_like(centres.at),
        value=np.zeros(models),
        move=np.zeros(models),
        iteration=np.full(models, -1),
        status=np.full(models, RUNNING),
    )
    return step(blocks, solver, centres, state)


def step(blocks: Scan, solver: Solver, batch: Centres, state: State) -> State:
    """Move the centres of the running models to their targets and evaluate them: one pass.

    Parameters
    ----------
    blocks : Scan
        All rows.
    solver : Solver
        Lloyd's iteration, or mini-batches.
    batch : Centres
        The boundaries between the models.
    state : State
        The state before the step.

    Returns
    -------
    State
    """
    live = running(state.status)
    mine = np.concatenate([np.arange(batch.slices[m].start, batch.slices[m].stop) for m in live])
    centres = Centres.of([state.target[batch.slices[m]] for m in live], batch.cosine)
    iteration = int(state.iteration[live[0]]) + 1  # all running models are at the same iteration
    look = solver.look(blocks, centres, iteration, state.visited[mine])
    target, moved = _targets(centres, look)
    starts = [part.start for part in centres.slices]
    unit = 0.5 if batch.cosine else 1.0  # |x - c|^2 / 2 = 1 - cos between rows of length 1
    share = np.where(look.share > 0, look.share, 1.0)
    return state._replace(
        centres=put(state.centres, mine, centres.at),
        target=put(state.target, mine, target),
        visited=put(state.visited, mine, look.visited),
        weight=put(state.weight, mine, look.sums.weight),
        rows=put(state.rows, mine, look.sums.rows),
        spread=put(state.spread, mine, look.sums.cost),
        residual=put(state.residual, mine, look.sums.residual),
        value=put(state.value, live, unit * np.add.reduceat(look.sums.cost, starts) / share),
        move=put(state.move, live, _farthest_move(moved, starts, batch.cosine)),
        iteration=put(state.iteration, live, np.full(len(live), iteration)),
    )


def _farthest_move(moved: NDArray, starts: list[int], cosine: bool) -> NDArray:
    move: NDArray = np.maximum.reduceat(moved, starts)
    return move**2 / 2 if cosine else move


def _targets(centres: Centres, look: Look) -> tuple[NDArray, NDArray]:
    """Targets of the centres and the distances to them; a centre that saw no row, or would move by rounding, stays."""
    weight = look.visited[:, None]
    target = centres.at + np.divide(look.pull, weight, out=np.zeros_like(look.pull), where=weight > 0)
    if centres.cosine:
        length = np.linalg.norm(target, axis=1, keepdims=True)
        target = np.where(length > 0, target / np.where(length > 0, length, 1.0), centres.at)
    moved = np.linalg.norm(target - centres.at, axis=1)
    seen = np.maximum(look.sums.weight, np.finfo(float).tiny)
    size = np.linalg.norm(centres.at, axis=1) + np.sqrt(look.sums.cost / seen)
    stays = moved <= ROUNDING * size
    return np.where(stays[:, None], centres.at, target), np.where(stays, 0.0, moved)
