"""Blocks whose sums have noise: an algorithm sees of the rows nothing else."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from treefold.dataset.blocks import Blocks, Merge, Pass, WidenedStatistic, add
from treefold.errors import InputError
from treefold.privacy.noise import Normals, system_normals

F = TypeVar("F", bound=Callable)


def bounded(sensitivity: Callable[..., float]) -> Callable[[F], F]:
    """Mark a statistic whose sum changes by no more than a bound if one row is replaced by another.

    Parameters
    ----------
    sensitivity : callable
        The bound for the arguments of the statistic: the Euclidean distance of all fields together. 0 if the sum does
        not depend on what the rows hold.

    Returns
    -------
    callable
        A decorator that stores ``sensitivity`` as an attribute of the statistic.
    """

    def mark(stat: F) -> F:
        stat.sensitivity = sensitivity  # type: ignore[attr-defined]
        return stat

    return mark


class Noise(NamedTuple):
    """Noise of a number of passes.

    Attributes
    ----------
    multiplier : float
        Deviation of the noise over the sensitivity of a sum.
    passes : int
        Passes with noise for which the budget suffices.
    normals : callable
        Draws standard normal numbers: ``normals(count)``.
    """

    multiplier: float
    passes: int
    normals: Normals = system_normals


class NoisyBlocks:
    """Blocks (a :class:`~treefold.dataset.blocks.Blocks`) that add Gaussian noise to every sum, once per pass.

    Sums of statistics that are marked by :func:`bounded` are all they give away. A checkpoint around these blocks
    records sums with their noise, so that a pass that is replayed has the same noise.
    """

    def __init__(self, blocks: Blocks, noise: Noise) -> None:
        self.blocks, self.noise = blocks, noise
        self.made = 0

    @property
    def features(self) -> int:
        """Number of features."""
        return self.blocks.features

    @property
    def passes(self) -> list[Pass]:
        """Passes of the blocks."""
        return self.blocks.passes

    def sum(self, stat: Callable, *args: Any) -> Any:
        """The sum and its noise; see :class:`treefold.dataset.blocks.Scan`.

        Raises
        ------
        InputError
            If the statistic has no bound, or the budget is spent; then there is no pass.
        """
        return self.reduce(WidenedStatistic(stat), *args, merge=add)

    def reduce(self, stat: Callable, *args: Any, merge: Merge) -> Any:
        """See :class:`treefold.dataset.blocks.Scan`; anything but a sum is refused."""
        own = stat.stat if isinstance(stat, WidenedStatistic) else None
        if not hasattr(own, "sensitivity") or merge is not add:
            raise refusal()
        sensitivity = float(own.sensitivity(*args))  # type: ignore[union-attr]
        if not sensitivity:
            return self.blocks.reduce(stat, *args, merge=merge)
        if self.made >= self.noise.passes:
            raise InputError(
                f"the privacy budget is for {self.noise.passes} passes, and one more would exceed it: lower "
                "maxIter, or raise privacyEpsilon"
            )
        self.made += 1
        exact = self.blocks.reduce(stat, *args, merge=merge)
        return type(exact)(*(self._noisy(field, sensitivity * self.noise.multiplier) for field in exact))

    def reduce_tasks(self, stat: Callable, *args: Any, merge: Merge = add) -> Any:
        """See :class:`treefold.dataset.blocks.Blocks`; refused, as sums of tasks have no noise."""
        raise refusal()

    def map(self, fn: Callable, *args: Any) -> Blocks:
        """See :class:`treefold.dataset.blocks.Blocks`; refused, as other blocks would have no noise."""
        raise refusal()

    def close(self) -> None:
        """Delete the stored blocks."""
        self.blocks.close()

    def _noisy(self, field: Any, deviation: float) -> Any:
        exact = np.asarray(field, np.float64)
        return exact + deviation * self.noise.normals(exact.size).reshape(exact.shape)


def refusal() -> InputError:
    """The error for what has no bound."""
    return InputError(
        "solver dpgd fits squared errors, logistic regressions and linear support vector classifiers, each by fit "
        "alone: use another solver"
    )


def search_refusal() -> InputError:
    """The error for a search among models of which each would have noise: the choice would look at the rows."""
    return InputError(
        "a differentially private solver is for fit alone: a search would look at the rows without noise to choose; "
        "fit one setting with train, or use another solver"
    )
