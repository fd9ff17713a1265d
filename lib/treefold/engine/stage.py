"""Rows of a partition laid to rest as Spark makes them, in pieces small enough to be sent."""

import os
import pickle
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark import TaskContext

from treefold.engine import folders
from treefold.engine.columns import Columns, finite, read_rows
from treefold.engine.csr import LOOK_ROWS, is_sparse, stored_entries
from treefold.engine.record import INDEX
from treefold.engine.resident import Rest, room
from treefold.engine.rows import Rows
from treefold.errors import InputError

PIECE_BYTES = 256 << 10  # PySpark holds up to a thousand pieces in memory before it writes them


class Staged(NamedTuple):
    """Rows of one partition at rest, or what is wrong with them.

    ``stored`` counts the entries that CSR stores of each of the first rows, if the rows may rest as CSR. ``path`` is
    their file; a name of their own for rows that rest with Spark.
    """

    partition: int
    rows: int
    features: int
    stored: list[int]
    path: str
    fault: str

    @property
    def there(self) -> bool:
        """Whether the rows are still at rest; those with Spark are, as long as Spark hands this out."""
        return not os.path.isabs(self.path) or os.path.exists(self.path)

    def pieces(self) -> Iterator[Rows]:
        """The rows in the file; rows that rest with Spark have come before."""
        if not os.path.isabs(self.path):
            return
        size = os.path.getsize(self.path)
        with open(self.path, "rb") as file:
            while file.tell() < size:
                yield pickle.load(file)


class Piece(NamedTuple):
    """Some rows of a partition, at rest with Spark."""

    partition: int
    path: str
    packed: bytes

    @property
    def there(self) -> bool:
        """See :class:`Staged`."""
        return True

    def pieces(self) -> Iterator[Rows]:
        """The rows."""
        yield pickle.loads(self.packed)


STAGED = "partition int, rows long, features int, stored array<int>, path string, fault string, piece binary"
ARROW = pa.schema(
    [
        ("partition", pa.int32()),
        ("rows", pa.int64()),
        ("features", pa.int32()),
        ("stored", pa.list_(pa.int32())),
        ("path", pa.string()),
        ("fault", pa.string()),
        ("piece", pa.binary()),
    ]
)


@dataclass(frozen=True)
class Stage:
    """Lays the rows of a partition to rest (a function for ``mapInArrow``).

    Rows that rest with Spark are handed out in pieces, before what is known of them all.
    """

    name: str
    columns: Columns
    rest: Rest

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        partition = TaskContext.get().partitionId()  # type: ignore[union-attr]
        name = f"{self.name}-staged-{partition}"
        folder = folders.candidates(name)[0]
        staged = Staged(partition, 0, 0, [], "", "")
        try:
            with room(folder), closing(File(folder, name) if self.rest.in_files else Hands(partition)) as into:
                staged = staged._replace(path=into.path)
                for batch in batches:
                    if not batch.num_rows:
                        continue
                    rows = self._rows(batch, staged)
                    stored = stored_entries(rows.features[0]) if self.columns.sparse else np.empty(0, int)
                    for piece in self._pieces(rows, stored):
                        yield from into.put(piece)
                    staged = _grown(staged, rows, stored)
        except InputError as error:
            staged = staged._replace(fault=str(error))
            for _ in batches:
                pass  # exhaust the input, so that Spark keeps the worker
        yield pa.RecordBatch.from_pylist([staged._asdict()], ARROW)

    def _rows(self, batch: pa.RecordBatch, before: Staged) -> Rows:
        def where(row: int) -> str:
            return f"in row {before.rows + row:,} of partition {before.partition} of the DataFrame"

        named = pa.RecordBatch.from_arrays(batch.columns, names=self.columns.names)
        rows = finite(read_rows(named, self.columns, where), self.columns, where)
        if before.rows and rows.width != before.features:
            raise InputError(uneven(rows.width, before.features))
        return rows

    def _pieces(self, rows: Rows, stored: NDArray) -> Iterator[Rows]:
        """The rows in pieces, each in the smaller form; the task that receives them makes the one that rests."""
        dtype, sparse = self.columns.dtype, self.columns.sparse and is_sparse(stored, rows.width)
        value, index = np.dtype(dtype).itemsize, INDEX.itemsize
        size = stored * (value + index) + index if sparse else np.full(len(rows.y), rows.width * value)
        for take in _slices(size):
            extra = tuple(column[take] for column in rows.extra)
            yield Rows([rows.matrix(take, dtype, sparse)], rows.y[take], rows.weight[take], extra=extra)


class File:
    """Pieces in a file with a name of its own: rows made again may stand in another order and must not be mixed."""

    def __init__(self, folder: Path, name: str) -> None:
        handle, self.path = tempfile.mkstemp(dir=folders.made(folder), prefix=f"{name}.")
        self.file = open(handle, "wb")  # noqa: SIM115 - closed by close

    def put(self, piece: Rows) -> Iterator[pa.RecordBatch]:
        """Write a piece; nothing is handed out."""
        pickle.dump(piece, self.file, protocol=5)
        return iter(())

    def close(self) -> None:
        """Close the file."""
        self.file.close()


class Hands:
    """Pieces handed to Spark."""

    def __init__(self, partition: int) -> None:
        self.partition, self.path = partition, uuid.uuid4().hex

    def put(self, piece: Rows) -> Iterator[pa.RecordBatch]:
        """Hand out a piece."""
        row = {"partition": self.partition, "path": self.path, "piece": pickle.dumps(piece, protocol=5)}
        yield pa.RecordBatch.from_pylist([row], ARROW)

    def close(self) -> None:
        """Nothing is open."""


def staged_of(row: Any) -> Staged | Piece:
    """What a row of the DataFrame that :class:`Stage` makes stands for."""
    return Staged(*row[:-1]) if row.piece is None else Piece(row.partition, row.path, bytes(row.piece))


def uneven(width: int, before: int) -> str:
    """What is wrong with rows of different widths."""
    return f"some rows have {width} features and others {before}: all rows must have the same width"


def _grown(staged: Staged, rows: Rows, stored: NDArray) -> Staged:
    first = staged.stored + stored[: LOOK_ROWS - len(staged.stored)].tolist()
    return staged._replace(rows=staged.rows + len(rows.y), features=rows.width, stored=first)


def _slices(size: NDArray) -> Iterator[slice]:
    """Runs of rows of these sizes, of at least one row and at most ``PIECE_BYTES`` if that is more."""
    ends, start = np.cumsum(size, dtype=np.int64), 0
    while start < len(ends):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + PIECE_BYTES, "right")))
        yield slice(start, stop)
        start = stop
