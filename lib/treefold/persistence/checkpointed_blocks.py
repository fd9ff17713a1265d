"""Blocks whose passes a checkpoint records and replays."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from treefold.dataset.blocks import Blocks, Merge, Pass, WidenedStatistic, add
from treefold.errors import InputError
from treefold.persistence.hashing import digest

if TYPE_CHECKING:
    from treefold.persistence.checkpoint import Checkpoint


class Entry(NamedTuple):
    """One pass: a digest of the request, the result, the number of features, and the record."""

    asked: str
    answer: Any
    features: int
    account: Pass


class CheckpointedBlocks:
    """Blocks whose passes a checkpoint records (a :class:`~treefold.dataset.blocks.Blocks`)."""

    def __init__(self, blocks: Blocks, checkpoint: "Checkpoint") -> None:
        self.blocks, self.checkpoint = blocks, checkpoint
        self.features = 0
        self.passes: list[Pass] = []

    def sum(self, stat: Callable, *args: Any) -> Any:
        """See :class:`treefold.dataset.blocks.Scan`."""
        return self.reduce(WidenedStatistic(stat), *args, merge=add)

    def reduce(self, stat: Callable, *args: Any, merge: Merge) -> Any:
        """See :class:`treefold.dataset.blocks.Scan`."""
        return self._pass(self.blocks.reduce, stat, args, merge)

    def reduce_tasks(self, stat: Callable, *args: Any, merge: Merge = add) -> Any:
        """See :class:`treefold.dataset.blocks.Blocks`."""
        return self._pass(self.blocks.reduce_tasks, stat, args, merge)

    def _pass(self, made: Callable, stat: Callable, args: tuple, merge: Merge) -> Any:
        asked = digest((stat, args, merge))
        first = len(self.checkpoint.known) == self.checkpoint.length
        entry = self.checkpoint.next(asked)
        if entry is None or first:
            answer = made(stat, *args, merge=merge)
            if entry is None:
                entry = Entry(asked, answer, self.blocks.features, self.blocks.passes[-1])
                self.checkpoint.add(entry)
            elif digest(answer) != digest(entry.answer):
                raise InputError(f"{self.checkpoint.uri} was written over other data: start anew with --fresh")
        self.features = entry.features
        self.passes.append(entry.account)
        return entry.answer

    def map(self, fn: Callable, *args: Any) -> "CheckpointedBlocks":
        """See :class:`treefold.dataset.blocks.Blocks`."""
        return CheckpointedBlocks(self.blocks.map(fn, *args), self.checkpoint)

    def close(self) -> None:
        """Delete the stored blocks."""
        self.blocks.close()
