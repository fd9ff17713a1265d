"""Where the pieces that arrive at a task wait until they can be put in order."""

import pickle
import tempfile
from collections.abc import Iterator
from pathlib import Path

from treefold.engine import folders
from treefold.engine.resident import room
from treefold.engine.rows import Rows


class Spool:
    """Pieces in a nameless file, which is gone with the process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.places: list[tuple[int, int]] = []
        with room(folder):
            self.file = tempfile.TemporaryFile(dir=folders.made(folder))  # noqa: SIM115 - closed by close

    def put(self, position: int, rows: Rows) -> None:
        """Take a piece that begins at a position of the data set."""
        with room(self.folder):
            self.places.append((position, self.file.tell()))
            pickle.dump(rows, self.file, protocol=5)

    def in_order(self) -> Iterator[Rows]:
        """The pieces in the order of their positions."""
        with room(self.folder):
            self.file.flush()
        for _, offset in sorted(self.places):
            self.file.seek(offset)
            yield pickle.load(self.file)

    def close(self) -> None:
        """Let go of the pieces."""
        self.file.close()


class Heap:
    """Pieces in memory."""

    def __init__(self) -> None:
        self.pieces: dict[int, Rows] = {}

    def put(self, position: int, rows: Rows) -> None:
        """See :class:`Spool`."""
        self.pieces[position] = rows

    def in_order(self) -> Iterator[Rows]:
        """See :class:`Spool`."""
        for position in sorted(self.pieces):
            yield self.pieces[position]

    def close(self) -> None:
        """See :class:`Spool`."""
        self.pieces.clear()
