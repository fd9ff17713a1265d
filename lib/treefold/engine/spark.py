"""Blocks at rest on Spark's executors: one job a pass, or in local mode one for many."""

import pickle
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any, NamedTuple

from pyspark import RDD, SparkContext

from treefold.blocks import Fold, Leaf, Merge, Pass, Tally, add, root, stat_name
from treefold.engine.diary import PASS
from treefold.engine.losses import Ledger
from treefold.engine.resident import KEEP, BlocksLost, Rest
from treefold.engine.standing import Standing
from treefold.engine.task import NOTHING, Combine, DeleteTask, MapTask, Partial, PassTask, pack
from treefold.errors import InputError
from treefold.threads import one

CLOSURE_BYTES = 256 << 10  # arguments beyond this are broadcast
FLAT_BYTES = 64 << 20  # partials beyond this, in all, are combined on the executors first
MOST_REBUILDS = 3
CLOSED: deque[str] = deque(maxlen=256)  # names of block files that nobody needs any more


class Door(NamedTuple):
    """A way in: its name, how to make the handles of the parts, and how to let go of what that took."""

    source: str
    make: Callable[[], RDD]
    close: Callable[[], None]


class SparkBlocks:
    """Blocks on executors: an RDD of handles, cached by Spark, and the files they point to.

    Spark brings a task to the executor that holds its handle; when an executor is lost, so are its handles, and Spark
    makes them and the files again.

    Parameters
    ----------
    doors : list of Door
        Tried in order: the next one where the workers cannot read through the one before. A door makes the handles
        again when blocks have vanished that no task can make again.
    name : str
        Prefix of the block files.
    label : str
        Who passes, for Spark's UI.
    rest : Rest
        How mapped blocks rest.

    Attributes
    ----------
    features : int
        Number of features; known after the first pass.
    passes : list of Pass
    """

    exact = True  # whether blocks that are made again must have the bits they had

    def __init__(self, context: SparkContext, doors: list[Door], name: str, label: str, rest: Rest) -> None:
        self.context, self.doors, self.name, self.label, self.rest = context, doors, name, label, rest
        self.features = 0
        self.passes: list[Pass] = []
        self._parts: RDD | None = None
        self._ledger = Ledger(self.exact)
        self._partial_bytes: dict[str, int] = {}
        self._standing = Standing(context, lambda what: self._described(what, self._during))
        self._open = ExitStack()

    def sum(self, stat: Callable, *args: Any) -> Any:
        """See :class:`treefold.blocks.Blocks`."""
        return self.fold(Leaf(stat), *args, merge=add)

    def fold(self, stat: Callable, *args: Any, merge: Merge) -> Any:
        """See :class:`treefold.blocks.Blocks`.

        Raises
        ------
        InputError
            If there are bad rows or damaged files, which the first pass finds, or if lost rows came back otherwise.
        """
        return self._pass(Fold(stat, args, merge))

    def tally(self, stat: Callable, *args: Any, merge: Merge = add) -> Any:
        """See :class:`treefold.blocks.Blocks`."""
        return self._pass(Tally(stat, args, merge))

    def _pass(self, work: Fold | Tally) -> Any:
        start, name, merge = time.perf_counter(), stat_name(work.stat), work.merge
        payload = pack(work)
        partials, how = self._survive(lambda: self._partials(payload, name, merge))
        faults = [fault for partial in partials for fault in partial.faults]
        if faults and faults[0].elsewhere and len(self.doors) > 1:
            self._forget()
            self.doors = self.doors[1:]
            return self._pass(work)
        if faults:
            raise InputError(faults[0].message)
        value = root((node for partial in partials for node in pickle.loads(partial.nodes)), merge)
        accounts = [account for partial in partials for account in partial.accounts]
        self.features = accounts[0].features
        self._partial_bytes[name] = max(account.bytes for account in accounts)
        self.passes.append(
            Pass(
                name=name,
                seconds=time.perf_counter() - start,
                rows=sum(account.rows for account in accounts),
                tasks=len(accounts),
                bytes_down=len(payload) * len(accounts),
                bytes_up=sum(account.bytes for account in accounts),
                skew=max(a.seconds for a in accounts) / median(a.seconds for a in accounts),
                source=self.doors[0].source,
                how=how,
                lost=self._ledger.losses(accounts, self._during),
            )
        )
        return value

    def map(self, fn: Callable, *args: Any) -> "SparkBlocks":
        """See :class:`treefold.blocks.Blocks`. The blocks are made when first passed over."""
        task = MapTask(new_name(), pack(fn, args), self.rest)
        return MappedBlocks(self, task, f"{self.label} {stat_name(fn)}")

    def close(self) -> None:
        """Forget the handles and delete the files, on executors that are busy when the next blocks are closed."""
        self._forget()
        CLOSED.append(self.name)
        slots = range(self.context.defaultParallelism)
        with self._described("let go of blocks"):
            self.context.parallelize(slots, len(slots)).mapPartitions(DeleteTask(tuple(CLOSED))).count()

    def __enter__(self) -> "SparkBlocks":
        self._open.enter_context(one())
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            self.close()
        except Exception:
            if error is None:  # what went wrong first is the news
                raise
        finally:
            self._open.close()

    @property
    def private(self) -> bool:
        """Whether no disk may hold rows as they are."""
        return not self.rest.in_files

    @property
    def parts(self) -> RDD:
        """Handles of the blocks, cached by Spark; made when first asked for."""
        if self._parts is None:
            self._parts = self.doors[0].make().persist(KEEP)
        return self._parts

    def _forget(self) -> None:
        """Let go of the handles; a later pass makes them again, and with them the files that are gone."""
        self._standing.end()
        if self._parts is not None:
            self._parts.unpersist()
            self._parts = None
        self.doors[0].close()

    def _partials(self, payload: bytes, name: str, merge: Merge) -> tuple[list[Partial], str]:
        """Partials of all tasks, of those that stand if they can, and how they came together."""
        if self._heavy(name):
            self._standing.end()
        elif found := self._standing.partials(lambda: self.parts, payload):
            return found, "standing"
        with self._described(f"pass {len(self.passes) + 1}: {name}", self._during), self._shipped(payload) as task:
            return self._collect(task, name, merge)

    def _collect(self, task: Callable, name: str, merge: Merge) -> tuple[list[Partial], str]:
        """The same by a job, with Spark's treeAggregate where they are heavy."""
        partials, combine = self.parts.mapPartitions(task), Combine(merge)
        if self._heavy(name):
            return [partials.treeAggregate(NOTHING, combine, combine)], "tree"
        return partials.collect(), "flat"

    def _heavy(self, name: str) -> bool:
        """Whether the driver would feel the weight of the partials of a statistic, by those it had before."""
        tasks = self.passes[-1].tasks if self.passes else 0
        return tasks > 2 and tasks * self._partial_bytes.get(name, 0) > FLAT_BYTES

    def _survive(self, job: Callable[[], Any]) -> Any:
        """Run a job; where blocks are lost that no task can make again, make all again and go on."""
        for _ in range(MOST_REBUILDS):
            try:
                return job()
            except Exception as error:
                if BlocksLost.__name__ not in str(error):
                    raise
                self._ledger.remake()
                self._remake()
        return job()

    def _remake(self) -> None:
        """See to it that the next pass makes everything again."""
        self._forget()

    @contextmanager
    def _shipped(self, payload: bytes) -> Iterator[Callable]:
        if len(payload) <= CLOSURE_BYTES:
            yield PassTask(payload)
            return
        shared = self.context.broadcast(payload)
        try:
            yield lambda parts: PassTask(shared.value)(parts)
        finally:
            shared.destroy()

    @contextmanager
    def _described(self, what: str, during: str = "") -> Iterator[None]:
        """Name the job in Spark's UI, and the pass to its tasks; leave the caller's own names as they were."""
        names = {"spark.job.description": f"treefold {self.label} {what}", PASS: during}
        before = {key: self.context.getLocalProperty(key) for key in names}
        for key, name in names.items():
            self.context.setLocalProperty(key, name)
        try:
            yield
        finally:
            for key, old in before.items():
                self.context.setLocalProperty(key, old)  # type: ignore[arg-type]

    @property
    def _during(self) -> str:
        """Name of the pass that is being made, which no other has."""
        return f"{self.name} {len(self.passes) + 1}"


class MappedBlocks(SparkBlocks):
    """Blocks made from other blocks, which must stay open as long as these are used."""

    exact = False  # floating-point results may differ between kinds of processors

    def __init__(self, parent: SparkBlocks, task: MapTask, label: str) -> None:
        self.parent = parent
        door = Door(parent.doors[0].source, lambda: parent.parts.mapPartitions(task), lambda: None)
        super().__init__(parent.context, [door], task.name, label, parent.rest)

    def close(self) -> None:
        """Forget the handles; the files are deleted with those of the blocks they come from: one job less."""
        self._forget()
        CLOSED.append(self.name)

    def _remake(self) -> None:
        super()._remake()
        self.parent._remake()


def new_name() -> str:
    """Name for a set of block files that no other has."""
    return uuid.uuid4().hex
