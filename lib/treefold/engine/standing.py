"""Standing tasks: in local mode one Spark job serves many passes, each a message to its tasks.

A job of two tasks costs some 30 ms before and after what the tasks do, as much as many a pass over rows at rest. Where
driver and workers share a machine, the tasks of a job can stay for more: they wait at a socket of the driver's, which
only its user can open, are sent the work of a pass and answer with their partials, the same bytes as in a job of their
own.

Nothing hangs on them. Whatever goes wrong, be it a lost worker, lost blocks or an error in a statistic, the driver lets
go of them, and the pass is made as a job, with all that Spark and the engine do about failures; only where their job
was cancelled, so is the pass. They hold task slots, so they leave when no pass has come for ``IDLE`` seconds, when
another set of blocks is passed over, and after ``HOLD`` seconds, that other jobs get their turn.
"""

import os
import pickle
import re
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

from treefold.engine.task import Partial, PassTask, Resting

FIRST = 2  # pass over a set of blocks that tasks stand for: the one before it reads
IDLE = 0.2  # seconds
HOLD = 3.0  # seconds
ARRIVAL = 2.0  # seconds that tasks have to come
LEAVE = 5.0  # seconds that a job has to end when its tasks are gone


@dataclass(frozen=True)
class StandingTask:
    """Answers the driver at ``address`` for the blocks of its parts, until it lets go."""

    address: str

    def __call__(self, parts: Iterable[Resting]) -> Iterator[Any]:
        mine = list(parts)
        with suppress(Exception), Client(self.address, "AF_UNIX") as line:  # the pass is made again as a job, and tells
            while True:
                (partial,) = PassTask(line.recv_bytes())(mine)
                line.send_bytes(pickle.dumps(partial))
        return iter(())


class Crew:
    """The tasks that stand, and their job.

    Raises
    ------
    OSError
        If not all tasks come.
    """

    def __init__(self, parts: RDD) -> None:
        self.lines: list[Connection] = []
        self.error: Exception | None = None
        self.begun = self.last = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="treefold-") as folder, socket.socket(socket.AF_UNIX) as door:
            address, tasks = str(Path(folder, "door")), parts.getNumPartitions()
            door.bind(address)
            door.listen(tasks)
            job = parts.mapPartitions(StandingTask(address))
            self._job = InheritableThread(target=self._run, args=(job,))
            self._job.daemon = True
            self._job.start()
            try:
                while len(self.lines) < tasks:
                    door.settimeout(max(0.001, self.begun + ARRIVAL - time.monotonic()))
                    self.lines.append(Connection(door.accept()[0].detach()))
            except BaseException:
                self.dismiss()
                raise

    @property
    def idle(self) -> bool:
        """Whether no pass has come for long."""
        return time.monotonic() - self.last >= IDLE

    @property
    def tired(self) -> bool:
        """Whether the tasks have stood for long."""
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

    def dismiss(self) -> None:
        """Let the tasks go, and wait until their job has ended, if it does."""
        for line in self.lines:
            with suppress(OSError):
                line.close()
        self._job.join(LEAVE)

    def _run(self, job: RDD) -> None:
        try:
            job.collect()
        except Exception as error:  # looked at by whoever finds a task gone
            self.error = error


class Standing:
    """Standing tasks of one set of blocks; one set of a process has any at a time.

    Parameters
    ----------
    context : SparkContext
    described : callable
        Names, as a context manager, the jobs begun within it.
    """

    _floor = threading.Lock()  # held while a pass is made by standing tasks
    _holder: "Standing | None" = None

    def __init__(self, context: SparkContext, described: Callable[[str], Any]) -> None:
        self.context, self.described, self.slots = context, described, local_slots(context.master or "")
        self.passes = 0
        self._crew: Crew | None = None
        self._hand = threading.Lock()
        self._bell = threading.Timer(0, lambda: None)

    def partials(self, parts: Callable[[], RDD], payload: bytes) -> list[Partial] | None:
        """Partials of the next pass over ``parts()``; None if it is to be made as a job.

        Raises
        ------
        Exception
            Of the job of the tasks, if it was cancelled.
        """
        self.passes += 1
        if not self.slots or not Standing._floor.acquire(blocking=False):
            return None
        try:
            self._take_the_floor()
            return self._asked(parts(), payload) if self.passes >= FIRST else None
        finally:
            Standing._floor.release()

    def end(self) -> None:
        """Let the tasks go; others stand after as many passes as in the beginning. Those of other blocks go as well."""
        self._let_go()
        if Standing._floor.acquire(blocking=False):
            try:
                self._take_the_floor()
                Standing._holder = None
            finally:
                Standing._floor.release()

    def _take_the_floor(self) -> None:
        holder, Standing._holder = Standing._holder, self
        if holder and holder is not self:
            holder._let_go()

    def _let_go(self) -> None:
        self.passes = 0
        self._dismiss()

    def _asked(self, parts: RDD, payload: bytes) -> list[Partial] | None:
        self._bell.cancel()  # a pass has come
        if self._crew and self._crew.tired:
            self._dismiss()
        try:
            if self._crew is None and not self._begun(parts):
                return None
            assert self._crew
            found = self._crew.ask(payload)
            self._set_bell()
            return found
        except (OSError, EOFError):
            self._gone()
            return None
        except BaseException:
            self._dismiss()
            raise

    def _begun(self, parts: RDD) -> bool:
        """Have tasks stand, if there are slots for all of them."""
        if parts.getNumPartitions() > self.slots or self.context.statusTracker().getActiveJobsIds():
            return False
        with self.described("standing tasks"):
            self._crew = Crew(parts)
        return True

    def _set_bell(self) -> None:
        """Let the tasks go when no pass has come for ``IDLE`` seconds; they cannot tell that from a slow neighbour."""
        self._bell = threading.Timer(IDLE, self._rest)
        self._bell.daemon = True
        self._bell.start()

    def _rest(self) -> None:
        if Standing._floor.acquire(blocking=False):
            try:
                if self._crew and self._crew.idle:
                    self._dismiss()
            finally:
                Standing._floor.release()

    def _dismiss(self) -> None:
        self._bell.cancel()
        with self._hand:  # two threads must not close the same lines
            crew, self._crew = self._crew, None
        if crew:
            crew.dismiss()

    def _gone(self) -> None:
        """Let go after a task was lost."""
        crew = self._crew
        self._dismiss()
        if crew is None:
            self.slots = 0  # not all came, and would not the next time
        elif crew.error and "cancelled" in str(crew.error):
            raise crew.error


def local_slots(master: str) -> int:
    """Task slots of a local master, as far as its name tells; 0 of any other."""
    found = re.fullmatch(r"local(?:\[(\*|\d+)(?:,.*)?])?", master)
    if not found:
        return 0
    return (os.cpu_count() or 1) if found[1] == "*" else int(found[1] or 1)
