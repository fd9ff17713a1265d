"""The clock of a shard: which pushes count, and in which order (bulk synchronous parallel).

The pushes of a clock are kept until the driver closes it and are then merged in the order of their lanes. The result
depends neither on the number of tasks nor on the order in which pushes arrive. A push is known by its lane and clock: a
second one, from a task that Spark has repeated, changes nothing, nor does one that comes after its clock is closed.
"""

from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Push(NamedTuple):
    """What one lane adds to some coefficients.

    Attributes
    ----------
    lane : int
        Number of the lane.
    keys : (pushed,) int64
        Keys of the coefficients; one that occurs several times counts as often.
    values : (pushed,)
        What is added for each key.
    """

    lane: int
    keys: NDArray[np.int64]
    values: NDArray


class Clock:
    """Number of the current clock, and the pushes that have come for it."""

    def __init__(self) -> None:
        self.now = 0
        self._pushes: dict[int, Push] = {}
        self._lock = Lock()

    def check(self, clock: int) -> None:
        """Raise RuntimeError unless ``clock`` is the current one."""
        if clock != self.now:
            raise RuntimeError(f"clock {clock} is not open: the shard is at clock {self.now}")

    def admit(self, clock: int, push: Push) -> bool:
        """Keep a push; False if it is late or its lane has pushed in this clock already.

        Raises
        ------
        RuntimeError
            If the clock has not begun.
        """
        with self._lock:
            if clock > self.now:
                raise RuntimeError(f"clock {clock} has not begun: the shard is at clock {self.now}")
            if clock < self.now or push.lane in self._pushes:
                return False
            self._pushes[push.lane] = push
            return True

    def close(self, clock: int, lanes: int) -> list[Push] | None:
        """End a clock: its pushes in the order of their lanes, or None if it has been closed before.

        Parameters
        ----------
        clock : int
            The current clock, or the one before it.
        lanes : int
            Number of lanes, each of which must have pushed.

        Returns
        -------
        list of Push, or None

        Raises
        ------
        RuntimeError
            If a lane has not pushed, or the clock is another.
        """
        with self._lock:
            if clock == self.now - 1:
                return None
            self.check(clock)
            missing = sorted(set(range(lanes)) - self._pushes.keys())
            if missing:
                raise RuntimeError(f"lanes {missing} have not pushed in clock {clock}")
            pushes = [self._pushes[lane] for lane in range(lanes)]
            self.now, self._pushes = clock + 1, {}
            return pushes
