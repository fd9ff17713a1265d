"""Sketches: weights by value, exact while the different values are few, then by bins that keep to them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LIMIT = 1 << 14
SIGN = np.uint64(1 << 63)


@dataclass(frozen=True)
class Sketch:
    """Weights of rows by value, for at most ``limit`` different values or bins of them.

    The key of a value is the bits of its float64, changed so that keys are in the order of the values. A sketch of
    level l keeps ``key >> l``; it takes the least level that leaves at most ``limit`` different keys. Sketches add, and
    the sum is that of all the rows at once, however they were divided: a part needs no higher level than the whole.
    At level 0, where every sketch of up to ``limit`` values stays, nothing is lost. Above, a bin has the relative width
    ``2^(l - 52)``; bins are as fine where values crowd as the limit allows.

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
        """Sketch of values ``(rows,)`` with weights ``(columns, rows)``; rows without any weight are left out."""
        kept = (weight != 0).any(axis=0)
        return cls._made(_key(value[kept]), weight[:, kept], 0, limit)

    def __add__(self, other: "Sketch") -> "Sketch":
        level = max(self.level, other.level)
        keys = [sketch.key >> np.uint64(level - sketch.level) for sketch in (self, other)]
        return self._made(np.concatenate(keys), np.hstack([self.weight, other.weight]), level, self.limit)

    @classmethod
    def _made(cls, key: NDArray, weight: NDArray, level: int, limit: int) -> "Sketch":
        """Sketch of keys in any order, of the level they have or the least above it that fits the limit."""
        order = np.argsort(key, kind="stable")
        key, weight = key[order], weight[:, order]
        lengths = _bit_length(key[1:] ^ key[:-1])  # neighbours are one from the level on at which this is none
        if (lengths > 0).sum() >= limit:
            up = int(np.partition(lengths, len(lengths) - limit)[len(lengths) - limit])
            key, lengths, level = key >> np.uint64(up), np.maximum(lengths - up, 0), level + up
        starts = np.flatnonzero(np.append(True, lengths > 0)) if len(key) else np.zeros(0, np.intp)
        return cls(key[starts], np.add.reduceat(weight, starts, axis=1) if len(key) else weight, level, limit)

    @property
    def value(self) -> NDArray:
        """The least value a bin can hold: at level 0 the value itself, ``(bins,)``."""
        return _value(np.maximum(self.key << np.uint64(self.level), _key(np.array([-np.inf]))))

    def quantile(self, share: NDArray) -> NDArray:
        """Quantiles of the first column's weight: the least value with at least that share of it up to itself.

        At a level above 0 they are too small, by the width of a bin at most. NaN for an empty sketch.
        """
        share = np.asarray(share, np.float64)
        up_to = np.cumsum(self.weight[0])
        if not len(up_to):
            return np.full(share.shape, np.nan)
        place = np.searchsorted(up_to, share * up_to[-1] * (1 - 4 * np.finfo(float).eps))
        return self.value[np.minimum(place, len(up_to) - 1)]


def sketches(values: NDArray, weights: NDArray, limit: int) -> NDArray:
    """Sketches of values ``(models, rows)`` with weights ``(columns, models, rows)``: ``(models,)`` objects."""
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
