"""Random numbers of rows and of constants, by (seed, name, position)."""

from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from treefold.dataset.random import substream, uniform


class Draws:
    """Random numbers of rows, with a stream for every name.

    Parameters
    ----------
    seed : int
        Seed of the data set.
    position : (rows,) uint64
        Positions of the rows in the data set.
    """

    def __init__(self, seed: int, position: NDArray[np.uint64]) -> None:
        self.seed, self.position = seed, position

    def uniform(self, name: str, number: int = 0) -> NDArray:
        """Numbers in (0, 1), ``(rows,)``."""
        return uniform(self.position, substream(self.seed, crc32(name.encode()), number))

    def normal(self, name: str, number: int = 0) -> NDArray:
        """Numbers of the standard normal distribution, ``(rows,)``."""
        drawn: NDArray = ndtri(self.uniform(name, number))
        return drawn

    def choice(self, name: str, mass: NDArray, number: int = 0) -> NDArray:
        """Indices in proportion to ``mass``, ``(rows,)``.

        Parameters
        ----------
        name : str
            Name of the draw; draws of different names are independent.
        mass : (k,)
            Probabilities up to a factor.
        number : int, default 0
            Number of the draw of that name.

        Returns
        -------
        (rows,) int
        """
        ends = np.cumsum(mass) / np.sum(mass)
        return np.minimum(np.searchsorted(ends, self.uniform(name, number), "right"), len(mass) - 1)


def constants(seed: int, name: str, *shape: int) -> NDArray:
    """Constants of a data set, of the standard normal distribution, such as its true coefficients.

    Parameters
    ----------
    seed : int
        Seed of the data set.
    name : str
        Name of the constants.
    *shape : int
        Shape of the result.

    Returns
    -------
    array of that shape
    """
    drawn = Draws(seed, np.arange(int(np.prod(shape)), dtype=np.uint64)).normal(f"constants {name}")
    return drawn.reshape(shape)


def zipf(levels: int, exponent: float) -> NDArray:
    """Mass of each level, ``1 / rank^exponent``."""
    return 1.0 / np.arange(1, levels + 1) ** exponent
