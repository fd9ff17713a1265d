"""Gaussian noise from the random numbers of the operating system."""

import os
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Normals = Callable[[int], NDArray[np.float64]]
DRAWS = 4  # normal numbers of one: see the reference


def system_normals(count: int) -> NDArray[np.float64]:
    """Independent standard normal numbers, ``(count,)``, each made of four draws.

    A single draw takes only some of the floating-point numbers near it, and which ones tells about what it was added
    to. After the sum of four draws, the possible values of each are too many to be searched.

    References
    ----------
    Holohan & Braghin, "Secure random sampling in differential privacy", ESORICS 2021.
    """
    bits = np.frombuffer(os.urandom(8 * DRAWS * count), np.uint64) >> np.uint64(11)
    uniform = (bits.astype(np.float64) + 0.5) / 2**53  # in (0, 1)
    drawn: NDArray[np.float64] = ndtri(uniform).reshape(DRAWS, count).sum(axis=0) / np.sqrt(DRAWS)
    return drawn
