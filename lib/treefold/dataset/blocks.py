"""The interface of a data set: passes over blocks of rows.

Partial sums are added along a fixed tree: see :mod:`treefold.dataset.reduction`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from treefold.dataset.widening import widened

S = TypeVar("S", bound=tuple)
F = TypeVar("F", bound=Callable)
Merge = Callable[[Any, Any], Any]


def add(left: S, right: S) -> S:
    """Add two statistics field by field."""
    return type(left)(*(a + b for a, b in zip(left, right, strict=True)))


class WidenedStatistic:
    """A statistic of one block, its fields widened to 64 bits before they are added."""

    def __init__(self, stat: Callable) -> None:
        self.stat = stat
        self.__name__ = stat_name(stat)

    def __call__(self, block: Any, *args: Any) -> Any:
        return self.widened(self.stat(block, *args))

    def widened(self, value: Any) -> Any:
        """A value of the statistic in the types in which values are added."""
        return widened(value, self.__name__)


def fused_by(many: Callable[[Sequence[Any], Sequence[tuple]], Sequence[Any]]) -> Callable[[F], F]:
    """Mark a statistic that is cheaper when it is computed for several callers at once.

    Parameters
    ----------
    many : callable
        ``many(blocks, args)`` receives the same rows under the weights of each caller, and the arguments of each
        caller. It returns for each caller what ``stat(block, *args)`` would return, up to rounding.

    Returns
    -------
    callable
        A decorator that stores ``many`` as the attribute ``fused`` of the statistic.
    """

    def mark(stat: F) -> F:
        stat.fused = many  # type: ignore[attr-defined]
        return stat

    return mark


def stat_name(stat: Callable) -> str:
    """Name of a statistic, as passes and Spark's UI show it."""
    return getattr(stat, "__name__", type(stat).__name__)


@dataclass(frozen=True)
class Recomputed:
    """Blocks that a pass did not find in storage: the reason, their number, and the seconds to recompute them."""

    why: str
    blocks: int
    seconds: float

    def __str__(self) -> str:
        return f"lost {self.blocks:,} blocks, {self.why}: recomputed in {self.seconds:.1f} s"


@dataclass(frozen=True)
class Pass:
    """Record of one pass over the data.

    Attributes
    ----------
    name : str
        Name of the statistic.
    seconds : float
        Wall-clock seconds on the driver.
    rows, tasks : int
        Rows read, and tasks.
    bytes_down, bytes_up : int
        Bytes of the arguments sent to all tasks, and of the partials that they returned.
    skew : float
        Seconds of the slowest task divided by those of the median task.
    source : str
        Reader of the data: ``memory``, ``parquet`` or ``dataframe``.
    how : str
        How the partials were combined: ``flat`` or ``tree`` in a Spark job, or ``pooled`` by the task pool.
    lost : tuple of Recomputed
        Blocks that were lost and recomputed.
    """

    name: str
    seconds: float
    rows: int
    tasks: int
    bytes_down: int
    bytes_up: int
    skew: float
    source: str
    how: str
    lost: tuple[Recomputed, ...] = ()


def holds_blocks(stat: F) -> F:
    """Declare that a statistic of a task holds all blocks of the task at a time, so that it can share a pass.

    Other statistics of a task may go through more blocks than fit into memory, and have passes of their own.
    """
    stat.holds_blocks = True  # type: ignore[attr-defined]
    return stat


class Scan(Protocol):
    """Rows that a pass can read.

    A statistic is a module-level function ``stat(block, *args)`` that returns a NamedTuple of arrays or numbers.
    """

    def sum(self, stat: Callable, *args: Any) -> Any:
        """Sum of ``stat(block, *args)`` over all blocks, field by field in 64 bits: one pass."""
        ...

    def reduce(self, stat: Callable, *args: Any, merge: Merge) -> Any:
        """Merge of ``stat(block, *args)`` over all blocks along the fixed tree: one pass.

        Parameters
        ----------
        stat : callable
            Statistic: a module-level function ``stat(block, *args)``.
        *args : Any
            Its further arguments, sent to all tasks.
        merge : Merge
            Associative function of two results, of which the first covers the earlier rows; it may overwrite the first.

        Returns
        -------
        result of the statistic
        """
        ...


class Blocks(Scan, Protocol):
    """A stored data set, cut into :class:`~treefold.dataset.block.Block` s."""

    @property
    def features(self) -> int:
        """Number of features."""
        ...

    @property
    def passes(self) -> list[Pass]:
        """Records of the passes so far."""
        ...

    def reduce_tasks(self, stat: Callable, *args: Any, merge: Merge = add) -> Any:
        """Merge of ``stat(blocks, *args)`` over the tasks: one pass. A call receives an iterator of a task's blocks.

        Use it only where the merge is exact, so that the result depends neither on the assignment of blocks to tasks
        nor on the order: for counts, sums of numbers on a grid, and rows in their order (the first argument of
        ``merge`` has the earlier rows).

        Parameters
        ----------
        stat : callable
            Statistic: a module-level function of an iterator of blocks and ``args``.
        *args : Any
            Its further arguments, sent to all tasks.
        merge : Merge, default add
            Function of two results, of which the first covers the earlier rows.

        Returns
        -------
        result of the statistic
        """
        ...

    def map(self, fn: Callable, *args: Any) -> "Blocks":
        """Blocks ``fn(block, *args)``, with the same rows and the same id, stored next to these."""
        ...

    def close(self) -> None:
        """Delete the stored blocks."""
        ...
