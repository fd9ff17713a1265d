"""Step size schedules of stochastic gradient descent."""

from typing import NamedTuple, Protocol

from numpy.typing import NDArray

WARM_UP, LAST = 0.3, 0.01  # of one cycle: share of rising iterations, and ratio of the last to the largest step


class Schedule(Protocol):
    """Step sizes by iteration."""

    @property
    def shrinks(self) -> bool:
        """Whether the solver shortens the steps of a model whose value no longer decreases."""
        ...

    def rate(self, size: NDArray, t: int) -> NDArray:
        """Step sizes ``(models,)`` of iteration ``t`` = 0, 1, ... for first step sizes ``size``."""
        ...


class Constant(NamedTuple):
    """The same step size in every iteration."""

    @property
    def shrinks(self) -> bool:
        """No."""
        return False

    def rate(self, size: NDArray, t: int) -> NDArray:
        """See :class:`Schedule`."""
        return size


class Adaptive(NamedTuple):
    """The same step size, divided by five whenever the value has not decreased for three iterations."""

    @property
    def shrinks(self) -> bool:
        """Yes."""
        return True

    def rate(self, size: NDArray, t: int) -> NDArray:
        """See :class:`Schedule`."""
        return size


class InverseScaling(NamedTuple):
    """Step sizes ``size / (1 + t)^power``."""

    power: float = 0.5

    @property
    def shrinks(self) -> bool:
        """No."""
        return False

    def rate(self, size: NDArray, t: int) -> NDArray:
        """See :class:`Schedule`."""
        scaled: NDArray = size / (1 + t) ** self.power
        return scaled


class OneCycle(NamedTuple):
    """Step sizes that first rise and then fall, once.

    They rise from ``size / 10`` to ``size`` over 30 % of ``horizon`` iterations and then fall geometrically to
    ``size / 100``.

    References
    ----------
    Smith, "A disciplined approach to neural network hyper-parameters", 2018, part 1, sec. 4.
    """

    horizon: int = 100

    @property
    def shrinks(self) -> bool:
        """No."""
        return False

    def rate(self, size: NDArray, t: int) -> NDArray:
        """See :class:`Schedule`."""
        done, top = t / max(1, self.horizon - 1), WARM_UP
        scaled: NDArray = size * (0.1 + 0.9 * done / top if done < top else LAST ** ((done - top) / (1 - top)))
        return scaled
