"""The task pool: in local mode the tasks of one Spark job serve many passes, each a message to the tasks.

A job of two tasks costs some 30 ms besides the work of its tasks, as much as many a pass over stored blocks. If driver
and workers share a machine, the tasks of a job can serve several passes: they connect to a Unix socket of the driver
that only its user can open, receive the work of a pass, and answer with their partials. The bytes are those of a job of
its own.

The pool is only an optimisation. If anything fails (a worker or blocks are lost, a statistic raises), the driver stops
the pool, and the pass runs as a normal Spark job, with the fault handling of Spark and of the engine. Only if the job
of the pool was cancelled, the pass is cancelled too. Pooled tasks hold slots, so they end when no pass has come for
``IDLE`` seconds, when another set of blocks is passed over, and after ``HOLD`` seconds, to let other jobs in.
"""

import logging
import pickle
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

from pyspark import RDD, InheritableThread, SparkContext

from treefold.engine.execution.job_errors import cancelled
from treefold.engine.execution.local_slots import other_jobs, slots_of
from treefold.engine.execution.partials import Partial
from treefold.engine.execution.task import PassTask
from treefold.engine.storage.block_store import StoredBlocks

FIRST = 2  # the first pass over a set of blocks that the pool serves: the one before it reads the data
IDLE = 0.2  # seconds
HOLD = 3.0  # seconds
ARRIVAL = 2.0  # seconds that tasks have to connect
LEAVE = 5.0  # seconds that the job has to end when its tasks are disconnected


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PooledTask:
    """Answers the driver at ``address`` for the blocks of its partition, until the driver disconnects."""

    address: str

    def __call__(self, parts: Iterable[StoredBlocks]) -> Iterator[Any]:
        mine = list(parts)
        with (
            suppress(Exception),
            Client(self.address, "AF_UNIX") as line,
        ):  # the pass runs again as a job, which reports the error
            while True:
                (partial,) = PassTask(line.recv_bytes())(mine)
                line.send_bytes(pickle.dumps(partial))
        return iter(())


class TaskPool:
    """The connected tasks, and their job.

    Raises
    ------
    OSError
        If not all tasks connect in time.
    """

    def __init__(self, parts: RDD) -> None:
        self.lines: list[Connection] = []
        self.error: Exception | None = None
        self.begun = self.last = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="treefold-") as folder, socket.socket(socket.AF_UNIX) as listener:
            address, tasks = str(Path(folder, "listener")), parts.getNumPartitions()
            listener.bind(address)
            listener.listen(tasks)
            job = parts.mapPartitions(PooledTask(address))
            self._job = InheritableThread(target=self._run, args=(job,))
            self._job.daemon = True
            self._job.start()
            try:
                while len(self.lines) < tasks:
                    listener.settimeout(max(0.001, self.begun + ARRIVAL - time.monotonic()))
                    self.lines.append(Connection(listener.accept()[0].detach()))
            except BaseException:
                self.stop()
                raise

    @property
    def idle(self) -> bool:
        """Whether no pass has come for ``IDLE`` seconds."""
        return time.monotonic() - self.last >= IDLE

    @property
    def expired(self) -> bool:
        """Whether the tasks have held their slots for ``HOLD`` seconds."""
        return time.monotonic() - self.begun >= HOLD

    def ask(self, payload: bytes) -> list[Partial]:
        """Partials of a pass, of all tasks.

        Raises
        ------
        OSError, EOFError
            If a task is gone.
        """
        for line in self.lines:
            line.send_bytes(payload)
        partials = [pickle.loads(line.recv_bytes()) for line in self.lines]
        self.last = time.monotonic()
        return partials

    def stop(self) -> None:
        """Disconnect the tasks, and wait up to ``LEAVE`` seconds for their job to end."""
        for line in self.lines:
            with suppress(OSError):
                line.close()
        self._job.join(LEAVE)

    def _run(self, job: RDD) -> None:
        try:
            job.collect()
        except Exception as error:  # read by the caller that finds a task gone
            self.error = error


class PooledPasses:
    """The task pool of one set of blocks; only one set of a process has a pool at a time.

    Parameters
    ----------
    context : SparkContext
    described : callable
        Names, as a context manager, the jobs begun within it.
    """

    _pool_lock = threading.Lock()  # held while the pool serves a pass
    _holder: "PooledPasses | None" = None

    def __init__(self, context: SparkContext, described: Callable[[str], Any]) -> None:
        self.context, self.described, self.slots = context, described, slots_of(context)
        self.passes, self._reason = 0, ""  # the latter is why there is no pool
        self._pool: TaskPool | None = None
        self._close_lock = threading.Lock()
        self._idle_timer = threading.Timer(0, lambda: None)

    def partials(self, parts: Callable[[], RDD], payload: bytes) -> list[Partial] | None:
        """Partials of the next pass over ``parts()``; None if the pass is to run as a job of its own.

        Raises
        ------
        Exception
            That of the pool's job, if it was cancelled.
        """
        self.passes += 1
        if not self.slots or not PooledPasses._pool_lock.acquire(blocking=False):
            return None
        try:
            self._take_over()
            return self._ask(parts(), payload) if self.passes >= FIRST else None
        finally:
            PooledPasses._pool_lock.release()

    def end(self) -> None:
        """Stop the pool, also that of other blocks; a new one starts after as many passes as in the beginning."""
        self._release()
        if PooledPasses._pool_lock.acquire(blocking=False):
            try:
                self._take_over()
                PooledPasses._holder = None
            finally:
                PooledPasses._pool_lock.release()

    def _take_over(self) -> None:
        holder, PooledPasses._holder = PooledPasses._holder, self
        if holder and holder is not self:
            holder._release()

    def _release(self) -> None:
        self.passes = 0
        self._stop_pool()

    def _ask(self, parts: RDD, payload: bytes) -> list[Partial] | None:
        self._idle_timer.cancel()  # a pass has come
        if self._pool and self._pool.expired:
            self._stop_pool()
        try:
            if self._pool is None and not self._start(parts):
                return None
            assert self._pool
            found = self._pool.ask(payload)
            self._start_idle_timer()
            return found
        except (OSError, EOFError) as error:
            self._give_up(error)
            return None
        except BaseException:
            self._stop_pool()
            raise

    def _start(self, parts: RDD) -> bool:
        """Start the tasks of the pool, if there are slots for all of them."""
        tasks, reason = parts.getNumPartitions(), ""
        if tasks > self.slots:
            reason = f"{tasks} tasks for {self.slots} slots"
        elif other_jobs(self.context):
            reason = "other jobs are running"
        if reason and reason != self._reason:
            log.info("passes run as jobs, without the task pool: %s", reason)
        self._reason = reason
        if not reason:
            with self.described("task pool"):
                self._pool = TaskPool(parts)
        return not reason

    def _start_idle_timer(self) -> None:
        """Stop the pool when no pass has come for ``IDLE`` seconds; a task cannot distinguish that from a slow one."""
        self._idle_timer = threading.Timer(IDLE, self._rest)
        self._idle_timer.daemon = True
        self._idle_timer.start()

    def _rest(self) -> None:
        if PooledPasses._pool_lock.acquire(blocking=False):
            try:
                if self._pool and self._pool.idle:
                    self._stop_pool()
            finally:
                PooledPasses._pool_lock.release()

    def _stop_pool(self) -> None:
        self._idle_timer.cancel()
        with self._close_lock:  # two threads must not close the same lines
            pool, self._pool = self._pool, None
        if pool:
            pool.stop()

    def _give_up(self, error: Exception) -> None:
        """Stop the pool after a task was lost."""
        pool = self._pool
        self._stop_pool()
        if pool is None:
            log.info("every further pass is a job: not all tasks connected within %g s (%r)", ARRIVAL, error)
            self.slots = 0  # they would not connect the next time either
            return
        log.info("the pass runs as a job: a task of the pool has ended (%r)", pool.error or error)
        if pool.error and cancelled(pool.error):
            raise pool.error
