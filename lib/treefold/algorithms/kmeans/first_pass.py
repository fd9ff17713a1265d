"""The first pass of a clustering: counts, rows of zeros, and rows drawn for the start."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from treefold.algorithms.kmeans.centres import inverse_lengths
from treefold.dataset.block import Block, positions
from treefold.dataset.blocks import Blocks
from treefold.errors import InputError
from treefold.statistics.equal_rows import mostly_different, signed_counts
from treefold.statistics.row_hashes import row_hashes
from treefold.statistics.row_sampling import Draw, Drawn, draw_by, merge_all


class FirstPass(NamedTuple):
    """Summary of a data set.

    Attributes
    ----------
    rows : int
        Rows of positive weight.
    weight : float
        Their weight.
    zero : int or None
        Position of the first row of zeros of positive weight; only for the cosine distance.
    drawn : tuple of Drawn
        For each draw different rows, drawn by their values in proportion to weight.
    equal : (256,) int64
        Sketch of how often rows repeat.
    """

    rows: int
    weight: float
    zero: int | None
    drawn: tuple[Drawn, ...]
    equal: NDArray

    @property
    def by_value(self) -> bool:
        """Whether rows are drawn by their values, because they are mostly different."""
        return mostly_different(self.equal, self.rows)


def block_first_pass(block: Block, cosine: bool, draws: tuple[Draw, ...]) -> FirstPass:
    """First pass over one block.

    Parameters
    ----------
    block : Block
        Rows of the training data.
    cosine : bool
        Whether distances are by angle, for which a row of zeros has no place.
    draws : tuple of Draw
        Samples of rows for the start.

    Returns
    -------
    FirstPass
    """
    kept, zero = block.weight > 0, None
    if cosine:
        rows = (block.X.data, block.X.indices, block.X.indptr) if isinstance(block.X, csr_array) else block.X
        bad = np.flatnonzero(kept & (inverse_lengths(rows) == 0))
        zero = int(positions(block)[bad[0]]) if len(bad) else None
    value = row_hashes(block.X) if draws else np.zeros(len(kept), np.uint64)
    drawn = tuple(draw_by(block, block.weight, draw, value) for draw in draws)
    weight = float(block.weight.sum(dtype=np.float64))
    return FirstPass(int(kept.sum()), weight, zero, drawn, signed_counts(value[kept]))


def merge_first_pass(left: FirstPass, right: FirstPass) -> FirstPass:
    """First pass over the union; of two rows of zeros the earlier one stays."""
    zero = right.zero if left.zero is None else left.zero
    rows, weight, equal = left.rows + right.rows, left.weight + right.weight, left.equal + right.equal
    return FirstPass(rows, weight, zero, merge_all(left.drawn, right.drawn), equal)


def first_pass(blocks: Blocks, cosine: bool, draws: tuple[Draw, ...]) -> FirstPass:
    """Rows, weight and drawn rows of a data set: one pass.

    Parameters
    ----------
    blocks : Blocks
        The data set.
    cosine : bool
        Whether the distance is the cosine distance, for which a row of zeros is an error.
    draws : tuple of Draw
        Samples of rows to draw.

    Returns
    -------
    FirstPass

    Raises
    ------
    InputError
        If all weights are zero, or the distance is the cosine and a row is zero.
    """
    found: FirstPass = blocks.reduce(block_first_pass, cosine, draws, merge=merge_first_pass)
    if found.zero is not None:
        raise InputError(
            f"row {found.zero:,} is all zeros and has no direction: drop such rows, or use distanceMeasure euclidean"
        )
    if not found.weight > 0:
        raise InputError("every row has weight 0: give at least one row a positive weight")
    return found
