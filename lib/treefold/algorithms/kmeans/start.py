"""Where centres begin: drawn at random, by k-means++, or by k-means||."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.draws import race, substream
from treefold.algorithms.kmeans.census import Census, census
from treefold.algorithms.kmeans.centres import Centres
from treefold.algorithms.kmeans.clusters import Clusters, clusters
from treefold.algorithms.kmeans.drawing import Draw, Drawn, draw_far, merge_all
from treefold.algorithms.kmeans.lloyd import Lloyd, begin, step
from treefold.block import Block
from treefold.blocks import Blocks, Merge
from treefold.iterate import iterate

REFINEMENTS = 30  # iterations of Lloyd's algorithm on the candidates of k-means||


class Wanted(NamedTuple):
    """One model to be: its number of centres, and the seed of what is drawn for it."""

    k: int
    seed: int


class Start(NamedTuple):
    """How centres begin.

    Attributes
    ----------
    mode : ``random``, ``k-means++`` or ``k-means||``
    rounds : int
        Of k-means||.
    oversampling : float
        Rows a round of k-means|| draws, in multiples of k.
    """

    mode: str = "k-means||"
    rounds: int = 2
    oversampling: float = 2.0


def start(blocks: Blocks, how: Start, wanted: list[Wanted], cosine: bool) -> tuple[Census, list[NDArray]]:
    """Census and the first centres of every model, ``(k, features)`` each.

    Where there are fewer distinct rows to draw than centres wanted, the last centres repeat.

    Raises
    ------
    InputError
        As :func:`~treefold.algorithms.kmeans.census.census`.
    """
    first = tuple(Draw(w.k if how.mode == "random" else 1, substream(w.seed, 0)) for w in wanted)
    found = census(blocks, cosine, first)
    centres = [drawn.dense(cosine) for drawn in found.drawn]
    if how.mode == "k-means++":
        centres = _plus_plus(blocks, centres, wanted, cosine)
    if how.mode == "k-means||":
        centres = _parallel(blocks, how, centres, wanted, cosine)
    return found, [_filled(mine, w.k) for mine, w in zip(centres, wanted, strict=True)]


def _filled(centres: NDArray, k: int) -> NDArray:
    return np.concatenate([centres, np.repeat(centres[-1:], k - len(centres), axis=0)])


def _plus_plus(blocks: Blocks, centres: list[NDArray], wanted: list[Wanted], cosine: bool) -> list[NDArray]:
    """Exact k-means++: a pass a centre, for all models at once.

    Arthur & Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007, sec. 2.2.
    """
    for number in range(1, max(w.k for w in wanted)):
        growing = [m for m, w in enumerate(wanted) if w.k > number and len(centres[m]) == number]
        if not growing:
            break
        draws = tuple(Draw(1, substream(wanted[m].seed, number)) for m in growing)
        _grow(blocks, centres, growing, draws, cosine)
    return centres


def _parallel(blocks: Blocks, how: Start, centres: list[NDArray], wanted: list[Wanted], cosine: bool) -> list[NDArray]:
    """k-means||: a few rounds of many candidates, of which each model then keeps k.

    Bahmani, Moseley, Vattani, Kumar & Vassilvitskii, "Scalable k-means++", PVLDB 5, 2012, alg. 2. A round draws exactly
    ``oversampling * k`` rows without replacement in proportion to their squared distance, where the paper draws each
    row on its own with that number expected: so a round is one pass, not two.
    """
    everyone = list(range(len(wanted)))
    for number in range(1, how.rounds + 1):
        draws = tuple(Draw(int(np.ceil(how.oversampling * w.k)), substream(w.seed, number)) for w in wanted)
        _grow(blocks, centres, everyone, draws, cosine)
    sums: Clusters = blocks.sum(clusters, Centres.of(centres, cosine))
    parts = Centres.of(centres, cosine).slices
    return [_reduced(mine, sums.weight[p], w, cosine) for mine, p, w in zip(centres, parts, wanted, strict=True)]


def _grow(blocks: Blocks, centres: list[NDArray], models: list[int], draws: tuple[Draw, ...], cosine: bool) -> None:
    """Add rows drawn by their squared distance to the centres of some models: one pass."""
    batch = Centres.of([centres[m] for m in models], cosine)
    drawn: tuple[Drawn, ...] = blocks.fold(draw_far, batch, draws, merge=merge_all)
    for m, rows in zip(models, drawn, strict=True):
        centres[m] = np.concatenate([centres[m], rows.dense(cosine)])


def _reduced(candidates: NDArray, weight: NDArray, wanted: Wanted, cosine: bool) -> NDArray:
    """K of the weighted candidates by k-means++, moved by Lloyd's algorithm on the candidates."""
    chosen = _choose(candidates, weight, wanted)
    block = Block(candidates, np.zeros(len(candidates)), weight, 0)
    inside, batch = OneBlock(block), Centres.of([chosen], cosine)
    state = iterate(lambda s: step(inside, Lloyd(), batch, s), begin(inside, Lloyd(), batch), REFINEMENTS, 0.0)
    centres: NDArray = state.centres
    return centres


def _choose(candidates: NDArray, weight: NDArray, wanted: Wanted) -> NDArray:
    """k-means++ over rows at hand: distances are kept from one centre to the next."""
    place = np.arange(len(candidates), dtype=np.uint64)
    distance, chosen = np.ones(len(candidates)), []
    for number in range(wanted.k):
        arrival = race(place, weight * distance, substream(wanted.seed, -1, number))
        new = int(arrival.argmin())
        if arrival[new] == np.inf:
            break
        chosen.append(new)
        gap = np.square(candidates - candidates[new]).sum(axis=1)
        distance = gap if number == 0 else np.minimum(distance, gap)
    return candidates[chosen]


class OneBlock:
    """Rows at hand, passed over as blocks are."""

    def __init__(self, block: Block) -> None:
        self.block = block

    def sum(self, stat: Callable, *args: Any) -> Any:
        """See :class:`treefold.blocks.Blocks`."""
        return stat(self.block, *args)

    def fold(self, stat: Callable, *args: Any, merge: Merge) -> Any:
        """See :class:`treefold.blocks.Blocks`."""
        return stat(self.block, *args)
