"""How the partials of a pass are computed: in the task pool, or in Spark jobs that combine them if they are large."""

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from pyspark import RDD, SparkContext

from treefold.dataset.blocks import stat_name
from treefold.dataset.reduction import BlockReduction, TaskReduction
from treefold.engine.execution.executors import spark_property
from treefold.engine.execution.job_errors import (
    RESULT_SIZE,
    beyond_result_size,
    blocks_lost,
    bytes_of,
    too_large,
    without_module,
)
from treefold.engine.execution.partials import Account, Partial
from treefold.engine.execution.pass_history import PassHistory
from treefold.engine.execution.pooled_passes import Asked, PooledPasses
from treefold.engine.execution.task import shipped
from treefold.engine.execution.tree_reduction import collected
from treefold.engine.reading.spark_errors import unreadable_file

MOST_REBUILDS = 3
FLAT_BYTES = 64 << 20  # if all partials together are larger, they are combined on the executors first
Parts = Callable[[], RDD]
Work = BlockReduction | TaskReduction


class PassJobs:
    """Computes the partials of the passes over the blocks of one data set.

    Parameters
    ----------
    context : SparkContext
        Context of the session.
    described : callable
        Gives the jobs within a ``with`` statement a description in Spark's UI.
    kept_name : callable
        Makes the prefix of files in which tasks keep large partials; empty if no disk may hold them.
    rebuild : callable
        Called when blocks are lost that no task can recompute: has the next job recompute all of them.
    on_disk : bool
        Whether tasks map their blocks from files.
    """

    def __init__(
        self,
        context: SparkContext,
        described: Callable[[str], AbstractContextManager[None]],
        kept_name: Callable[[], str],
        rebuild: Callable[[], None],
        on_disk: bool,
    ) -> None:
        self.context, self.described, self.kept_name, self.rebuild = context, described, kept_name, rebuild
        self._history = PassHistory()
        self._pool = PooledPasses(context, described, on_disk)

    def partials(self, parts: Parts, payload: bytes, work: Work, what: str) -> tuple[list[Partial], str]:
        """Partials of all tasks of a pass, from the task pool if possible, and how they were combined.

        Parameters
        ----------
        parts : callable
            Returns the handles of the blocks.
        payload : bytes
            The pickled work.
        work : BlockReduction or TaskReduction
            The statistic and its merge.
        what : str
            Description of a job of its own.

        Returns
        -------
        tuple of list of Partial, and str
            The second is ``pooled``, ``flat`` or ``tree``.

        Raises
        ------
        InputError
            If a task could not read a file in as many attempts as Spark makes, a partial is larger than the driver
            accepts, or a worker lacks a module.
        """
        for left in reversed(range(MOST_REBUILDS + 1)):
            try:
                return self._once(parts, payload, work, what)
            except Exception as error:
                if too_large(error):
                    raise beyond_result_size(stat_name(work.stat), self._result_size) from error
                if not left or not blocks_lost(error):
                    raise unreadable_file(error) or without_module(error) or error from None
                self.rebuild()
        raise AssertionError

    def record(self, name: str, accounts: Sequence[Account]) -> None:
        """Take note of what the tasks of a pass report, by which the next pass of the statistic is planned."""
        self._history.note(name, accounts)

    def end_pool(self) -> None:
        """Stop the task pool; it starts again after some passes."""
        self._pool.end()

    @property
    def _result_size(self) -> str:
        return spark_property(self.context, RESULT_SIZE, "1g")

    def _once(self, parts: Parts, payload: bytes, work: Work, what: str) -> tuple[list[Partial], str]:
        """The partials, if no blocks are lost."""
        name = stat_name(work.stat)
        if self._combined_before(parts, name):
            self._pool.end()
        elif found := self._pool.partials(parts, Asked(payload, self._history.patience(name))):
            return found, "pooled"
        with self.described(what), shipped(payload, self.context) as task:
            return self._collect(parts, task, work)

    def _collect(self, parts: Parts, task: Callable, work: Work) -> tuple[list[Partial], str]:
        """Partials of a Spark job, combined by a second job if they are large, and how they were combined."""
        before = self._history.extent(stat_name(work.stat))
        return collected(parts(), task, work, self._budget(parts), self.kept_name(), before)

    def _budget(self, parts: Parts) -> int:
        """Bytes of partials that the driver accepts from a job."""
        most = bytes_of(self._result_size) // 2 or sys.maxsize
        return min(FLAT_BYTES, most) if parts().getNumPartitions() > 2 else most

    def _combined_before(self, parts: Parts, name: str) -> bool:
        """Whether the partials of a statistic are to be combined on the executors, by those it had before."""
        before = self._history.extent(name)
        return before is not None and before.tasks > 2 and before.bytes > self._budget(parts)
