"""Rows drawn from all blocks: the first to arrive, whoever holds them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse, vstack

from treefold.algorithms.draws import race
from treefold.algorithms.kmeans.centres import Centres, assigned, inverse_lengths
from treefold.block import Block, positions


class Drawn(NamedTuple):
    """Up to ``most`` rows, those of the least keys; of equal keys, those of the least positions.

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

    def dense(self, cosine: bool) -> NDArray:
        """The rows in float64; of length 1 for the cosine distance."""
        rows = np.asarray(self.rows.todense() if issparse(self.rows) else self.rows, np.float64)
        return rows * inverse_lengths(rows)[:, None] if cosine else rows


class Draw(NamedTuple):
    """How many rows to draw, and the seed."""

    most: int
    seed: int


def pick(block: Block, key: NDArray, most: int) -> Drawn:
    """The ``most`` rows of the block of least, finite key."""
    able = np.flatnonzero(key < np.inf)
    first = able[np.argsort(key[able], kind="stable")[:most]]
    return Drawn(most, key[first], positions(block)[first], block.weight[first].astype(np.float64), block.X[first])


def merge_drawn(left: Drawn, right: Drawn) -> Drawn:
    """Of two draws the least keys."""
    key = np.concatenate([left.key, right.key])
    position = np.concatenate([left.position, right.position])
    first = np.lexsort((position, key))[: left.most]
    rows = vstack([left.rows, right.rows], "csr") if issparse(left.rows) else np.concatenate([left.rows, right.rows])
    weight = np.concatenate([left.weight, right.weight])
    return Drawn(left.most, key[first], position[first], weight[first], rows[first])


def merge_all(left: tuple[Drawn, ...], right: tuple[Drawn, ...]) -> tuple[Drawn, ...]:
    """Merge the draws of every model."""
    return tuple(merge_drawn(a, b) for a, b in zip(left, right, strict=True))


def draw_far(block: Block, centres: Centres, draws: tuple[Draw, ...]) -> tuple[Drawn, ...]:
    """For each model rows drawn without replacement in proportion to ``w_i |x_i - nearest centre|^2``.

    The D^2 sampling of Arthur & Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007, sec. 2.2.
    """
    mass = _distances(block, centres) * np.where(block.weight > 0, block.weight, 0)
    place = positions(block)
    return tuple(pick(block, race(place, mine, d.seed), d.most) for mine, d in zip(mass, draws, strict=True))


def farthest(block: Block, centres: Centres, most: tuple[int, ...]) -> tuple[Drawn, ...]:
    """For each model the rows of positive weight farthest from their centres; not those that are their centres."""
    distance = np.where(block.weight > 0, _distances(block, centres), 0.0)
    key = np.where(distance > 0, -distance, np.inf)
    return tuple(pick(block, mine, n) for mine, n in zip(key, most, strict=True))


def _distances(block: Block, centres: Centres) -> NDArray:
    """Squared distances of all rows from the nearest centre of each model, ``(models, rows)``."""
    return np.concatenate([part.distance for part in assigned(block.X, centres)], axis=1)
