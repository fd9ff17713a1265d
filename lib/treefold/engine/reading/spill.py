"""Buffers of the chunks that arrive at a task, until they can be ordered."""

import pickle
import tempfile
from collections.abc import Iterator
from pathlib import Path

from treefold.engine.reading.assemble import Rows
from treefold.engine.storage import local_dirs
from treefold.engine.storage.block_writing import room


class DiskBuffer:
    """Chunks in an unnamed temporary file, which the system deletes with the process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.offsets: list[tuple[int, int]] = []
        with room(folder):
            self.file = tempfile.TemporaryFile(dir=local_dirs.create(folder))  # noqa: SIM115 - closed by close

    def put(self, position: int, rows: Rows) -> None:
        """Add a chunk that begins at a position of the data set."""
        with room(self.folder):
            self.offsets.append((position, self.file.tell()))
            pickle.dump(rows, self.file, protocol=5)

    def in_order(self) -> Iterator[Rows]:
        """The chunks in the order of their positions."""
        with room(self.folder):
            self.file.flush()
        for _, offset in sorted(self.offsets):
            self.file.seek(offset)
            yield pickle.load(self.file)

    def close(self) -> None:
        """Delete the chunks."""
        self.file.close()


class MemoryBuffer:
    """Chunks in memory."""

    def __init__(self) -> None:
        self.chunks: dict[int, Rows] = {}

    def put(self, position: int, rows: Rows) -> None:
        """See :class:`DiskBuffer`."""
        self.chunks[position] = rows

    def in_order(self) -> Iterator[Rows]:
        """See :class:`DiskBuffer`."""
        for position in sorted(self.chunks):
            yield self.chunks[position]

    def close(self) -> None:
        """See :class:`DiskBuffer`."""
        self.chunks.clear()
