"""Several statistics of a block, or of all blocks of a task, as one statistic, which takes one pass."""

from collections.abc import Callable, Iterable
from typing import Any

from treefold.dataset.block import Block
from treefold.dataset.blocks import Merge, WidenedStatistic, stat_name
from treefold.dataset.folds import fold_view


class FusedStatistic:
    """Several statistics of a block as one statistic, whose value is the tuple of their values."""

    def __init__(self, stats: list[Callable]) -> None:
        self.stats = stats
        self.__name__ = _joined(stats)

    def __call__(self, block: Any, *args: tuple) -> tuple:
        folds: dict[int, Any] = {}
        seen = [fold_view(stat, block, folds) for stat in self.stats]
        values: list[Any] = [None] * len(seen)
        for mine in _alike([stat for stat, _ in seen]):
            core = _core(seen[mine[0]][0])
            if len(mine) > 1:
                made = core.fused([seen[i][1] for i in mine], [args[i] for i in mine])
            else:
                made = [core(seen[i][1], *args[i]) for i in mine]
            for i, value in zip(mine, made, strict=True):
                leaf = seen[i][0]
                values[i] = leaf.widened(value) if isinstance(leaf, WidenedStatistic) else value
        return tuple(values)


class FusedTaskStatistic:
    """Several statistics of the blocks of a task as one statistic, whose value is the tuple of their values.

    All of them see the same list of blocks, so each must be one that holds all blocks of a task at a time: see
    :func:`treefold.dataset.blocks.holds_blocks`.
    """

    def __init__(self, stats: list[Callable]) -> None:
        self.stats = stats
        self.__name__ = _joined(stats)

    def __call__(self, blocks: Iterable[Block], *args: tuple) -> tuple:
        mine = list(blocks)
        return tuple(stat(mine, *some) for stat, some in zip(self.stats, args, strict=True))


class FusedMerge:
    """Merges the values of a :class:`FusedStatistic` one by one."""

    def __init__(self, merges: list[Merge]) -> None:
        self.merges = merges

    def __call__(self, left: tuple, right: tuple) -> tuple:
        return tuple(merge(a, b) for merge, a, b in zip(self.merges, left, right, strict=True))


def _joined(stats: list[Callable]) -> str:
    """The names of statistics, each with how often it occurs."""
    names = [stat_name(stat) for stat in stats]
    return " + ".join(
        f"{name} x {names.count(name)}" if names.count(name) > 1 else name for name in dict.fromkeys(names)
    )


def _core(stat: Callable) -> Any:
    return stat.stat if isinstance(stat, WidenedStatistic) else stat


def _alike(stats: list[Callable]) -> list[list[int]]:
    """Numbers of the statistics, grouped by which of them can be computed at once."""
    found: dict[Any, list[int]] = {}
    for number, stat in enumerate(stats):
        core = _core(stat)
        found.setdefault(core if hasattr(core, "fused") else number, []).append(number)
    return list(found.values())
