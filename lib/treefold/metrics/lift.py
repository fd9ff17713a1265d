"""Gain and lift: how many of class 1 are among the rows that a binary classifier ranks first."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.metrics.ranking import Curve


class Lift(NamedTuple):
    """By share of the rows, best scores first.

    Attributes
    ----------
    share, gain, lift : (points,)
        The share of the rows, the share of class 1 among them, and that over the share of the rows.
    """

    share: NDArray
    gain: NDArray
    lift: NDArray


def lift(of: Curve, share: NDArray) -> Lift:
    """Gain and lift at shares of the rows in (0, 1]; rows of one score are taken in any order."""
    found = of.positive + of.negative
    rows, positive = np.append(0.0, found / found[-1]), np.append(0.0, of.recall)
    gain = np.interp(share, rows, positive)
    return Lift(share, gain, gain / share)
