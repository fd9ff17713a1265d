"""Samples of rows that are functions of (seed, position), or of (seed, values): independent of tasks, blocks, retries.

A sample of fixed size has the rows of the least keys. Keys are exponential random numbers divided by the rows' weights,
so rows are drawn without replacement in proportion to weight, and the samples of two parts merge into the sample of
both.
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
    """

    most: int
    key: NDArray
    position: NDArray
    weight: NDArray
    rows: Any

    def dense(self) -> NDArray:
        """The rows in float64."""
        return np.asarray(self.rows.todense() if issparse(self.rows) else self.rows, np.float64)


def least_keys(block: Block, key: NDArray, most: int) -> Drawn:
    """The ``most`` rows of the block that have the least finite keys.

    Parameters
    ----------
    block : Block
        Rows.
    key : (rows,)
        Keys; a row of infinite key is never drawn.
    most : int
        Greatest number of rows.

    Returns
    -------
    Drawn
    """
    able = np.flatnonzero(key < np.inf)
    first = able[np.argsort(key[able], kind="stable")[:most]]
    return Drawn(most, key[first], positions(block)[first], block.weight[first].astype(np.float64), block.X[first])


def draw_by(block: Block, mass: NDArray, draw: Draw) -> Drawn:
    """Rows drawn without replacement, in proportion to a mass.

    Parameters
    ----------
    block : Block
        Rows.
    mass : (rows,)
        Rows are drawn in proportion to it; rows of mass 0 are never drawn.
    draw : Draw
        Seed, and number of rows.

    Returns
    -------
    Drawn

    References
    ----------
    Efraimidis & Spirakis, "Weighted random sampling with a reservoir", Information Processing Letters 97, 2006, alg. A.
    """
    return least_keys(block, exponential_keys(positions(block), mass, draw.seed), draw.most)


def draw_rows(block: Block, draws: tuple[Draw, ...]) -> tuple[Drawn, ...]:
    """One sample of rows of the block for each of ``draws``, without replacement and in proportion to weight."""
    return tuple(draw_by(block, block.weight, draw) for draw in draws)


def merge_drawn(left: Drawn, right: Drawn) -> Drawn:
    """The rows of the least keys of two samples."""
    key = np.concatenate([left.key, right.key])
    position = np.concatenate([left.position, right.position])
    first = np.lexsort((position, key))[: left.most]
    rows = vstack([left.rows, right.rows], "csr") if issparse(left.rows) else np.concatenate([left.rows, right.rows])
    weight = np.concatenate([left.weight, right.weight])
    return Drawn(left.most, key[first], position[first], weight[first], rows[first])


def merge_all(left: tuple[Drawn, ...], right: tuple[Drawn, ...]) -> tuple[Drawn, ...]:
    """Merge each sample with its counterpart."""
    return tuple(merge_drawn(a, b) for a, b in zip(left, right, strict=True))


def sample_rows(blocks: Scan, most: int, seed: int) -> Drawn:
    """Draw up to ``most`` rows of a data set, without replacement and in proportion to weight: one pass.

    Parameters
    ----------
    blocks : Scan
        The data set.
    most : int
        Number of rows to draw. The sample is smaller if fewer rows have a positive weight.
    seed : int
        Seed of the draw.

    Returns
    -------
    Drawn
        Rows in the order of the draw: the first n rows are a sample of n.
    """
    (drawn,) = blocks.reduce(draw_rows, (Draw(most, seed),), merge=merge_all)
    return drawn


def draw_distinct_rows(block: Block, draw: Draw) -> Drawn:
    """Different rows of the block, without replacement and in proportion to weight, by a hash of (seed, values).

    Parameters
    ----------
    block : Block
        Rows.
    draw : Draw
        Seed, and number of rows.

    Returns
    -------
    Drawn
        Of equal rows the one of the greatest weight; among those the first.
    """
    key = exponential_keys(row_hashes(block.X), block.weight, draw.seed)
    return _distinct(least_keys(block, key, len(key))._replace(most=draw.most))


def merge_distinct(left: Drawn, right: Drawn) -> Drawn:
    """The different rows of the least keys of two samples."""
    both = merge_drawn(left._replace(most=left.most + right.most), right)
    return _distinct(both._replace(most=left.most))


def sample_distinct_rows(blocks: Scan, most: int, seed: int) -> Drawn:
    """Draw up to ``most`` different rows of a data set, the same rows in any order of the data set: one pass.

    Parameters
    ----------
    blocks : Scan
        The data set.
    most : int
        Number of rows to draw. The sample is smaller if fewer different rows have a positive weight.
    seed : int
        Seed of the draw.

    Returns
    -------
    Drawn
        Rows in the order of the draw. A row that occurs many times is no likelier than one that occurs once.
    """
    return blocks.reduce(draw_distinct_rows, Draw(most, seed), merge=merge_distinct)


def _distinct(drawn: Drawn) -> Drawn:
    """The first of equal rows, by their hash, up to the greatest number of rows."""
    _, first = np.unique(row_hashes(drawn.rows), return_index=True)
    first = np.sort(first)[: drawn.most]
    return Drawn(drawn.most, drawn.key[first], drawn.position[first], drawn.weight[first], drawn.rows[first])
