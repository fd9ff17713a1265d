"""Blocks stored on Spark's executors: one Spark job for each pass, or one job of the task pool for many passes."""

import logging
import time
import uuid
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from pyspark import RDD, SparkContext

from treefold.dataset.blocks import Merge, Pass, WidenedStatistic, add, stat_name
from treefold.dataset.reduction import BlockReduction, TaskReduction, reduce_tree
from treefold.engine.execution.executors import Growth, executors_of
from treefold.engine.execution.job_names import described
from treefold.engine.execution.partials import pass_of
from treefold.engine.execution.pass_jobs import PassJobs
from treefold.engine.execution.recomputations import MOVED, RecomputationLog
from treefold.engine.execution.task import DeleteTask, MapTask, pack
from treefold.engine.storage.block_store import KEEP, BlockStore
from treefold.errors import InputError

COUNTED = 0.5  # seconds between two counts of the executors, each of which takes as long as a short pass
CLOSED: deque[str] = deque(maxlen=256)  # names of block files that are to be deleted

log = logging.getLogger(__name__)


class BlockSource(NamedTuple):
    """A reader of the data: its name, a function that makes handles of block files, and one that frees resources."""

    source: str
    make: Callable[[], RDD]
    close: Callable[[], None]


class SparkBlocks:
    """Blocks on executors: an RDD of handles, cached by Spark, and the files they point to.

    Spark sends a task to the executor that holds its handle. When an executor is lost, so are its handles; Spark
    recomputes them, which writes the files again.

    Parameters
    ----------
    context : SparkContext
        Context of the session.
    sources : list of BlockSource
        Tried in order: the next one if the workers cannot read by the one before. It makes all handles anew when
        blocks are lost that no task can recompute.
    name : str
        Prefix of the block files.
    label : str
        Name of the algorithm, for Spark's UI.
    store : BlockStore
        Where mapped blocks are stored.

    Attributes
    ----------
    features : int
        Number of features; known after the first pass.
    passes : list of Pass
    jobs : PassJobs
        Computes the partials of the passes.
    """

    exact = True  # whether recomputed blocks must have the bits they had

    def __init__(
        self, context: SparkContext, sources: list[BlockSource], name: str, label: str, store: BlockStore
    ) -> None:
        self.context, self.sources, self.name, self.label, self.store = context, sources, name, label, store
        self.features = 0
        self.passes: list[Pass] = []
        self._parts: RDD | None = None
        self._recomputations = RecomputationLog(self.exact)
        self._next_count = 0.0  # when executors are counted again
        self._growth = None if str(context.master).startswith("local") else Growth(lambda: executors_of(context))
        self.jobs = PassJobs(
            context, lambda what: self._described(what, self._during), self._kept_name, self._rebuild, store.on_disk
        )

    def sum(self, stat: Callable, *args: Any) -> Any:
        """See :class:`treefold.dataset.blocks.Blocks`."""
        return self.reduce(WidenedStatistic(stat), *args, merge=add)

    def reduce(self, stat: Callable, *args: Any, merge: Merge) -> Any:
        """See :class:`treefold.dataset.blocks.Scan`.

        Raises
        ------
        InputError
            If the first pass finds bad rows or damaged files, or if recomputed rows differ from the original ones.
        """
        return self._pass(BlockReduction(stat, args, merge))

    def reduce_tasks(self, stat: Callable, *args: Any, merge: Merge = add) -> Any:
        """See :class:`treefold.dataset.blocks.Blocks`."""
        return self._pass(TaskReduction(stat, args, merge))

    def _pass(self, work: BlockReduction | TaskReduction) -> Any:
        start, name = time.perf_counter(), stat_name(work.stat)
        payload, what = pack(work), f"pass {len(self.passes) + 1}: {name}"
        self._spread()
        partials, how = self.jobs.partials(lambda: self.parts, payload, work, what)
        faults = [fault for partial in partials for fault in partial.faults]
        if faults and faults[0].elsewhere and len(self.sources) > 1:
            log.info("Spark makes the rows instead of the Parquet reader: %s", faults[0].message)
            self._forget()
            self.sources = self.sources[1:]
            return self._pass(work)
        if faults:
            raise InputError(faults[0].message)
        value = reduce_tree((packed.node for partial in partials for packed in partial.nodes), work.merge)
        accounts = [account for partial in partials for account in partial.accounts]
        self.features = max(account.features for account in accounts)
        self.jobs.record(name, accounts)
        lost = self._recomputations.losses(accounts)
        seconds = time.perf_counter() - start
        self.passes.append(pass_of(accounts, name, seconds, len(payload), self.sources[0].source, how, lost))
        return value

    def map(self, fn: Callable, *args: Any) -> "SparkBlocks":
        """See :class:`treefold.dataset.blocks.Blocks`. The blocks are computed in the first pass over them."""
        task = MapTask(new_name(), pack(fn, args), self.store)
        return MappedBlocks(self, task, f"{self.label} {stat_name(fn)}")

    def close(self) -> None:
        """Release the handles and delete the files; busy executors delete them when the next blocks are closed."""
        self._forget()
        CLOSED.append(self.name)
        slots = range(self.context.defaultParallelism)
        with self._described("release blocks"):
            self.context.parallelize(slots, len(slots)).mapPartitions(DeleteTask(tuple(CLOSED))).count()

    def __enter__(self) -> "SparkBlocks":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            self.close()
        except Exception:
            if error is None:  # the first error must not be replaced by one of close()
                raise

    @property
    def private(self) -> bool:
        """Whether rows must not be on a disk unencrypted."""
        return not self.store.on_disk

    @property
    def parts(self) -> RDD:
        """Handles of the blocks, cached by Spark; they are made on the first access."""
        if self._parts is None:
            self._parts = self.sources[0].make().persist(KEEP)
            if self._growth:
                self._growth.placed()
        return self._parts

    def _spread(self) -> None:
        """Place the blocks anew if the application has many more executors than when they were placed."""
        if self._parts is None or not self._growth or time.monotonic() < self._next_count:
            return
        self._next_count = time.monotonic() + COUNTED
        if not self._growth.grown(self._parts.getNumPartitions()):
            return
        log.info(
            "the application has more executors: its %d tasks read their rows again", self._parts.getNumPartitions()
        )
        self.jobs.end_pool()
        self._parts.unpersist(blocking=True)
        self._parts.persist(KEEP)
        self._growth.placed()
        self._recomputations.remake(MOVED)

    def _forget(self) -> None:
        """Release the handles; a later pass makes them again, and with them the files that are gone."""
        self.jobs.end_pool()
        if self._parts is not None:
            self._parts.unpersist()
            self._parts = None
        self.sources[0].close()

    def _rebuild(self) -> None:
        """Recompute all blocks in the next pass, because some are lost that no task can recompute."""
        self._recomputations.remake()
        self._remake()

    def _remake(self) -> None:
        """Mark all blocks so that the next pass recomputes them."""
        self._forget()

    def _kept_name(self) -> str:
        """Prefix of the files in which the tasks of a pass keep large partials; empty if no disk may hold them."""
        return "" if self.private else f"{self.name}-{new_name()}"

    def _described(self, what: str, during: str = "") -> AbstractContextManager[None]:
        return described(self.context, f"treefold {self.label} {what}", during)

    @property
    def _during(self) -> str:
        """Unique name of the current pass."""
        return f"{self.name} {len(self.passes) + 1}"


class MappedBlocks(SparkBlocks):
    """Blocks computed from other blocks, which must stay open as long as these are used.

    Parameters
    ----------
    parent : SparkBlocks
        The other blocks.
    task : MapTask
        Computes a block from a block.
    label : str
        Name of the fit in Spark's UI.
    """

    exact = False  # floating-point results may differ between kinds of processors

    def __init__(self, parent: SparkBlocks, task: MapTask, label: str) -> None:
        self.parent = parent
        source = BlockSource(parent.sources[0].source, lambda: parent.parts.mapPartitions(task), lambda: None)
        super().__init__(parent.context, [source], task.name, label, parent.store)

    def close(self) -> None:
        """Release the handles. The files are deleted together with those of the parent, which saves a job."""
        self._forget()
        CLOSED.append(self.name)

    def _remake(self) -> None:
        super()._remake()
        self.parent._remake()

    def _spread(self) -> None:
        self.parent._spread()  # Spark computes mapped blocks where those of the parent are
        super()._spread()


def new_name() -> str:
    """Unique name for a set of block files."""
    return uuid.uuid4().hex
