"""The driver's record of where each block came from, which shows what was lost and recomputed."""

from collections.abc import Sequence
from itertools import chain

from treefold.dataset.blocks import Recomputed
from treefold.engine.execution.partials import Account
from treefold.engine.storage.provenance import BuildRecord
from treefold.errors import InputError

EXECUTOR = "which were gone with their executor"
MOVED = "to spread them over more executors"
ALL = "all of them, because some were gone that can only be recomputed with the others"


class RecomputationLog:
    """How the blocks of a data set were built, from pass to pass.

    Parameters
    ----------
    exact : bool
        Whether recomputed blocks must have the bits they had.
    """

    def __init__(self, exact: bool) -> None:
        self.exact, self.why = exact, EXECUTOR
        self.built: dict[int, BuildRecord] = {}

    def remake(self, why: str = ALL) -> None:
        """Note that all blocks are recomputed, and why."""
        self.why = why

    def losses(self, accounts: Sequence[Account]) -> tuple[Recomputed, ...]:
        """Recomputations that a pass is the first to see, one entry for each reason.

        Blocks are summed over the tasks; seconds are those of the slowest task. Blocks are recomputed for the pass that
        needs them, or between two passes by a task of the pool that Spark tries again.

        Parameters
        ----------
        accounts : sequence of Account
            Of all tasks.

        Returns
        -------
        tuple of Recomputed

        Raises
        ------
        InputError
            If recomputed rows differ from the original ones.
        """
        first = not self.built
        found = list(chain.from_iterable(account.losses for account in accounts))
        for built in chain.from_iterable(account.built for account in accounts):
            before = self.built.get(built.first)
            if before and built.during != before.during:  # else it is the result of a speculative copy of a task
                found.append(Recomputed(self.why, built.blocks, built.seconds))
            if self.exact and not first and not _agree(before, built):
                raise InputError(
                    "rows that were lost came back otherwise: the data has changed during the fit, or the DataFrame is "
                    "not deterministic: save it as Parquet, or sort it, and fit again"
                )
            self.built[built.first] = built
        self.why = EXECUTOR
        return tuple(
            Recomputed(why, sum(loss.blocks for loss in some), max(loss.seconds for loss in some))
            for why, some in ((why, [loss for loss in found if loss.why == why]) for why in _reasons(found))
        )


def _reasons(losses: Sequence[Recomputed]) -> list[str]:
    return list(dict.fromkeys(loss.why for loss in losses))


def _agree(before: BuildRecord | None, now: BuildRecord) -> bool:
    """Whether blocks are those of before, as far as their checksums are known."""
    if before is None:
        return False
    return before.blocks == now.blocks and (not before.checksums or not now.checksums or before[-1] == now[-1])
