"""What was lost on the way: the driver's ledger of blocks at rest."""

from collections.abc import Sequence
from itertools import chain

from treefold.blocks import Loss
from treefold.engine.diary import Made
from treefold.engine.task import Account
from treefold.errors import InputError

EXECUTOR = "which were gone with their executor"
ALL = "all of them, because some were gone that can only be made with the others"


class Ledger:
    """How the blocks of a data set came to rest, from pass to pass.

    Parameters
    ----------
    exact : bool
        Whether blocks that are made again must have the bits they had.
    """

    def __init__(self, exact: bool) -> None:
        self.exact, self.why = exact, EXECUTOR
        self.made: dict[int, Made] = {}

    def remake(self) -> None:
        """All blocks are to be made again."""
        self.why = ALL

    def losses(self, accounts: Sequence[Account], during: str) -> tuple[Loss, ...]:
        """What had to be made again for a pass, a line a reason: blocks add, seconds are the slowest task's.

        Parameters
        ----------
        accounts : of all tasks
        during : str
            The pass.

        Raises
        ------
        InputError
            If rows came back that are not those of before.
        """
        first = not self.made
        found = list(chain.from_iterable(account.losses for account in accounts))
        for made in chain.from_iterable(account.made for account in accounts):
            before = self.made.get(made.first)
            if before and made.during == during:  # not a copy that a task made which lost a race
                found.append(Loss(self.why, made.blocks, made.seconds))
            if self.exact and not first and not _agree(before, made):
                raise InputError(
                    "rows that were lost came back otherwise: the data has changed during the fit, or the DataFrame is "
                    "not deterministic: save it as Parquet, or sort it, and fit again"
                )
            self.made[made.first] = made
        self.why = EXECUTOR
        return tuple(
            Loss(why, sum(loss.blocks for loss in some), max(loss.seconds for loss in some))
            for why, some in ((why, [loss for loss in found if loss.why == why]) for why in _reasons(found))
        )


def _reasons(losses: Sequence[Loss]) -> list[str]:
    return list(dict.fromkeys(loss.why for loss in losses))


def _agree(before: Made | None, now: Made) -> bool:
    """Whether blocks are those of before, as far as is known."""
    if before is None:
        return False
    return before.blocks == now.blocks and (not before.checksums or not now.checksums or before[-1] == now[-1])
