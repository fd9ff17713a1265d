"""The fit of k-means: restarts and numbers of clusters share every pass."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from treefold.algorithms.kmeans.centres import Centres
from treefold.algorithms.kmeans.first_pass import FirstPass, first_pass
from treefold.algorithms.kmeans.lloyd import Lloyd, MiniBatch, Solver
from treefold.algorithms.kmeans.start import Start, Wanted, start
from treefold.algorithms.kmeans.steps import State, begin, farthest_move, step
from treefold.algorithms.objective_history import ObjectiveHistory
from treefold.dataset.blocks import Blocks
from treefold.dataset.random import substream
from treefold.errors import InputError
from treefold.optim.iterate import OnStep, Rungs, iterate


class Trial(NamedTuple):
    """One fitted model of the batch.

    Attributes
    ----------
    centres : (k, features)
    weight, rows, spread : (k,)
        Weight, number and weighted squared distances of the rows of each cluster.
    residual : (k, features)
        Weighted sum of the residuals of those rows.
    costs : list of float
        Cost at the start and after each iteration; after mini-batches the last one is that of all rows.
    iterations, status : int
        As in :mod:`treefold.optim.status`.
    """

    centres: NDArray
    weight: NDArray
    rows: NDArray
    spread: NDArray
    residual: NDArray
    costs: list[float]
    iterations: int
    status: int

    @property
    def cost(self) -> float:
        """Weighted sum of squared distances, or of 1 - cos."""
        return self.costs[-1]


def fit(
    blocks: Blocks,
    ks: list[int],
    *,
    restarts: int = 1,
    start_by: Start | list[NDArray] = Start(),  # noqa: B008 - an immutable tuple
    cosine: bool = False,
    batch_rows: int | None = None,
    max_iter: ArrayLike = 20,
    tol: ArrayLike = 1e-4,
    seed: int = 0,
    on_step: OnStep | None = None,
    rungs: Rungs | None = None,
) -> list[list[Trial]]:
    """Fit ``restarts`` models for every number of clusters, all in the same passes.

    Parameters
    ----------
    blocks : Blocks
        The data set.
    ks : list of int
        Numbers of clusters.
    restarts : int, default 1
        Models for each number of clusters, which differ in their first centres.
    start_by : Start or list of (k, features)
        How to draw the first centres, or the first centres for each of ``ks``.
    cosine : bool, default False
        Whether the distance is ``1 - cos`` of the angle instead of the squared Euclidean distance.
    batch_rows : int, optional
        Rows of a mini-batch; all rows if None.
    max_iter : int, or one for each of ``ks``, default 20
        Most iterations.
    tol : float, or one for each of ``ks``, default 1e-4
        A model stops when no centre would move farther than ``tol``; for the cosine distance ``tol`` is a bound of 1 -
        cos.
    seed : int, default 0
        Seed of the first centres and of mini-batches.
    on_step : callable, optional
        Called after every iteration with the state.
    rungs : Rungs, optional
        ``rungs.select`` is called with the current return value of this function and returns which of ``ks`` continue.

    Returns
    -------
    list of list of Trial
        For each of ``ks`` its restarts.

    Raises
    ------
    InputError
        If all weights are zero, if the distance is the cosine and a row is zero, or if given centres do not fit the
        data.
    """
    found, centres = _first_centres(blocks, ks, restarts, start_by, cosine, seed)
    batch, owner = Centres.of(centres, cosine), np.repeat(np.arange(len(ks)), restarts)
    batches = 1 if batch_rows is None else -(-found.rows // batch_rows)
    solver: Solver = Lloyd() if batches == 1 else MiniBatch(batches, substream(seed, -1), found.weight)
    costs = ObjectiveHistory(len(centres), on_step)

    def fitted(state: State) -> list[list[Trial]]:
        trials = [_trial(state, mine, m, costs.values[m]) for m, mine in enumerate(batch.slices)]
        return [trials[i : i + restarts] for i in range(0, len(trials), restarts)]

    def each(values: ArrayLike) -> NDArray:
        return np.broadcast_to(np.asarray(values), len(ks))[owner]

    state = iterate(
        lambda state: step(blocks, solver, batch, state),
        begin(blocks, solver, batch),
        each(max_iter),
        each(tol),
        costs,
        rungs and rungs.through(fitted, owner),
        progress=farthest_move,
    )
    if batches > 1:
        of_all_rows = begin(blocks, Lloyd(), Centres(state.centres, batch.ends, cosine))
        costs.end_with(of_all_rows.value)
        state = of_all_rows._replace(iteration=state.iteration, status=state.status)
    return fitted(state)


def _first_centres(
    blocks: Blocks, ks: list[int], restarts: int, start_by: Start | list[NDArray], cosine: bool, seed: int
) -> tuple[FirstPass, list[NDArray]]:
    """What the first pass has found of the rows, and the first centres of every model of the batch."""
    if isinstance(start_by, Start):
        wanted = [Wanted(k, substream(seed, k, restart)) for k in ks for restart in range(restarts)]
        return start(blocks, start_by, wanted, cosine)
    found = first_pass(blocks, cosine, ())
    return found, [_given(centre, blocks.features, cosine) for centre in start_by for _ in range(restarts)]


def best_of(trials: list[Trial]) -> Trial:
    """The trial of least cost; the first one of equal trials."""
    return min(trials, key=lambda trial: trial.cost)


def _trial(state: State, mine: slice, m: int, costs: list[float]) -> Trial:
    return Trial(
        centres=state.centres[mine],
        weight=state.weight[mine],
        rows=state.rows[mine],
        spread=state.spread[mine],
        residual=state.residual[mine],
        costs=costs,
        iterations=int(state.iteration[m]),
        status=int(state.status[m]),
    )


def _given(centres: NDArray, features: int, cosine: bool) -> NDArray:
    at = np.asarray(centres, np.float64)
    if at.ndim != 2 or at.shape[1] != features or not np.isfinite(at).all():
        raise InputError(f"the centres given are of shape {at.shape}: they must be finite, (k, {features})")
    if not cosine:
        return at
    length = np.linalg.norm(at, axis=1, keepdims=True)
    if not length.all():
        raise InputError("a centre given is all zeros and has no direction: leave it out")
    return at / length
