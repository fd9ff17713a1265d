"""Rows drawn by their distance from the nearest centre."""

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.kmeans.centres import Centres, assigned, inverse_lengths
from treefold.dataset.block import Block
from treefold.statistics.row_hashes import row_hashes
from treefold.statistics.row_sampling import Draw, Drawn, draw_by, least_keys


def draw_far(block: Block, centres: Centres, draws: tuple[Draw, ...], by_value: bool) -> tuple[Drawn, ...]:
    """For each model rows drawn without replacement in proportion to ``w_i |x_i - nearest centre|^2``.

    Parameters
    ----------
    block : Block
        Rows.
    centres : Centres
        Centres of the models.
    draws : tuple of Draw
        For each model the number of rows and the seed.
    by_value : bool
        Whether different rows are drawn by their values, otherwise by position.

    Returns
    -------
    tuple of Drawn

    References
    ----------
    Arthur & Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007, sec. 2.2: D^2 sampling.
    """
    mass = _distances(block, centres) * np.where(block.weight > 0, block.weight, 0)
    value = row_hashes(block.X) if by_value else None
    return tuple(draw_by(block, mine, draw, value) for mine, draw in zip(mass, draws, strict=True))


def farthest(block: Block, centres: Centres, most: tuple[int, ...]) -> tuple[Drawn, ...]:
    """For each model the rows of positive weight that are farthest from their centres, without rows at distance 0.

    Parameters
    ----------
    block : Block
        Rows to choose from.
    centres : Centres
        Centres of all models.
    most : tuple of int
        How many rows each model asks for.

    Returns
    -------
    tuple of Drawn
        For each model up to ``most`` rows.
    """
    distance = np.where(block.weight > 0, _distances(block, centres), 0.0)
    key = np.where(distance > 0, -distance, np.inf)
    return tuple(least_keys(block, mine, n) for mine, n in zip(key, most, strict=True))


def directed(drawn: Drawn, cosine: bool) -> NDArray:
    """Drawn rows in float64; scaled to length 1 for the cosine distance."""
    rows = drawn.dense()
    return rows * inverse_lengths(rows)[:, None] if cosine else rows


def _distances(block: Block, centres: Centres) -> NDArray:
    """Squared distances of all rows from the nearest centre of each model, ``(models, rows)``."""
    return np.concatenate([part.distance for part in assigned(block.X, centres)], axis=1)
