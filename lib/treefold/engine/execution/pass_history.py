"""What earlier passes of a statistic tell about the next one: the size of its partials, and how long tasks take."""

from collections import deque
from collections.abc import Sequence
from statistics import median

from treefold.engine.execution.partials import Account
from treefold.engine.execution.tree_reduction import Extent

REMEMBERED = 32  # passes of a statistic
PATIENCE = 8.0  # times the median of the slowest tasks
LEAST = 2.0  # seconds: pauses of a machine that delay any answer


class PassHistory:
    """Records of the passes over one set of blocks, by statistic."""

    def __init__(self) -> None:
        self._extents: dict[str, Extent] = {}
        self._slowest: dict[str, deque[float]] = {}

    def note(self, name: str, accounts: Sequence[Account]) -> None:
        """Keep what the tasks of a pass of the statistic ``name`` report."""
        self._extents[name] = Extent.of(accounts)
        slowest = self._slowest.setdefault(name, deque(maxlen=REMEMBERED))
        slowest.append(max(account.seconds for account in accounts))

    def extent(self, name: str) -> Extent | None:
        """Size of the partials of the last pass of a statistic; None before its first."""
        return self._extents.get(name)

    def patience(self, name: str) -> float | None:
        """Seconds after which a pass of a statistic is late; None before its first."""
        slowest = self._slowest.get(name)
        return max(LEAST, PATIENCE * median(slowest)) if slowest else None
