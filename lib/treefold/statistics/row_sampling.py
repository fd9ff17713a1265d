"""Samples of rows that are functions of (seed, position), or of (seed, values): independent of tasks, blocks, retries.

A sample of fixed size has the rows of the least keys. Keys are exponential random numbers divided by the rows' weights,
so rows are drawn without replacement in proportion to weight, and the samples of two parts merge into the sample of
both.

A sample by values has the same rows in any order of the data set. Equal rows have equal random numbers, so it takes
each different row once, and a row that occurs many times is no likelier than one that occurs once. Where rows repeat
often that is another distribution: see :mod:`treefold.statistics.equal_rows`.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse, vstack

from treefold.dataset.block import Block, positions
from treefold.dataset.blocks import Scan
from treefold.dataset.random import exponential_keys
from treefold.statistics.row_hashes import row_hashes


class Draw(NamedTuple):
    """Number of rows to draw, and the seed."""

    most: int
    seed: int


class Drawn(NamedTuple):
    """Up to ``most`` rows: those of the least keys, and among equal keys those of the least positions.

    Attributes
    ----------
    most : int
    key, position, weight : (rows,)
    rows : (rows, features), dense or CSR
    value : (rows,) uint64, or None
        Hashes of the rows' values, of a sample in which all rows are different. None for a sample by position.
    """

    most: int
    key: NDArray
    position: NDArray
    weight: NDArray
    rows: Any
    value: NDArray | None = None

    def dense(self) -> NDArray:
        """The rows in float64."""
        return np.asarray(self.rows.todense() if issparse(self.rows) else self.rows, np.float64)


def least_keys(block: Block, key: NDArray, most: int, value: NDArray | None = None) -> Drawn:
    """The ``most`` rows of the block that have the least finite keys.

    Parameters
    ----------
    block : Block
        Rows.
    key : (rows,)
        Keys; a row of infinite key is never drawn.
    most : int
        Greatest number of rows.
    value : (rows,) uint64, optional
        Hashes of the rows' values. Of the rows of one hash only that of the least key is drawn, the first of equals.

    Returns
    -------
    Drawn
    """
    able = int((key < np.inf).sum())
    take = min(most, able)
    first = _least(key, take)
    while value is not None and len(different := _different(value, first)) < most and take < able:
        take = min(2 * take, able)
        first = _least(key, take)
    if value is not None:
        first = different[:most]
    own = None if value is None else value[first]
    return Drawn(most, key[first], positions(block)[first], block.weight[first].astype(np.float64), block.X[first], own)


def _least(key: NDArray, count: int) -> NDArray[np.intp]:
    """Indices of the ``count`` least keys in increasing order; of equal keys the first."""
    if not count:
        return np.empty(0, np.intp)
    low = np.flatnonzero(key <= np.partition(key, count - 1)[count - 1])
    order: NDArray[np.intp] = low[np.argsort(key[low], kind="stable")][:count]
    return order


def _different(value: NDArray, among: NDArray) -> NDArray:
    """Those of some indices at which a value is found first."""
    return among[np.sort(np.unique(value[among], return_index=True)[1])]


def draw_by(block: Block, mass: NDArray, draw: Draw, value: NDArray | None = None) -> Drawn:
    """Rows drawn without replacement, in proportion to a mass.

    Parameters
    ----------
    block : Block
        Rows.
    mass : (rows,)
        Rows are drawn in proportion to it; rows of mass 0 are never drawn.
    draw : Draw
        Seed, and number of rows.
    value : (rows,) uint64, optional
        Hashes of the rows' values, to draw different rows by them. By default rows are drawn by position.

    Returns
    -------
    Drawn

    References
    ----------
    Efraimidis & Spirakis, "Weighted random sampling with a reservoir", Information Processing Letters 97, 2006, alg. A.
    """
    drawn_by = positions(block) if value is None else value
    return least_keys(block, exponential_keys(drawn_by, mass, draw.seed), draw.most, value)


def draw_rows(block: Block, draws: tuple[Draw, ...], by_value: bool = False) -> tuple[Drawn, ...]:
    """One sample of rows of the block for each of ``draws``, without replacement and in proportion to weight.

    Parameters
    ----------
    block : Block
        Rows.
    draws : tuple of Draw
        Seeds and numbers of rows.
    by_value : bool, default False
        Whether different rows are drawn by a hash of their values. Of equal rows the heaviest counts.

    Returns
    -------
    tuple of Drawn
    """
    value = row_hashes(block.X) if by_value else None
    return tuple(draw_by(block, block.weight, draw, value) for draw in draws)


def merge_drawn(left: Drawn, right: Drawn) -> Drawn:
    """The rows of the least keys of two samples."""
    key = np.concatenate([left.key, right.key])
    position = np.concatenate([left.position, right.position])
    first, value = np.lexsort((position, key)), None
    if left.value is not None and right.value is not None:
        value = np.concatenate([left.value, right.value])
        first = _different(value, first)
    first = first[: left.most]
    rows = vstack([left.rows, right.rows], "csr") if issparse(left.rows) else np.concatenate([left.rows, right.rows])
    weight = np.concatenate([left.weight, right.weight])
    own = None if value is None else value[first]
    return Drawn(left.most, key[first], position[first], weight[first], rows[first], own)


def merge_all(left: tuple[Drawn, ...], right: tuple[Drawn, ...]) -> tuple[Drawn, ...]:
    """Merge each sample with its counterpart."""
    return tuple(merge_drawn(a, b) for a, b in zip(left, right, strict=True))


def sample_rows(blocks: Scan, most: int, seed: int, *, by_value: bool = False) -> Drawn:
    """Draw up to ``most`` rows of a data set, without replacement and in proportion to weight: one pass.

    Parameters
    ----------
    blocks : Scan
        The data set.
    most : int
        Number of rows to draw. The sample is smaller if fewer rows have a positive weight.
    seed : int
        Seed of the draw.
    by_value : bool, default False
        Whether different rows are drawn by their values, the same rows in any order of the data set.

    Returns
    -------
    Drawn
        Rows in the order of the draw: the first n rows are a sample of n.
    """
    (drawn,) = blocks.reduce(draw_rows, (Draw(most, seed),), by_value, merge=merge_all)
    return drawn
