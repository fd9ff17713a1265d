"""Random numbers that are functions of (seed, position).

Samples drawn from them do not depend on the number of tasks, the layout of the files or retries.
"""

import numpy as np
from numpy.typing import NDArray

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
STREAM = np.uint64(0xD1342543DE82EF95)


def splitmix64(position: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """64 well mixed bits for every position.

    Parameters
    ----------
    position : (rows,) uint64
        Positions of rows in the data set.
    seed : int
        Selects the sequence.

    Returns
    -------
    (rows,) uint64

    References
    ----------
    Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, fig. 14: the finaliser of
    SplitMix64.
    """
    with np.errstate(over="ignore"):
        z = position + np.uint64(seed % 2**64) * STREAM + GOLDEN
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def substream(seed: int, *path: int) -> int:
    """A derived seed for a path of numbers, such as (restart, round)."""
    for step in path:
        seed = int(splitmix64(np.array([step % 2**64], np.uint64), seed)[0])
    return seed


def uniform(position: NDArray[np.uint64], seed: int) -> NDArray[np.float64]:
    """A number in (0, 1) for every position, never 0 nor 1."""
    return ((splitmix64(position, seed) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def exponential_keys(position: NDArray[np.uint64], mass: NDArray, seed: int) -> NDArray[np.float64]:
    """Exponential keys ``-log(u) / mass``: the row of the least key is a draw in proportion to mass.

    Parameters
    ----------
    position : (rows,) uint64
        Positions of rows in the data set.
    mass : (rows,)
        Masses >= 0. The key of a row of mass 0 is infinite, so it is never drawn.
    seed : int
        Seed of the draw.

    Returns
    -------
    (rows,) float64
        The rows of the n least keys are a draw of n rows without replacement.

    References
    ----------
    Efraimidis & Spirakis, "Weighted random sampling with a reservoir", Information Processing Letters 97, 2006, alg. A.
    """
    arrival = -np.log(uniform(position, seed))
    return np.divide(arrival, mass, out=np.full(len(arrival), np.inf), where=mass > 0)
