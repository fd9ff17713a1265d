"""All shards of a model: requests are cut by key and sent to the shards that hold them."""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from treefold.dataset.blocks import add
from treefold.parameters.clock import Push
from treefold.parameters.shard import Layout, Rule, Shard


class AnyShard(Protocol):
    """A shard in this process or another one; see :class:`~treefold.parameters.shard.Shard`."""

    def pull(self, clock: int, keys: NDArray[np.int64], rule: Rule) -> NDArray:
        """See :class:`~treefold.parameters.shard.Shard`."""
        ...

    def push(self, clock: int, pushes: Sequence[Push]) -> int:
        """Keep pushes; the number of those that count."""
        ...

    def apply(self, clock: int, lanes: int, rule: Rule) -> None:
        """See :class:`~treefold.parameters.shard.Shard`."""
        ...

    def sum(self, stat: Callable, *args: Any) -> Any:
        """Sum of a statistic over the coefficients."""
        ...

    def values(self, rule: Rule) -> Iterable[NDArray]:
        """Values of all coefficients, in runs."""
        ...


class ShardGroup(NamedTuple):
    """The shards of a model of ``keys`` coefficients; shard i of n holds the keys that are i modulo n."""

    keys: int
    shards: tuple[AnyShard, ...]

    @classmethod
    def in_process(cls, keys: int, shards: int, rule: Rule, dtype: str = "float32") -> "ShardGroup":
        """Shards in the memory of this process.

        Parameters
        ----------
        keys : int
            Number of coefficients.
        shards : int
            Number of shards.
        rule : Rule
            Names the vectors.
        dtype : str, default 'float32'
            Type of the vectors.

        Returns
        -------
        ShardGroup
        """
        return cls(keys, tuple(Shard(layout) for layout in layouts(keys, shards, rule, dtype)))

    def pull(self, clock: int, keys: NDArray[np.int64], rule: Rule) -> NDArray:
        """See :class:`~treefold.parameters.shard.Shard`."""
        owner = keys % len(self.shards)
        values = np.empty(len(keys))
        for number, shard in enumerate(self.shards):
            mine = owner == number
            values[mine] = shard.pull(clock, keys[mine], rule)
        return values

    def push(self, clock: int, pushes: Sequence[Push]) -> None:
        """Send what lanes push to the shards; every shard hears of every lane, so that it knows when all have come."""
        owners = [push.keys % len(self.shards) for push in pushes]
        for number, shard in enumerate(self.shards):
            mine = [owner == number for owner in owners]
            shard.push(clock, [Push(p.lane, p.keys[m], p.values[m]) for p, m in zip(pushes, mine, strict=True)])

    def apply(self, clock: int, lanes: int, rule: Rule) -> None:
        """See :class:`~treefold.parameters.shard.Shard`."""
        for shard in self.shards:
            shard.apply(clock, lanes, rule)

    def sum(self, stat: Callable, *args: Any) -> Any:
        """Sum of a statistic over all coefficients; see :meth:`treefold.parameters.shard.Shard.sum`."""
        return reduce(add, (shard.sum(stat, *args) for shard in self.shards))

    def values(self, rule: Rule) -> NDArray:
        """Values of all coefficients by key, ``(keys,)`` float64, in the memory of this process."""
        found = np.empty(self.keys)
        for number, shard in enumerate(self.shards):
            place = number
            for run in shard.values(rule):
                end = place + len(run) * len(self.shards)
                found[place : end : len(self.shards)] = run
                place = end
        return found


def layouts(keys: int, shards: int, rule: Rule, dtype: str) -> list[Layout]:
    """What each shard of a model holds.

    Parameters
    ----------
    keys : int
        Number of coefficients.
    shards : int
        Number of shards.
    rule : Rule
        Names the vectors.
    dtype : str
        Type of the vectors.

    Returns
    -------
    list of Layout
    """
    return [Layout(number, shards, keys, rule.vectors, dtype) for number in range(shards)]
