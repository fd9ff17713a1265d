"""The task pool: the tasks of one Spark job serve many passes, each a message to the tasks and an answer.

A job of two tasks costs some 30 to 40 ms besides the work of its tasks, as much as many
a pass over stored blocks. The tasks of the pool connect to the driver, receive the work of a pass, and answer with
their partials. The bytes are those of a job of its own.
"""

import pickle
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pyspark import RDD, InheritableThread, TaskContext
from pyspark.resource import ResourceProfile

from treefold.engine.execution.message_socket import MessageSocket
from treefold.engine.execution.partials import Partial
from treefold.engine.execution.pool_listeners import Address, Listener
from treefold.engine.execution.task import PassTask
from treefold.engine.storage.block_store import StoredBlocks

LOOK = 0.2  # seconds between two looks at whether the job is still there
LEAVE = 5.0  # seconds that the job has to end when its tasks are disconnected, and again when it is cancelled


@dataclass(frozen=True)
class PooledTask:
    """Answers the driver at ``address`` for the blocks of its partition, until the driver disconnects."""

    address: Address

    def __call__(self, parts: Iterable[StoredBlocks]) -> Iterator[Any]:
        mine, here = list(parts), TaskContext.get()
        assert here
        with suppress(Exception), self.address.connect() as line:  # the pass runs again as a job, which reports errors
            line.send(here.partitionId().to_bytes(8, "big"))
            while True:
                (partial,) = PassTask(bytes(line.receive()))(mine)
                line.send(pickle.dumps(partial))
        return iter(())


class TaskPool:
    """The connected tasks, one for each partition, and their job.

    Parameters
    ----------
    parts : RDD
        Handles of the blocks.
    listener : Listener
        Where the tasks connect.
    profile : ResourceProfile or None
        What the tasks ask for, if not what other tasks do.
    arrival : float
        Seconds that the tasks have to connect.

    Attributes
    ----------
    tasks : int
        Number of tasks.
    error : Exception or None
        Why their job has failed.

    Raises
    ------
    OSError
        If not all tasks connect in time.
    """

    def __init__(self, parts: RDD, listener: Listener, profile: ResourceProfile | None, arrival: float) -> None:
        self.error: Exception | None = None
        self.tasks = parts.getNumPartitions()
        self.begun = self.last = time.monotonic()
        self._lines: dict[int, MessageSocket] = {}
        self._context, self._tag = parts.context, f"treefold-{uuid.uuid4().hex}"
        with listener:
            job = parts.mapPartitions(PooledTask(listener.address))
            if profile is not None:
                job = job.withResources(profile)
            self._job = InheritableThread(target=self._run, args=(job,))
            self._job.daemon = True
            self._job.start()
            try:
                self._gather(listener, self.begun + arrival)
            except BaseException:
                self.stop()
                raise

    def idle_in(self, limit: float) -> float:
        """Seconds until no pass has come for ``limit`` seconds; not positive if none has."""
        return self.last + limit - time.monotonic()

    def expired(self, limit: float) -> bool:
        """Whether the tasks have run for ``limit`` seconds."""
        return time.monotonic() - self.begun >= limit

    def ask(self, payload: bytes, patience: float | None = None) -> list[Partial]:
        """Partials of a pass, of all tasks.

        Parameters
        ----------
        payload : bytes
            The pickled work.
        patience : float, optional
            Seconds after which the pass is given up.

        Returns
        -------
        list of Partial

        Raises
        ------
        OSError, EOFError
            If a task is gone, or, as ``TimeoutError``, has not answered in time.
        """
        deadline = None if patience is None else time.monotonic() + patience
        for line in self._lines.values():
            line.send(payload, deadline)
        partials = [pickle.loads(line.receive(deadline)) for line in self._lines.values()]
        self.last = time.monotonic()
        return partials

    def stop(self) -> None:
        """Disconnect the tasks, and wait for their job to end; it is cancelled if it does not."""
        for line in self._lines.values():
            with suppress(OSError):
                line.close()
        self._job.join(LEAVE)
        if self._job.is_alive():
            with suppress(Exception):  # the session may be stopped
                self._context.cancelJobsWithTag(self._tag)
            self._job.join(LEAVE)

    def _gather(self, listener: Listener, deadline: float) -> None:
        """Wait until all tasks have connected; TimeoutError if they do not, or if their job has ended."""
        while len(self._lines) < self.tasks:
            try:
                line = listener.accept(min(deadline, time.monotonic() + LOOK))
            except TimeoutError:
                if time.monotonic() >= deadline or not self._job.is_alive():
                    raise
            else:
                self._take(line, deadline)

    def _take(self, line: MessageSocket, deadline: float) -> None:
        """Add the line of a task; of two attempts of a task, the later one stays."""
        try:
            number = int.from_bytes(line.receive(deadline), "big")
        except TimeoutError:
            line.close()
            raise
        except (EOFError, OSError):  # the task has ended, and Spark tries it again
            line.close()
            return
        before = self._lines.pop(number, None)
        if before:
            before.close()
        self._lines[number] = line

    def _run(self, job: RDD) -> None:
        try:
            self._context.addJobTag(self._tag)
            job.collect()
        except Exception as error:  # read by the caller that finds a task gone
            self.error = error
