"""FTRL-Proximal and AdaGrad as a rule of a parameter server."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.ftrl.kernels import ftrl_coefficients, ftrl_update
from treefold.parameters.shard import Run


class Ftrl(NamedTuple):
    """Settings of FTRL-Proximal or AdaGrad, and the weight of the rows seen so far.

    A coefficient is kept as two numbers: with g the sums of the gradients of each clock, ``n = sum g^2`` and ``z = sum
    (g - s w)``, where ``s = (sqrt(n after) - sqrt(n before)) / step_size`` and w is the coefficient at that clock. With
    W the weight of all rows seen, the coefficient is 0 where ``|z| <= lasso W``, and otherwise

        (sign(z) lasso W - z) / ((beta + sqrt(n)) / step_size + ridge W).

    The penalties grow with the rows, as in McMahan 2011, so that they are those of the mean loss. McMahan et al. 2013
    have constants instead: theirs are ``lasso W`` and ``ridge W`` at the end.

    AdaGrad by dual averaging (Duchi, Hazan & Singer, JMLR 12, 2011, section 5.1) has the same coefficient of another z,
    the sum of the gradients alone.

    Attributes
    ----------
    step_size, beta : float
        A coefficient moves by about ``step_size g / (beta + sqrt(n))``.
    lasso, ridge : float
        Strengths of the L1 and L2 penalties of the mean loss.
    free : int
        Key that is not penalised, that of the intercept; -1 for none.
    weight : float
        Weight of the rows seen.
    proximal : bool
        True for FTRL-Proximal, False for AdaGrad.
    """

    step_size: float = 0.1
    beta: float = 1.0
    lasso: float = 0.0
    ridge: float = 0.0
    free: int = -1
    weight: float = 0.0
    proximal: bool = True

    @property
    def vectors(self) -> tuple[str, ...]:
        """The two numbers of a coefficient."""
        return ("z", "n")

    def coefficients(self, vectors: Sequence[NDArray], slots: NDArray, keys: NDArray) -> NDArray:
        """See :class:`~treefold.parameters.shard.Rule`."""
        out = np.empty(len(slots))
        ftrl_coefficients(*vectors, slots, keys, self.free, *self._steps, out)
        return out

    def update(self, vectors: Sequence[NDArray], slots: NDArray, keys: NDArray, gradient: NDArray) -> None:
        """See :class:`~treefold.parameters.shard.Rule`."""
        ftrl_update(*vectors, slots, keys, gradient, self.free, self.proximal, *self._steps)

    @property
    def _steps(self) -> tuple[float, float, float, float]:
        return self.step_size, self.beta, self.lasso * self.weight, self.ridge * self.weight


class NonZero(NamedTuple):
    """Number of coefficients that are not 0."""

    total: int


def nonzero(run: Run, rule: Ftrl) -> NonZero:
    """Number of penalised coefficients of a run that are not 0."""
    return NonZero(int(np.count_nonzero(run.coefficients(rule)[run.keys != rule.free])))
