"""Update rules of stochastic gradient descent: how a gradient becomes a direction."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Update = tuple[NDArray, NDArray, NDArray]  # direction, and the two averages of gradients that a rule keeps


class UpdateRule(Protocol):
    """Turns gradients into directions.

    A rule keeps two arrays ``(models, p)`` from step to step, ``mean`` and ``square``. Both begin as zeros. A rule that
    does not need one of them returns it unchanged.
    """

    @property
    def normalises(self) -> bool:
        """Whether the direction is free of the gradient's units; such a rule has no prox for a penalty."""
        ...

    def direction(self, gradient: NDArray, mean: NDArray, square: NDArray, t: int) -> Update:
        """Direction, which is subtracted from the iterate times the step size, and the new averages.

        Parameters
        ----------
        gradient : (models, p)
            Gradient of the mini-batch.
        mean, square : (models, p)
            Averages of gradients and of their squares so far.
        t : int
            Number of the step, from 0.

        Returns
        -------
        Update
            The direction, and the new averages.
        """
        ...


class Momentum(NamedTuple):
    """``m <- beta m + g``. The direction is m, or ``g + beta m`` with ``nesterov``; ``beta = 0`` is plain SGD."""

    beta: float = 0.0
    nesterov: bool = False

    @property
    def normalises(self) -> bool:
        """No."""
        return False

    def direction(self, gradient: NDArray, mean: NDArray, square: NDArray, t: int) -> Update:
        """See :class:`UpdateRule`."""
        mean = self.beta * mean + gradient
        return gradient + self.beta * mean if self.nesterov else mean, mean, square


class Adagrad(NamedTuple):
    """``g / sqrt(sum of g^2)``.

    References
    ----------
    Duchi, Hazan & Singer, "Adaptive subgradient methods for online learning and stochastic optimization", JMLR 12,
    2011, fig. 1, the diagonal form.
    """

    @property
    def normalises(self) -> bool:
        """Yes."""
        return True

    def direction(self, gradient: NDArray, mean: NDArray, square: NDArray, t: int) -> Update:
        """See :class:`UpdateRule`."""
        square = square + gradient**2
        return gradient / (np.sqrt(square) + 1e-10), mean, square


class Adam(NamedTuple):
    """Exponential moving averages of g and g^2, corrected for their start at 0.

    References
    ----------
    Kingma & Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.
    """

    beta1: float = 0.9
    beta2: float = 0.999

    @property
    def normalises(self) -> bool:
        """Yes."""
        return True

    def direction(self, gradient: NDArray, mean: NDArray, square: NDArray, t: int) -> Update:
        """See :class:`UpdateRule`."""
        mean = self.beta1 * mean + (1 - self.beta1) * gradient
        square = self.beta2 * square + (1 - self.beta2) * gradient**2
        first, second = mean / (1 - self.beta1 ** (t + 1)), square / (1 - self.beta2 ** (t + 1))
        return first / (np.sqrt(second) + 1e-8), mean, square
