"""Update rules of mini-batch descent, each compiled into one sweep over the variables of a model, in their place.

All take a mean gradient, add ``ridge * x`` where variables are penalised, and keep ``mean`` and ``square``, which begin
as zeros. :mod:`treefold.optim.update_rules` has the same rules for batches of models in float64.
"""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from treefold.runtime.jit_cache import njit

EPSILON = 1e-8


class FusedUpdate(Protocol):
    """A step of one model."""

    def __call__(
        self, x: NDArray, gradient: NDArray, mean: NDArray, square: NDArray, penalised: NDArray, ridge: float,
        rate: float, t: int,
    ) -> None:  # fmt: skip
        """Move ``x`` ``(p,)`` by step ``t`` = 0, 1, ... of length ``rate``; ``penalised`` ``(p,)`` is 0 or 1."""
        ...


class FusedAdam(NamedTuple):
    """Adam: Kingma & Ba, ICLR 2015, algorithm 1.

    Attributes
    ----------
    decoupled : bool
        AdamW: the penalty shrinks the variables by ``rate * ridge`` and is no part of the gradient (Loshchilov &
        Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2).
    """

    decoupled: bool = False
    beta1: float = 0.9
    beta2: float = 0.999

    def __call__(
        self, x: NDArray, gradient: NDArray, mean: NDArray, square: NDArray, penalised: NDArray, ridge: float,
        rate: float, t: int,
    ) -> None:  # fmt: skip
        """See :class:`FusedUpdate`."""
        kind = x.dtype.type
        first, second = 1 - self.beta1 ** (t + 1), 1 - self.beta2 ** (t + 1)
        _adam(
            x, gradient, mean, square, penalised, kind(0 if self.decoupled else ridge),
            kind(rate * ridge if self.decoupled else 0), kind(self.beta1), kind(self.beta2), kind(rate / first),
            kind(1 / second), kind(EPSILON),
        )  # fmt: skip


class FusedMomentum(NamedTuple):
    """``m <- beta m + g``; the step is along m, or with ``nesterov`` along ``g + beta m``."""

    beta: float = 0.9
    nesterov: bool = False

    def __call__(
        self, x: NDArray, gradient: NDArray, mean: NDArray, square: NDArray, penalised: NDArray, ridge: float,
        rate: float, t: int,
    ) -> None:  # fmt: skip
        """See :class:`FusedUpdate`."""
        kind = x.dtype.type
        _momentum(x, gradient, mean, penalised, kind(ridge), kind(self.beta), self.nesterov, kind(rate))


@njit(fastmath={"contract"}, error_model="numpy")
def _adam(x, gradient, mean, square, penalised, ridge, decay, beta1, beta2, rate, unbias, epsilon):  # type: ignore[no-untyped-def]
    one = x.dtype.type(1)
    for i in range(x.size):
        g = gradient[i] + ridge * penalised[i] * x[i]
        m = beta1 * mean[i] + (one - beta1) * g
        v = beta2 * square[i] + (one - beta2) * g * g
        mean[i], square[i] = m, v
        x[i] -= rate * m / (np.sqrt(v * unbias) + epsilon) + decay * penalised[i] * x[i]


@njit(fastmath={"contract"}, error_model="numpy")
def _momentum(x, gradient, mean, penalised, ridge, beta, nesterov, rate):  # type: ignore[no-untyped-def]
    for i in range(x.size):
        g = gradient[i] + ridge * penalised[i] * x[i]
        m = beta * mean[i] + g
        mean[i] = m
        x[i] -= rate * (g + beta * m if nesterov else m)
