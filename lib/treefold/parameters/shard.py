"""A shard: the vectors of every n-th coefficient of a model, in the memory of one process."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from treefold.dataset.blocks import add
from treefold.parameters.clock import Clock, Push
from treefold.parameters.kernels import add_in_order

RUN = 1 << 20  # coefficients that are read at once


class Rule(Protocol):
    """What the vectors of a coefficient mean: its value, and how a gradient changes them.

    A rule is a NamedTuple of numbers that is sent with every request, so a shard knows no algorithm.
    """

    @property
    def vectors(self) -> tuple[str, ...]:
        """Names of the vectors."""
        ...

    def coefficients(self, vectors: Sequence[NDArray], slots: NDArray, keys: NDArray) -> NDArray:
        """Values of coefficients.

        Parameters
        ----------
        vectors : sequence of (slots,)
            The vectors of the shard, in the order of ``self.vectors``.
        slots : (asked,) int64
            Places of the coefficients in the vectors.
        keys : (asked,) int64
            Their keys.

        Returns
        -------
        (asked,) float64
        """
        ...

    def update(self, vectors: Sequence[NDArray], slots: NDArray, keys: NDArray, gradient: NDArray) -> None:
        """Change the vectors in place by the gradient of a clock.

        Parameters
        ----------
        vectors : sequence of (slots,)
            The vectors of the shard.
        slots, keys : (pushed,) int64
            Places and keys of the coefficients, each once.
        gradient : (pushed,) float64
            Sum of what was pushed for each.
        """
        ...


class Layout(NamedTuple):
    """Which coefficients a shard holds: those whose key is ``number`` modulo ``shards``.

    Attributes
    ----------
    number, shards : int
        Number of the shard, and of all shards.
    keys : int
        Number of all coefficients; their keys are 0, 1, ...
    vectors : tuple of str
        Names of the vectors.
    dtype : str
        Type in which they are kept, float32 or float64.
    """

    number: int
    shards: int
    keys: int
    vectors: tuple[str, ...]
    dtype: str = "float32"

    @property
    def slots(self) -> int:
        """Number of coefficients of the shard."""
        return max(0, -(-(self.keys - self.number) // self.shards))


class Run(NamedTuple):
    """Consecutive coefficients of a shard: a block of a model.

    Attributes
    ----------
    vectors : tuple of (coefficients,)
        Views of the vectors.
    keys : (coefficients,) int64
        Keys, increasing.
    """

    vectors: tuple[NDArray, ...]
    keys: NDArray[np.int64]

    def coefficients(self, rule: Rule) -> NDArray:
        """Values of the coefficients, ``(coefficients,)`` float64."""
        return rule.coefficients(self.vectors, np.arange(len(self.keys)), self.keys)


class Shard:
    """The vectors of the coefficients of a layout, all 0 at first, and their clock."""

    def __init__(self, layout: Layout) -> None:
        self.layout, self.clock = layout, Clock()
        self.vectors = tuple(np.zeros(layout.slots, layout.dtype) for _ in layout.vectors)

    def pull(self, clock: int, keys: NDArray[np.int64], rule: Rule) -> NDArray:
        """Values of the coefficients of some keys in a clock.

        Parameters
        ----------
        clock : int
            The current clock.
        keys : (asked,) int64
            Keys of this shard.
        rule : Rule
            What the vectors mean.

        Returns
        -------
        (asked,) in the type of the vectors

        Raises
        ------
        RuntimeError
            If the clock is another, also if it is closed meanwhile.
        """
        self.clock.check(clock)
        values = rule.coefficients(self.vectors, keys // self.layout.shards, keys)
        self.clock.check(clock)  # a clock is closed before its vectors change
        return values.astype(self.layout.dtype)

    def push(self, clock: int, pushes: Sequence[Push]) -> int:
        """Keep pushes of some lanes until the clock is applied; the number of those that count."""
        return sum(self.clock.admit(clock, push) for push in pushes)

    def apply(self, clock: int, lanes: int, rule: Rule) -> None:
        """Merge the pushes of a clock in the order of the lanes, change the vectors, and go on to the next clock.

        Parameters
        ----------
        clock : int
            The current clock; the one before it is not applied again.
        lanes : int
            Number of lanes, each of which must have pushed.
        rule : Rule
            Changes the vectors.

        Raises
        ------
        RuntimeError
            As :meth:`~treefold.parameters.clock.Clock.close`.
        """
        pushes = self.clock.close(clock, lanes)
        if pushes is None:
            return
        keys, places = np.unique(np.concatenate([push.keys for push in pushes]), return_inverse=True)
        sums = np.zeros(len(keys))
        add_in_order(places, np.concatenate([push.values for push in pushes]), sums)
        rule.update(self.vectors, keys // self.layout.shards, keys, sums)

    def sum(self, stat: Callable, *args: Any) -> Any:
        """Sum of ``stat(run, *args)`` over the coefficients, in runs; ``stat`` returns a NamedTuple whose fields add.

        Whole numbers add to the same sum for any number of shards, other numbers up to rounding.
        """
        total = None
        for run in self.runs():
            value = stat(run, *args)
            total = value if total is None else add(total, value)
        return total

    def runs(self) -> Iterator[Run]:
        """The coefficients in runs, at least one, which may be empty."""
        for begin in range(0, max(1, self.layout.slots), RUN):
            slots = np.arange(begin, min(begin + RUN, self.layout.slots))
            vectors = tuple(vector[begin : begin + RUN] for vector in self.vectors)
            yield Run(vectors, slots * self.layout.shards + self.layout.number)

    def values(self, rule: Rule) -> Iterator[NDArray]:
        """Values of all coefficients in the order of their keys, in runs."""
        for run in self.runs():
            yield run.coefficients(rule)
