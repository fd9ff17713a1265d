"""The first pass of a clustering: how much there is, what is wrong with it, and rows to begin with."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from treefold.algorithms.draws import race
from treefold.algorithms.kmeans.centres import inverse_lengths
from treefold.algorithms.kmeans.drawing import Draw, Drawn, merge_all, pick
from treefold.block import Block, positions
from treefold.blocks import Blocks
from treefold.errors import InputError


class Census(NamedTuple):
    """What one pass tells.

    Attributes
    ----------
    rows : int
        Rows of positive weight.
    weight : float
    zero : int or None
        Position of the first row of zeros of positive weight; looked for where the distance is the cosine.
    drawn : for each draw its rows, in proportion to weight
    """

    rows: int
    weight: float
    zero: int | None
    drawn: tuple[Drawn, ...]


def block_census(block: Block, cosine: bool, draws: tuple[Draw, ...]) -> Census:
    """Census of one block."""
    place, kept = positions(block), block.weight > 0
    zero = None
    if cosine:
        rows = (block.X.data, block.X.indices, block.X.indptr) if isinstance(block.X, csr_array) else block.X
        bad = np.flatnonzero(kept & (inverse_lengths(rows) == 0))
        zero = int(place[bad[0]]) if len(bad) else None
    drawn = tuple(pick(block, race(place, block.weight, draw.seed), draw.most) for draw in draws)
    return Census(int(kept.sum()), float(block.weight.sum(dtype=np.float64)), zero, drawn)


def merge_census(left: Census, right: Census) -> Census:
    """Census of the union; of two rows of zeros the earlier stays."""
    zero = right.zero if left.zero is None else left.zero
    return Census(left.rows + right.rows, left.weight + right.weight, zero, merge_all(left.drawn, right.drawn))


def census(blocks: Blocks, cosine: bool, draws: tuple[Draw, ...]) -> Census:
    """Census of a data set in one pass.

    Raises
    ------
    InputError
        If all weights are zero, or a row is zero and the distance is the cosine.
    """
    found: Census = blocks.fold(block_census, cosine, draws, merge=merge_census)
    if found.zero is not None:
        raise InputError(
            f"row {found.zero:,} is all zeros and has no direction: drop such rows, or use distanceMeasure euclidean"
        )
    if not found.weight > 0:
        raise InputError("every row has weight 0: give at least one row a positive weight")
    return found
