"""Kernel rows kept in memory: the least recently used ones make room."""

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.svm.kernel import Kernel, Rows


class RowCache:
    """Rows of the kernel matrix of some rows, made in batches.

    Parameters
    ----------
    rows : Rows
    kernel : Kernel
    megabytes : int
    least : int
        Rows that it must hold at once, whatever ``megabytes`` is.

    Attributes
    ----------
    values : (slots, rows)
    made, hits : int
        Kernel rows computed, and found.
    """

    def __init__(self, rows: Rows, kernel: Kernel, megabytes: int, least: int) -> None:
        self.rows, self.kernel = rows, kernel
        fit = (megabytes << 20) // max(1, rows.size * rows.squares.itemsize)
        slots = min(rows.size, max(least, fit))
        self.values = np.empty((slots, rows.size), rows.squares.dtype)
        self.slot = np.full(rows.size, -1)
        self.holds = np.full(slots, -1)
        self.used = np.zeros(slots, np.int64)
        self.made = self.hits = self.time = 0

    def get(self, wanted: NDArray) -> NDArray:
        """Slots of the kernel rows ``wanted``, each named once."""
        self.time += 1
        there = self.slot[wanted] >= 0
        self.used[self.slot[wanted[there]]] = self.time
        missing = wanted[~there]
        self.hits += int(there.sum())
        self.made += len(missing)
        if len(missing):
            oldest = np.argsort(self.used, kind="stable")[: len(missing)]
            out = self.holds[oldest]
            self.slot[out[out >= 0]] = -1
            self.values[oldest] = self.rows.taken(missing).kernel(self.kernel, self.rows)
            self.holds[oldest], self.slot[missing], self.used[oldest] = missing, oldest, self.time
        return self.slot[wanted]
