"""Partials that are too large for the driver. Tasks keep them on their executors for the job that combines them."""

import os
import pickle
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pyspark import TaskContext

from treefold.engine.execution.partials import Partial
from treefold.engine.storage import local_dirs
from treefold.engine.storage.block_store import StoredBlocks
from treefold.engine.storage.block_writing import FULL

Task = Callable[[Iterable[StoredBlocks]], Iterable[Partial]]


@dataclass(frozen=True)
class Limit:
    """Bytes of nodes that a task may return, and the prefix of the file in which it keeps more.

    Without a name nothing is kept, because no disk may hold sums of rows; the second job then recomputes the nodes.
    """

    bytes: int
    name: str

    def returned(self, partial: Partial, most_nodes: int = 0) -> Partial:
        """The partial of a task, without its nodes if they are too large.

        Tasks with runs of the same length may have between one node and ``most_nodes``. The check assumes
        ``most_nodes`` for all of them, so that all tasks decide alike: nodes that were returned while other tasks kept
        theirs must be recomputed.
        """
        heaviest = max((len(node.value) for node in partial.nodes), default=0)
        if heaviest * max(most_nodes, len(partial.nodes)) <= self.bytes:
            return partial
        if self.name:
            with suppress(OSError):  # nodes that cannot be kept are recomputed
                _keep(self._file, pickle.dumps(partial))
        return partial._replace(nodes=[], held=True)

    def kept(self) -> Partial | None:
        """The partial that this task of an earlier job has kept on this executor, if any; its file is deleted."""
        if not self.name:
            return None
        for folder in local_dirs.candidates(self._file):
            path = Path(folder, self._file)
            with suppress(OSError):
                if not local_dirs.is_own(folder):
                    continue
                partial: Partial = pickle.loads(path.read_bytes())
                path.unlink()
                return partial
        return None

    @property
    def _file(self) -> str:
        context = TaskContext.get()
        return f"{self.name}-{context.partitionId() if context else 0}"


def _keep(name: str, content: bytes) -> None:
    """Write a file under another name and rename it, readable by its owner only, in the first folder that has room."""
    for folder in local_dirs.candidates(name):
        aside = None
        try:
            handle, aside = tempfile.mkstemp(dir=local_dirs.create(folder), prefix=f"{name}.")
            with open(handle, "wb") as file:
                file.write(content)
            os.replace(aside, folder / name)
            return
        except OSError as error:
            if aside is not None:
                os.unlink(aside)
            if error.errno not in FULL:
                raise


@dataclass(frozen=True)
class KeptTask:
    """Returns the partial that the same task of an earlier job has kept; if it is gone, runs ``task``."""

    task: Task
    limit: Limit

    def __call__(self, parts: Iterable[StoredBlocks]) -> Iterator[Partial]:
        kept = self.limit.kept()
        if kept is None:
            yield from self.task(parts)
        else:
            deque(parts, maxlen=0)  # Spark ends the worker of a task that leaves handles unread
            yield kept
