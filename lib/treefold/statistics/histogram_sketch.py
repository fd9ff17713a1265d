"""Histogram sketches: weights by value, exact while there are few distinct values, and binned beyond that."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LIMIT = 1 << 14
SIGN = np.uint64(1 << 63)


@dataclass(frozen=True)
class Sketch:
    """Weights of rows by value, for at most ``limit`` distinct values or bins of values.

    The key of a value is its float64 bit pattern, changed so that keys sort like values. A sketch of level l stores
    ``key >> l`` and has the least level that leaves at most ``limit`` distinct keys. Sketches can be added: the sum is
    the sketch of all rows at once, however they were divided, because a part never needs a higher level than the whole.

    At level 0, which suffices for up to ``limit`` distinct values, the sketch is exact. Above, a bin has the relative
    width ``2^(l - 52)``.

    Attributes
    ----------
    key : (bins,) uint64, ascending
    weight : (columns, bins) float64
    level, limit : int
    """

    key: NDArray
    weight: NDArray
    level: int
    limit: int

    @classmethod
    def of(cls, value: NDArray, weight: NDArray, limit: int = LIMIT) -> "Sketch":
        """Sketch of weighted values.

        Parameters
        ----------
        value : (rows,)
            Values.
        weight : (columns, rows)
            Weights; rows whose weights are all 0 are left out.
        limit : int, default LIMIT
            Greatest number of bins.

        Returns
        -------
        Sketch
        """
        kept = (weight != 0).any(axis=0)
        return cls._made(_key(value[kept]), weight[:, kept], 0, limit)

    def __add__(self, other: "Sketch") -> "Sketch":
        level = max(self.level, other.level)
        keys = [sketch.key >> np.uint64(level - sketch.level) for sketch in (self, other)]
        return self._made(np.concatenate(keys), np.hstack([self.weight, other.weight]), level, self.limit)

    @classmethod
    def _made(cls, key: NDArray, weight: NDArray, level: int, limit: int) -> "Sketch":
        """Sketch of unsorted keys of a level, at that level or the least higher one at which it fits the limit."""
        order = np.argsort(key, kind="stable")
        key, weight = key[order], weight[:, order]
        lengths = _bit_length(key[1:] ^ key[:-1])  # neighbouring keys are equal from this level on
        if (lengths > 0).sum() >= limit:
            up = int(np.partition(lengths, len(lengths) - limit)[len(lengths) - limit])
            key, lengths, level = key >> np.uint64(up), np.maximum(lengths - up, 0), level + up
        starts = np.flatnonzero(np.append(True, lengths > 0)) if len(key) else np.zeros(0, np.intp)
        return cls(key[starts], np.add.reduceat(weight, starts, axis=1) if len(key) else weight, level, limit)

    @property
    def value(self) -> NDArray:
        """The least value that falls into each bin, ``(bins,)``; at level 0 the value itself."""
        return _value(np.maximum(self.key << np.uint64(self.level), _key(np.array([-np.inf]))))

    def quantile(self, share: NDArray) -> NDArray:
        """Quantiles by the weights of the first column.

        Parameters
        ----------
        share : array of float
            Shares of the total weight, in [0, 1].

        Returns
        -------
        array of float
            For each share the least value such that values up to it have at least that share. At a level above 0 it is
            too small by at most the width of a bin. NaN for an empty sketch.
        """
        share = np.asarray(share, np.float64)
        up_to = np.cumsum(self.weight[0])
        if not len(up_to):
            return np.full(share.shape, np.nan)
        place = np.searchsorted(up_to, share * up_to[-1] * (1 - 4 * np.finfo(float).eps))
        return self.value[np.minimum(place, len(up_to) - 1)]


def sketches(values: NDArray, weights: NDArray, limit: int) -> NDArray:
    """One sketch for each model, in an object array.

    Parameters
    ----------
    values : (models, rows)
        Values.
    weights : (columns, models, rows)
        Weights.
    limit : int
        Greatest number of bins of a sketch.

    Returns
    -------
    (models,) of Sketch
    """
    made = np.empty(len(values), object)
    for m, value in enumerate(values):
        made[m] = Sketch.of(value, weights[:, m], limit)
    return made


def _key(value: NDArray) -> NDArray:
    bits = (value.astype(np.float64) + 0.0).view(np.uint64)  # -0 is 0
    return np.where(bits & SIGN, ~bits, bits | SIGN)


def _value(key: NDArray) -> NDArray:
    return np.where(key & SIGN, key ^ SIGN, ~key).view(np.float64)


def _bit_length(number: NDArray) -> NDArray:
    high, low = (
        np.frexp(half.astype(np.float64))[1] for half in (number >> np.uint64(32), number & np.uint64(2**32 - 1))
    )
    return np.where(high > 0, high + 32, low)
