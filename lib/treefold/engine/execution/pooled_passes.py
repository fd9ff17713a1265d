"""Which passes the task pool serves, and when its tasks are started and sent away.

The pool is only an optimisation. If anything fails (a worker or blocks are lost, an answer is late, a statistic
raises), the driver stops the pool, and the pass runs as a normal Spark job, with the fault handling of Spark and of the
engine. Only if the job of the pool was cancelled, the pass is cancelled too.

Tasks that hold slots end when no pass has come for ``IDLE`` seconds, when another set of blocks is passed over, and
after ``HOLD`` seconds, to let other jobs in. On a cluster of Spark 4.3 they ask for a thousandth of a processor, and
with ``spark.task.cpus`` a little below 1 they hold none; then they stay ``IDLE_SPARE`` seconds after the last pass.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from pyspark import RDD, SparkContext

from treefold.engine.execution.executors import spark_property
from treefold.engine.execution.job_errors import cancelled
from treefold.engine.execution.partials import Partial
from treefold.engine.execution.pool_listeners import Listener, TlsListener, UnixListener
from treefold.engine.execution.pool_slots import PoolSlots, is_local, other_jobs, pool_slots
from treefold.engine.execution.task_pool import TaskPool
from treefold.errors import InputError

FIRST = 2  # the first pass over a set of blocks that the pool serves: the one before it reads the data
IDLE, IDLE_SPARE = 0.2, 30.0  # seconds, of tasks that hold slots and of others
HOLD = 3.0  # seconds
ARRIVAL, ARRIVAL_CLUSTER = 2.0, 10.0  # seconds that tasks have to connect, on this machine and on a cluster
SHARING = 2  # tasks for each slot, of a pool that holds no slots
SENT = 64 << 20  # bytes that the driver sends to all tasks of a pass at most; more is broadcast by a job
MOST_JOBS = 63  # passes that run as jobs after a pool was lost
ENABLED, HOST, PORT = (f"spark.treefold.pool.{name}" for name in ("enabled", "host", "port"))

log = logging.getLogger(__name__)


class Asked(NamedTuple):
    """A pass: its pickled work, and the seconds after which it is late, None if no pass of its statistic has been."""

    payload: bytes
    patience: float | None


class PooledPasses:
    """The task pool of one set of blocks; only one set of a process has a pool that holds slots.

    Parameters
    ----------
    context : SparkContext
        Context of the session.
    described : callable
        Names, as a context manager, the jobs begun within it.
    on_disk : bool
        Whether tasks map their blocks from files; else a task would hold all of them in memory.
    """

    _pool_lock = threading.Lock()  # held while the pool serves a pass
    _holder: "PooledPasses | None" = None

    def __init__(self, context: SparkContext, described: Callable[[str], Any], on_disk: bool) -> None:
        self.context, self.described = context, described
        self.local = is_local(context)
        self.passes, self._reason, self.off = 0, "", False  # why there is no pool, and that there will be none
        self._pool: TaskPool | None = None
        self._slots = PoolSlots(0, held=self.local)
        self._lost, self._jobs_left = 0, 0  # pools that were lost, and passes that run as jobs meanwhile
        self._close_lock = threading.Lock()
        self._idle_timer = threading.Timer(0, lambda: None)
        if spark_property(context, ENABLED, "true") != "true":
            self._switch_off(f"{ENABLED} is set")
        elif not (self.local or on_disk):
            self._switch_off("Spark encrypts what is on disks, so a task of the pool would keep its blocks in memory")

    def partials(self, parts: Callable[[], RDD], asked: Asked) -> list[Partial] | None:
        """Partials of the next pass over ``parts()``; None if the pass is to run as a job of its own.

        On a cluster the first pass of a statistic is a job. It tells how large its partials are and how long they take.

        Raises
        ------
        Exception
            That of the pool's job, if it was cancelled.
        """
        self.passes += 1
        if self.off or not PooledPasses._pool_lock.acquire(blocking=False):
            return None
        try:
            self._take_over()
            return self._ask(parts(), asked)
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

    def _serves(self, asked: Asked, tasks: int) -> bool:
        """Whether the pool may serve a pass over so many partitions."""
        if self._jobs_left:
            self._jobs_left -= 1
            return False
        if self.passes < FIRST:
            return False
        return self.local or (asked.patience is not None and len(asked.payload) * tasks <= SENT)

    def _take_over(self) -> None:
        """Send the tasks of other blocks away, if they hold slots."""
        holder, PooledPasses._holder = PooledPasses._holder, self
        if holder and holder is not self and holder._slots.held:
            holder._release()

    def _release(self) -> None:
        self.passes = 0
        self._stop_pool()

    def _ask(self, parts: RDD, asked: Asked) -> list[Partial] | None:
        if not self._serves(asked, self._pool.tasks if self._pool else parts.getNumPartitions()):
            return None
        if self._pool and self._slots.held and self._pool.expired(HOLD):
            self._stop_pool()
        try:
            if self._pool is None and not self._start(parts):
                return None
            assert self._pool
            return self._pool.ask(asked.payload, None if self.local else asked.patience)
        except (OSError, EOFError) as error:
            self._give_up(error)
            return None
        except BaseException:
            self._stop_pool()
            raise

    def _start(self, parts: RDD) -> bool:
        """Start the tasks of the pool, if there are slots for them."""
        tasks, reason = parts.getNumPartitions(), ""
        try:
            self._slots = pool_slots(self.context, tasks)
        except Exception as error:  # a private method of Spark is missing
            self._switch_off(f"the slots of the application are not known ({error!r})")
            return False
        if tasks > self._slots.most * (1 if self._slots.held else SHARING):
            reason = f"{tasks} tasks for {self._slots.most} slots"
        elif self._slots.held and other_jobs(self.context):
            reason = "other jobs are running"
        listener = None if reason else self._listener()
        if reason and reason != self._reason:
            log.info("passes run as jobs, without the task pool: %s", reason)
        self._reason = reason
        if listener is None:
            return False
        with self.described("task pool"):
            self._pool = TaskPool(parts, listener, self._slots.profile, ARRIVAL if self.local else ARRIVAL_CLUSTER)
        self._start_idle_timer()
        return True

    def _listener(self) -> Listener | None:
        """Where the tasks are to connect; None, for all passes, if there is no safe way."""
        if self.local:
            return UnixListener()
        conf = self.context.getConf()
        host = conf.get(HOST) or conf.get("spark.driver.host") or "localhost"
        try:
            return TlsListener(host, conf.get("spark.driver.bindAddress") or host, int(conf.get(PORT) or 0))
        except (InputError, OSError, ValueError) as error:
            self._switch_off(f"the driver cannot listen for its tasks: {error}")
            return None

    def _start_idle_timer(self) -> None:
        """Look when the pool may be idle; a task cannot distinguish that from a driver that is slow."""
        left = self._pool.idle_in(self._idle) if self._pool else 0.0
        self._idle_timer = threading.Timer(left if left > 0 else self._idle, self._rest)  # else it serves a pass
        self._idle_timer.daemon = True
        self._idle_timer.start()

    @property
    def _idle(self) -> float:
        return IDLE if self._slots.held else IDLE_SPARE

    def _rest(self) -> None:
        """Stop the pool if it is idle, or look again later."""
        if PooledPasses._pool_lock.acquire(blocking=False):
            try:
                if self._pool and self._pool.idle_in(self._idle) <= 0:
                    self._stop_pool()
            finally:
                PooledPasses._pool_lock.release()
        if self._pool:
            self._start_idle_timer()

    def _stop_pool(self) -> None:
        self._idle_timer.cancel()
        with self._close_lock:  # two threads must not close the same lines
            pool, self._pool = self._pool, None
        if pool:
            pool.stop()

    def _switch_off(self, reason: str) -> None:
        log.info("every further pass is a job: %s", reason)
        self.off = True

    def _give_up(self, error: Exception) -> None:
        """Stop the pool after a task was lost. Every loss doubles the number of passes until the next pool."""
        pool, self._jobs_left = self._pool, min(MOST_JOBS, (1 << self._lost) - 1)
        self._lost += 1
        failure = pool.error if pool else None  # of the job itself: stopping the pool may cancel it
        self._stop_pool()
        if pool is None:
            self._switch_off(f"not all tasks connected in time ({error!r})")  # they would not the next time either
            return
        log.info("the pass runs as a job: a task of the pool has ended or is late (%r)", failure or error)
        if failure and cancelled(failure):
            raise failure
