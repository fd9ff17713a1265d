"""Steps of k-means, for a batch of models in one pass each.

A state is evaluated: its clusters, and so its cost and where its centres want to go, are those of the centres it holds.
"""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.draws import substream
from treefold.algorithms.kmeans.centres import Centres, assigned
from treefold.algorithms.kmeans.clusters import Batch, Clusters, clusters
from treefold.algorithms.kmeans.drawing import Drawn, farthest, merge_all
from treefold.blocks import Scan
from treefold.solvers.status import RUNNING, put, running

ROUNDING = 64 * float(np.finfo(float).eps)  # of a mean, relative to the values it is of


class State(NamedTuple):
    """A batch of models under way.

    Attributes
    ----------
    centres, target : (centres, features)
        Where the centres are, and where they go next.
    visited : (centres,)
        Weight of the rows that speak for a target.
    weight, rows, spread : (centres,)
        Of the rows nearest to ``centres``: weight, number, weighted squared distances.
    residual : (centres, features)
        Weighted sum of what is left of those rows.
    value : (models,)
        Cost: the weighted sum of squared distances, or of 1 - cos; estimated where only a mini-batch was seen.
    gradient : (models, 1)
        The farthest any centre goes next: a distance, or 1 - cos.
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
    gradient: NDArray
    iteration: NDArray
    status: NDArray


class Look(NamedTuple):
    """What a pass says of the centres.

    Attributes
    ----------
    sums : Clusters
    pull : (centres, features)
        Weighted sum of the ways from a centre to the rows it goes to.
    visited : (centres,)
        Weight of those rows.
    share : (models,)
        Share of all weight that was seen.
    """

    sums: Clusters
    pull: NDArray
    visited: NDArray
    share: NDArray


class Solver(Protocol):
    """One pass for the centres of the running models."""

    def look(self, blocks: Scan, centres: Centres, iteration: int, visited: NDArray) -> Look:
        """Where the centres should go, after ``iteration`` iterations that saw ``visited`` weight."""
        ...


class Lloyd(NamedTuple):
    """Lloyd's algorithm: every centre goes to the mean of its rows (to its direction, for the cosine distance).

    Lloyd, "Least squares quantization in PCM", IEEE Transactions on Information Theory 28, 1982, method I; for the
    cosine Dhillon & Modha, "Concept decompositions for large sparse text data using clustering", Machine Learning 42,
    2001. A centre without rows goes to the row farthest from its own centre, which leaves its cluster: one pass more.
    """

    def look(self, blocks: Scan, centres: Centres, iteration: int, visited: NDArray) -> Look:
        """See :class:`Solver`."""
        sums: Clusters = blocks.sum(clusters, centres)
        pull, weight = _reseeded(blocks, centres, sums) if (sums.rows == 0).any() else (sums.residual, sums.weight)
        return Look(sums, pull, weight, np.ones(len(centres.ends)))


class MiniBatch(NamedTuple):
    """Mini-batch k-means: a centre goes to the mean of all rows it has seen so far.

    Sculley, "Web-scale k-means clustering", WWW 2010, alg. 1: his rate, one over the rows seen, makes that mean. Rows
    are dealt out to the batches by a hash of (seed, position), anew each epoch; an epoch sees every row once.

    Attributes
    ----------
    batches : int
        Batches an epoch.
    seed : int
    weight : float
        Weight of all rows.
    """

    batches: int
    seed: int
    weight: float

    def look(self, blocks: Scan, centres: Centres, iteration: int, visited: NDArray) -> Look:
        """See :class:`Solver`."""
        epoch, number = divmod(iteration, self.batches)
        batch = Batch(number, self.batches, substream(self.seed, epoch))
        sums: Clusters = blocks.sum(clusters, centres, batch)
        seen = np.add.reduceat(sums.weight, [mine.start for mine in centres.slices])
        return Look(sums, sums.residual, visited + sums.weight, seen / self.weight)


def begin(blocks: Scan, solver: Solver, centres: Centres) -> State:
    """State at the start: one pass."""
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
        gradient=np.zeros((models, 1)),
        iteration=np.full(models, -1),
        status=np.full(models, RUNNING),
    )
    return step(blocks, solver, centres, state)


def step(blocks: Scan, solver: Solver, batch: Centres, state: State) -> State:
    """Move the centres of the running models to their targets and look again: one pass.

    ``batch`` says whose centres are whose.
    """
    live = running(state.status)
    mine = np.concatenate([np.arange(batch.slices[m].start, batch.slices[m].stop) for m in live])
    centres = Centres.of([state.target[batch.slices[m]] for m in live], batch.cosine)
    iteration = int(state.iteration[live[0]]) + 1  # running models run abreast
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
        gradient=put(state.gradient, live, _farthest_move(moved, starts, batch.cosine)[:, None]),
        iteration=put(state.iteration, live, np.full(len(live), iteration)),
    )


def _farthest_move(moved: NDArray, starts: list[int], cosine: bool) -> NDArray:
    move: NDArray = np.maximum.reduceat(moved, starts)
    return move**2 / 2 if cosine else move


def _targets(centres: Centres, look: Look) -> tuple[NDArray, NDArray]:
    """Where the centres go, and how far; they stay if they saw nothing, or if the way is but the rounding of sums."""
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


def _reseeded(blocks: Scan, centres: Centres, sums: Clusters) -> tuple[NDArray, NDArray]:
    """Pull and weight after the farthest rows have gone to the centres that had none."""
    pull, weight, left = sums.residual.copy(), sums.weight.copy(), sums.rows.copy()
    empty = [mine.start + np.flatnonzero(sums.rows[mine] == 0) for mine in centres.slices]
    far: tuple[Drawn, ...] = blocks.fold(farthest, centres, tuple(len(e) for e in empty), merge=merge_all)
    for m, (mine, drawn) in enumerate(zip(centres.slices, far, strict=True)):
        if not len(drawn.position):
            continue
        rows = drawn.dense(centres.cosine)
        own = np.concatenate([part.label[m] for part in assigned(rows, centres)]) + mine.start
        for j, old, row, w in zip(empty[m], own, rows, drawn.weight, strict=False):
            pull[old] -= w * (row - centres.at[old])
            weight[old] -= w
            left[old] -= 1
            pull[j], weight[j], left[j] = w * (row - centres.at[j]), w, 1
    return pull, np.where(left > 0, weight, 0.0)
