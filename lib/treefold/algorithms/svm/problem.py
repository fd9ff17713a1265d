"""The dual problem that classification, regression and the one-class machine share.

Every variable ``b_v`` is a signed coefficient of the row ``row_v``:

    minimise 1/2 sum_vw b_v b_w K(row_v, row_w) - sum_v linear_v b_v   with  low <= b <= high,  sum_v b_v = total

- classification, target y = 1 or -1: linear = y; b between 0 and y C. ``b = y alpha`` of the literature.
- regression: two variables of a row, linear = y - epsilon between 0 and C, and y + epsilon between -C and 0.
- one class: linear = 0 between 0 and C, the sum is nu times that of the bounds.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Task(NamedTuple):
    """The task of a machine.

    Attributes
    ----------
    name : str
        ``classification`` (targets 1 and -1), ``regression`` or ``one class``.
    epsilon : float
        Residual of a regression up to which the loss is 0.
    nu : float
        For the one-class machine: at most this share of the rows is outside, and at least this share are support
        vectors.
    """

    name: str = "classification"
    epsilon: float = 0.1
    nu: float = 0.5

    def variables(self, target: NDArray, bound: NDArray) -> "Variables":
        """Variables of rows with a target and the bound ``C_i`` of each."""
        zero, here = np.zeros(len(target)), np.arange(len(target))
        if self.name == "classification":
            signed = target * bound
            return Variables(here, target.astype(np.float64), np.minimum(0.0, signed), np.maximum(0.0, signed))
        if self.name == "one class":
            return Variables(here, zero, zero, bound)
        return Variables(
            np.concatenate([here, here]),
            np.concatenate([target - self.epsilon, target + self.epsilon]),
            np.concatenate([zero, -bound]),
            np.concatenate([bound, zero]),
        )

    def split(self, net: NDArray) -> NDArray:
        """Coefficients of the variables of rows from those of the rows."""
        return np.concatenate([np.maximum(net, 0.0), np.minimum(net, 0.0)]) if self.name == "regression" else net

    def net(self, b: NDArray) -> NDArray:
        """Coefficients of the rows from those of their variables."""
        return b[: len(b) // 2] + b[len(b) // 2 :] if self.name == "regression" else b

    def losses(self, target: NDArray, margin: NDArray) -> NDArray:
        """Loss of rows with a margin, the bias included; the one-class machine's is ``max(0, -margin)``."""
        if self.name == "classification":
            return np.maximum(0.0, 1.0 - target * margin)
        if self.name == "regression":
            return np.maximum(0.0, abs(target - margin) - self.epsilon)
        return np.maximum(0.0, -margin)

    def start(self, bound: NDArray) -> NDArray:
        """Feasible coefficients of rows: zero, or of the one-class machine the first rows up to the sum."""
        if self.name != "one class":
            return np.zeros(len(bound))
        before = np.cumsum(bound) - bound
        return np.clip(self.nu * bound.sum() - before, 0.0, bound)


class Variables(NamedTuple):
    """Variables of the dual problem: the row of each, its linear term and its bounds, all ``(variables,)``."""

    row: NDArray
    linear: NDArray
    low: NDArray
    high: NDArray

    def gaps(self, b: NDArray, margin: NDArray) -> tuple[NDArray, NDArray]:
        """Slopes ``linear - margin`` of the variables that can rise, else -inf; and of those that can fall, else inf.

        ``margin`` is ``K b`` by row, without a bias.
        """
        slope = self.linear - margin[self.row]
        return np.where(b < self.high, slope, -np.inf), np.where(b > self.low, slope, np.inf)


def bias_of(up: NDArray, down: NDArray, slope: NDArray) -> float:
    """Bias: the mean slope of free variables, or without any the middle of the interval that optimality allows.

    Parameters
    ----------
    up : (variables,)
        Slope of each variable that can rise, else -inf.
    down : (variables,)
        Slope of each variable that can fall, else inf.
    slope : (variables,)
        Slopes of all variables.

    Returns
    -------
    float
    """
    free = np.isfinite(up) & np.isfinite(down)
    if free.any():
        return float(slope[free].mean())
    top, bottom = up.max(initial=-np.inf), down.min(initial=np.inf)
    ends = [end for end in (top, bottom) if np.isfinite(end)]
    return float(np.mean(ends)) if ends else 0.0
