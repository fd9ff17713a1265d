"""Draws: numbers that look random and depend on (seed, position) alone.

Whatever is drawn from them is the same for any number of tasks, any layout of the files and any retry.
"""

import numpy as np
from numpy.typing import NDArray

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
STREAM = np.uint64(0xD1342543DE82EF95)


def scrambled(position: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """64 well mixed bits for every position.

    The finaliser of SplitMix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014,
    fig. 14) at a point of the sequence that ``seed`` begins.
    """
    with np.errstate(over="ignore"):
        z = position + np.uint64(seed % 2**64) * STREAM + GOLDEN
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def substream(seed: int, *path: int) -> int:
    """A seed of its own for each path, such as (restart, round)."""
    for step in path:
        seed = int(scrambled(np.array([step % 2**64], np.uint64), seed)[0])
    return seed


def uniform(position: NDArray[np.uint64], seed: int) -> NDArray[np.float64]:
    """A number in (0, 1) for every position, never 0 nor 1."""
    return ((scrambled(position, seed) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def race(position: NDArray[np.uint64], mass: NDArray, seed: int) -> NDArray[np.float64]:
    """Arrival times ``-log(u) / mass``: the first to arrive is a draw in proportion to mass, exactly.

    The first n are a draw of n without replacement (Efraimidis & Spirakis, "Weighted random sampling with a
    reservoir", Information Processing Letters 97, 2006, alg. A). Who has no mass never arrives.
    """
    arrival = -np.log(uniform(position, seed))
    return np.divide(arrival, mass, out=np.full(len(arrival), np.inf), where=mass > 0)
