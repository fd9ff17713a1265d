"""Line search for the strong Wolfe conditions, for a batch of models at once.

This is the search of Moré and Thuente by reverse communication: :func:`advance` takes the value and slope at the step
that was proposed last, and either accepts that step or proposes the next one. Each trial can therefore be a pass over
the data. Every field is ``(models,)``.

Near the minimum the decrease is smaller than the rounding error of the values, while slopes are still accurate. A step
whose slope satisfies the curvature condition and whose value differs by rounding alone ends the search as ``DROWNED``.

References
----------
Moré & Thuente, "Line search algorithms with guaranteed sufficient decrease", ACM TOMS 20 (1994), 286-307.
Hager & Zhang, "A new conjugate gradient method with guaranteed descent and an efficient line search", SIAM J. Optim. 16
(2005), 170-192, section 4.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DECREASE, CURVATURE = 1e-3, 0.9  # f and g conditions, as L-BFGS-B (Zhu et al. 1997) sets them
WIDTH = 1e-10  # relative width of a bracket at which the search ends
FEW_TRIALS = 1  # trials after which a search ends if values differ by rounding alone
MOST_TRIALS = 20
LONGEST = 1e10
SEARCHING, ACCEPTED, DROWNED, FAILED = range(4)


class Search(NamedTuple):
    """State of the searches.

    ``value0`` and ``slope0`` belong to the start, ``a`` is the best end and ``b`` the other end of the interval, and
    ``step`` is the proposed step.
    """

    value0: NDArray
    slope0: NDArray
    step: NDArray
    a: NDArray
    value_a: NDArray
    slope_a: NDArray
    b: NDArray
    value_b: NDArray
    slope_b: NDArray
    low: NDArray
    high: NDArray
    width: NDArray
    width_before: NDArray
    bracketed: NDArray
    second_stage: NDArray
    trials: NDArray
    outcome: NDArray


def begin(value: NDArray, slope: NDArray, step: NDArray) -> Search:
    """Start searches.

    Parameters
    ----------
    value, slope : (models,)
        Value and slope at step 0; slopes are negative.
    step : (models,)
        The first proposed step.

    Returns
    -------
    Search
    """
    zero, no = np.zeros_like(value), np.zeros(len(value), bool)
    wide = np.full_like(value, LONGEST)
    return Search(
        value, slope, step, zero, value, slope, zero, value, slope, zero, 5 * step,
        wide, 2 * wide, no, no, np.zeros(len(value), np.int64), np.full(len(value), SEARCHING),
    )  # fmt: skip


def advance(search: Search, value: NDArray, slope: NDArray, noise: float) -> Search:
    """Accept the proposed steps or propose the next ones.

    Parameters
    ----------
    search : Search
        State that proposed the steps.
    value, slope : (models,)
        Value and slope at the proposed steps.
    noise : float
        Relative rounding error of the values.

    Returns
    -------
    Search
    """
    s = search._replace(trials=search.trials + 1)
    test = DECREASE * s.slope0
    enough = value <= s.value0 + s.step * test
    stage2 = s.second_stage | (enough & (slope >= 0))
    flat = abs(slope) <= CURVATURE * abs(s.slope0)
    level = noise * abs(s.value0)
    lost = (abs(s.step * s.slope0) <= level) & (s.trials >= FEW_TRIALS)  # no trial can show so small a decrease
    drowned = ((flat & ~enough) | lost) & (abs(value - s.value0) <= level)
    exhausted = (
        (s.bracketed & ((s.step <= s.low) | (s.step >= s.high) | (s.high - s.low <= WIDTH * s.high)))
        | ((s.step >= LONGEST) & enough & (slope <= test))
        | (s.trials >= MOST_TRIALS)
    )
    useful = enough & (value < s.value0)  # the curvature condition fails, but the value is lower
    outcome = np.select(
        [enough & flat, drowned, exhausted & useful, exhausted], [ACCEPTED, DROWNED, ACCEPTED, FAILED], SEARCHING
    )
    s = s._replace(second_stage=stage2, outcome=outcome)

    # Until a step with sufficient decrease and a rising slope is known, the interval is updated for the function minus
    # its sufficient-decrease line (psi in section 3 of the paper).
    tilt = np.where(~stage2 & (value <= s.value_a) & ~enough, test, 0.0)
    moved, step = _narrow(s, value - s.step * tilt, slope - tilt, tilt)
    return _bound(moved, step)


def _narrow(s: Search, value: NDArray, slope: NDArray, tilt: NDArray) -> tuple[Search, NDArray]:
    """Trial step and new interval (section 4 of the paper), for values from which ``tilt`` has been subtracted."""
    value_a, slope_a = s.value_a - s.a * tilt, s.slope_a - tilt
    value_b, slope_b = s.value_b - s.b * tilt, s.slope_b - tilt
    step = _trial(s, value, slope, value_a, slope_a, value_b, slope_b)
    higher = ~(value <= value_a)
    turned = ~higher & (slope * np.sign(slope_a) < 0)
    b, value_b, slope_b = (
        np.where(higher, new, np.where(turned, old_a, old_b))  # turned: the old best end is the other end now
        for new, old_a, old_b in ((s.step, s.a, s.b), (value, value_a, value_b), (slope, slope_a, slope_b))
    )
    a = np.where(higher, s.a, s.step)
    value_a = np.where(higher, value_a, value)
    slope_a = np.where(higher, slope_a, slope)
    moved = s._replace(
        a=a, value_a=value_a + a * tilt, slope_a=slope_a + tilt,
        b=b, value_b=value_b + b * tilt, slope_b=slope_b + tilt,
        bracketed=s.bracketed | higher | turned,
    )  # fmt: skip
    return moved, step


def _trial(
    s: Search, value: NDArray, slope: NDArray, value_a: NDArray, slope_a: NDArray, value_b: NDArray, slope_b: NDArray
) -> NDArray:
    """The four cases of section 4, which choose between the cubic, quadratic and secant steps."""
    t, a, b = s.step, s.a, s.b
    with np.errstate(all="ignore"):
        theta = 3 * (value_a - value) / (t - a) + slope_a + slope
        largest = np.maximum(np.maximum(abs(theta), abs(slope_a)), abs(slope))
        root = largest * np.sqrt(np.maximum(0, (theta / largest) ** 2 - (slope_a / largest) * (slope / largest)))
        up = np.where(t < a, -root, root)
        down = np.where(t > a, -root, root)
        secant = t + slope / (slope - slope_a) * (a - t)

        cubic1 = a + (up - slope_a + theta) / (2 * up - slope_a + slope) * (t - a)
        quadratic = a + slope_a / ((value_a - value) / (t - a) + slope_a) / 2 * (t - a)
        case1 = np.where(abs(cubic1 - a) < abs(quadratic - a), cubic1, cubic1 + (quadratic - cubic1) / 2)

        cubic2 = t + (down - slope + theta) / (2 * down - slope + slope_a) * (a - t)
        case2 = np.where(abs(cubic2 - t) > abs(secant - t), cubic2, secant)

        ratio = (down - slope + theta) / (down + (slope_a - slope) + down)
        far = np.where(t > a, s.high, s.low)
        cubic3 = np.where((ratio < 0) & (root != 0), t + ratio * (a - t), far)
        nearer = abs(cubic3 - t) < abs(secant - t)
        inside = np.where(nearer, cubic3, secant)
        limit = t + 0.66 * (b - t)
        inside = np.where(t > a, np.minimum(limit, inside), np.maximum(limit, inside))
        outside = np.clip(np.where(nearer, secant, cubic3), s.low, s.high)
        case3 = np.where(s.bracketed, inside, outside)

        theta_b = 3 * (value - value_b) / (b - t) + slope_b + slope
        largest_b = np.maximum(np.maximum(abs(theta_b), abs(slope_b)), abs(slope))
        root_b = largest_b * np.sqrt(
            np.maximum(0, (theta_b / largest_b) ** 2 - (slope_b / largest_b) * (slope / largest_b))
        )
        root_b = np.where(t > b, -root_b, root_b)
        cubic4 = t + (root_b - slope + theta_b) / (2 * root_b - slope + slope_b) * (b - t)
        case4 = np.where(s.bracketed, cubic4, far)

    higher = ~(value <= value_a)
    turned = slope * np.sign(slope_a) < 0
    flatter = abs(slope) < abs(slope_a)
    step = np.where(higher, case1, np.where(turned, case2, np.where(flatter, case3, case4)))
    # A value that is not finite cannot be interpolated: bisect towards the best end.
    return np.where(np.isfinite(step) & np.isfinite(value), step, a + (t - a) / 2)


def _bound(s: Search, step: NDArray) -> Search:
    """Shrink the interval by a third at least every second trial, or extend an interval that is not bracketed yet."""
    distance = abs(s.b - s.a)
    step = np.where(s.bracketed & (distance >= 0.66 * s.width_before), s.a + 0.5 * (s.b - s.a), step)
    low = np.where(s.bracketed, np.minimum(s.a, s.b), step + 1.1 * (step - s.a))
    high = np.where(s.bracketed, np.maximum(s.a, s.b), step + 4.0 * (step - s.a))
    step = np.clip(step, 0.0, LONGEST)
    stalled = s.bracketed & ((step <= low) | (step >= high) | (high - low <= WIDTH * high))
    return s._replace(
        low=low,
        high=high,
        width_before=np.where(s.bracketed, s.width, s.width_before),
        width=np.where(s.bracketed, distance, s.width),
        step=np.where(stalled, s.a, step),
    )
