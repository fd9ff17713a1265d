"""Step size schedules of stochastic gradient descent."""

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from treefold.optim.status import put

WARM_UP, LAST = 0.3, 0.01  # of one cycle: share of rising iterations, and ratio of the last to the largest step
PATIENCE, CUT = 3, 0.2  # of a schedule that shrinks: iterations without a better value, and the factor of the step
BETTER = 1e-4  # least relative decrease that counts


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


def first_steps(step_size: ArrayLike, shrink: NDArray, models: NDArray) -> NDArray:
    """First step sizes of some models, from which a schedule computes those of all iterations.

    Parameters
    ----------
    step_size : (models,) or float
        As they are set for all models.
    shrink : (models,)
        Factors by which the steps of all models have been shortened.
    models : (len(models),) int
        Indices of the models.

    Returns
    -------
    (len(models),)
    """
    size: NDArray = np.broadcast_to(np.asarray(step_size, np.float64), len(shrink))[models] * shrink[models]
    return size


def shrunk(state: Any, models: NDArray) -> Any:
    """Shorten the steps of models whose value has not decreased for ``PATIENCE`` iterations."""
    value, best = state.value[models], state.best[models]
    better = value < best - BETTER * abs(best)
    stale = np.where(better, 0, state.stale[models] + 1)
    cut = stale >= PATIENCE
    return state._replace(
        best=put(state.best, models, np.minimum(value, best)),
        stale=put(state.stale, models, np.where(cut, 0, stale)),
        shrink=put(state.shrink, models, state.shrink[models] * np.where(cut, CUT, 1.0)),
    )
