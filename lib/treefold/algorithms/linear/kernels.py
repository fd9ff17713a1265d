"""The compiled logistic loss of many models: one loop over the margins where NumPy needs a dozen.

``exp(-a)`` is computed in float32 by a polynomial about the nearest power of two, and ``log(1 + e) = 2 atanh(e / (2 +
e))`` by its series. Both are accurate except for the last bit. Sums are float64.

References
----------
Cody & Waite, Software Manual for the Elementary Functions, 1980, ch. 6.
"""

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from treefold.runtime.jit_cache import njit

TILE = 512  # rows whose losses stay in the first-level cache until they are added
LOG2E = np.float32(1.4426950408889634)
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
ONE, TWO, NONE = np.float32(1), np.float32(2), np.float32(0)
FAR = np.float32(87)  # exp(-FAR) is about the least normal float32
ROUND = np.float32(1.5 * 2**23)  # adding it rounds a float32 to an integer
EXP = tuple(np.float32(1 / f) for f in (2, 6, 24, 120, 720))
ATANH = tuple(np.float32(2 / k) for k in (1, 3, 5, 7, 9, 11, 13))


@intrinsic
def _power(typing: Any, rounded: Any) -> Any:
    """``2^n``, given ``ROUND + n``, whose last bits are n."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        whole = context.get_value_type(types.int32)
        bits = builder.shl(builder.bitcast(args[0], whole), whole(23))
        return builder.bitcast(builder.add(bits, whole(127 << 23)), context.get_value_type(types.float32))

    return types.float32(types.float32), generate


@njit(fastmath={"contract"}, error_model="numpy")  # reordering would cancel the addition of ROUND
def _slopes(margin, label, weight, losses):  # type: ignore[no-untyped-def]
    """Turn margins into weighted slopes in place, and write the weighted losses."""
    for r in range(margin.size):
        x, w = margin[r], weight[r]
        a = min(abs(x), FAR)
        rounded = ROUND - a * LOG2E
        n = rounded - ROUND
        t = -a - n * LN2_HIGH - n * LN2_LOW
        p = ONE + t * (ONE + t * (EXP[0] + t * (EXP[1] + t * (EXP[2] + t * (EXP[3] + t * EXP[4])))))
        e = p * _power(rounded)
        s = e / (TWO + e)
        q = s * s
        series = ATANH[3] + q * (ATANH[4] + q * (ATANH[5] + q * ATANH[6]))
        log = s * (ATANH[0] + q * (ATANH[1] + q * (ATANH[2] + q * series)))
        right = ONE / (ONE + e)
        slope = ((right if x >= 0 else e * right) - label[r]) * w
        loss = (max(x, NONE) - x * label[r] + log) * w
        margin[r] = slope if w != 0 else NONE  # a row of weight 0 is absent, even where its loss is infinite
        losses[r] = loss if w != 0 else NONE


@njit(fastmath={"reassoc"})
def _sum(values):  # type: ignore[no-untyped-def]
    total = 0.0
    for r in range(values.size):
        total += np.float64(values[r])
    return total


@njit
def logistic_slopes(margin, label, weights, whose, loss, slope):  # type: ignore[no-untyped-def]
    """Replace margins by weighted slopes of the logistic loss, and write the sums of losses and slopes.

    Parameters
    ----------
    margin : (models, rows) float32
        Margins; overwritten by weighted slopes.
    label : (rows,) float32
        Labels 0 and 1.
    weights : (batches, rows) float32
        Row weights.
    whose : (models,) int
        Index of the row of ``weights`` of each model.
    loss, slope : (models,) float64
        Written: sums of weighted losses and slopes.
    """
    models, rows = margin.shape
    losses = np.empty(TILE, np.float32)
    for m in range(models):
        loss[m], slope[m] = 0.0, 0.0
        for begin in range(0, rows, TILE):
            part = slice(begin, min(begin + TILE, rows))
            size = part.stop - part.start
            _slopes(margin[m, part], label[part], weights[whose[m], part], losses)
            loss[m] += _sum(losses[:size])
            slope[m] += _sum(margin[m, part])
