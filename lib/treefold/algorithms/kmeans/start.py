"""The first centres: random rows, k-means++, or k-means||.

Rows are drawn by a hash of their values, so the first centres are the same in any order of the rows. Where rows repeat
often, rows are drawn by position instead, because a draw by values takes equal rows for one.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.kmeans.centres import Centres
from treefold.algorithms.kmeans.clusters import Clusters, clusters
from treefold.algorithms.kmeans.distance_sampling import directed, draw_far
from treefold.algorithms.kmeans.first_pass import FirstPass, first_pass
from treefold.algorithms.kmeans.lloyd import Lloyd
from treefold.algorithms.kmeans.steps import begin, farthest_move, step
from treefold.dataset.block import Block
from treefold.dataset.blocks import Blocks, Merge
from treefold.dataset.random import exponential_keys, substream
from treefold.optim.iterate import iterate
from treefold.statistics.row_sampling import Draw, Drawn, draw_rows, merge_all

REFINEMENTS = 30  # most iterations of Lloyd's algorithm on the candidates of k-means||


class Wanted(NamedTuple):
    """One model of the batch: its number of centres, and its seed."""

    k: int
    seed: int


class Start(NamedTuple):
    """How the first centres are chosen.

    Attributes
    ----------
    mode : ``random``, ``k-means++`` or ``k-means||``
    rounds : int
        Rounds of k-means||.
    oversampling : float
        Rows that a round of k-means|| draws, in multiples of k.
    """

    mode: str = "k-means||"
    rounds: int = 2
    oversampling: float = 2.0


def start(blocks: Blocks, how: Start, wanted: list[Wanted], cosine: bool) -> tuple[FirstPass, list[NDArray]]:
    """The first pass, and the first centres of every model.

    Parameters
    ----------
    blocks : Blocks
        The data set.
    how : Start
        How the first centres are chosen.
    wanted : list of Wanted
        The models of the batch.
    cosine : bool
        Whether the distance is the cosine distance.

    Returns
    -------
    tuple of FirstPass and list of (k, features)
        If fewer distinct rows than centres can be drawn, the last centres repeat.

    Raises
    ------
    InputError
        As :func:`~treefold.algorithms.kmeans.first_pass.first_pass`.
    """
    first = tuple(Draw(w.k if how.mode == "random" else 1, substream(w.seed, 0)) for w in wanted)
    found = first_pass(blocks, cosine, first)
    sample = found.drawn if found.by_value else blocks.reduce(draw_rows, first, merge=merge_all)
    centres = [directed(drawn, cosine) for drawn in sample]
    grow = partial(_grow, blocks, cosine=cosine, by_value=found.by_value)
    if how.mode == "k-means++":
        _plus_plus(grow, centres, wanted)
    if how.mode == "k-means||":
        centres = _parallel(blocks, grow, how, centres, wanted, cosine)
    return found, [_filled(mine, w.k) for mine, w in zip(centres, wanted, strict=True)]


def _filled(centres: NDArray, k: int) -> NDArray:
    return np.concatenate([centres, np.repeat(centres[-1:], k - len(centres), axis=0)])


def _plus_plus(grow: Callable, centres: list[NDArray], wanted: list[Wanted]) -> None:
    """Exact k-means++: one pass for each centre, for all models at once.

    References
    ----------
    Arthur & Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007, sec. 2.2.
    """
    for number in range(1, max(w.k for w in wanted)):
        growing = [m for m, w in enumerate(wanted) if w.k > number and len(centres[m]) == number]
        if not growing:
            break
        draws = tuple(Draw(1, substream(wanted[m].seed, number)) for m in growing)
        grow(centres, growing, draws)


def _parallel(
    blocks: Blocks, grow: Callable, how: Start, centres: list[NDArray], wanted: list[Wanted], cosine: bool
) -> list[NDArray]:
    """k-means||: a few rounds that draw many candidates, of which each model then keeps k.

    A round draws exactly ``oversampling * k`` rows without replacement in proportion to their squared distance. The
    paper draws each row independently with that expected number. A round here is one pass instead of two.

    References
    ----------
    Bahmani, Moseley, Vattani, Kumar & Vassilvitskii, "Scalable k-means++", PVLDB 5, 2012, alg. 2.
    """
    everyone = list(range(len(wanted)))
    for number in range(1, how.rounds + 1):
        draws = tuple(Draw(int(np.ceil(how.oversampling * w.k)), substream(w.seed, number)) for w in wanted)
        grow(centres, everyone, draws)
    sums: Clusters = blocks.sum(clusters, Centres.of(centres, cosine))
    parts = Centres.of(centres, cosine).slices
    return [_reduced(mine, sums.weight[p], w, cosine) for mine, p, w in zip(centres, parts, wanted, strict=True)]


def _grow(
    blocks: Blocks,
    centres: list[NDArray],
    models: list[int],
    draws: tuple[Draw, ...],
    cosine: bool,
    by_value: bool,
) -> None:
    """Add rows drawn by their squared distance to the centres of some models: one pass."""
    batch = Centres.of([centres[m] for m in models], cosine)
    drawn: tuple[Drawn, ...] = blocks.reduce(draw_far, batch, draws, by_value, merge=merge_all)
    for m, rows in zip(models, drawn, strict=True):
        centres[m] = np.concatenate([centres[m], directed(rows, cosine)])


def _reduced(candidates: NDArray, weight: NDArray, wanted: Wanted, cosine: bool) -> NDArray:
    """Choose k of the weighted candidates by k-means++ and move them by Lloyd's algorithm on the candidates."""
    chosen = _choose(candidates, weight, wanted)
    block = Block(candidates, np.zeros(len(candidates)), weight, 0)
    inside, batch = OneBlock(block), Centres.of([chosen], cosine)
    state = iterate(
        lambda s: step(inside, Lloyd(), batch, s),
        begin(inside, Lloyd(), batch),
        REFINEMENTS,
        0.0,
        progress=farthest_move,
    )
    centres: NDArray = state.centres
    return centres


def _choose(candidates: NDArray, weight: NDArray, wanted: Wanted) -> NDArray:
    """k-means++ over rows in memory; the distances are updated from one centre to the next."""
    place = np.arange(len(candidates), dtype=np.uint64)
    distance, chosen = np.ones(len(candidates)), []
    for number in range(wanted.k):
        arrival = exponential_keys(place, weight * distance, substream(wanted.seed, -1, number))
        new = int(arrival.argmin())
        if arrival[new] == np.inf:
            break
        chosen.append(new)
        gap = np.square(candidates - candidates[new]).sum(axis=1)
        distance = gap if number == 0 else np.minimum(distance, gap)
    return candidates[chosen]


class OneBlock:
    """Rows in memory with the interface of blocks."""

    def __init__(self, block: Block) -> None:
        self.block = block

    def sum(self, stat: Callable, *args: Any) -> Any:
        """See :class:`treefold.dataset.blocks.Blocks`."""
        return stat(self.block, *args)

    def reduce(self, stat: Callable, *args: Any, merge: Merge) -> Any:
        """See :class:`treefold.dataset.blocks.Scan`."""
        return stat(self.block, *args)
