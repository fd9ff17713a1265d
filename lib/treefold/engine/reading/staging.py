"""Stages the rows of a partition on local disk, in chunks of at most 256 KiB, for the shuffle that follows."""

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

from treefold.dataset.csr import LOOK_ROWS, is_sparse, stored_entries
from treefold.engine.reading.arrow_to_numpy import Columns, finite, read_rows
from treefold.engine.reading.assemble import Rows
from treefold.engine.storage import local_dirs
from treefold.engine.storage.block_store import BlockStore
from treefold.engine.storage.block_writing import room
from treefold.engine.storage.file_format import INDEX
from treefold.errors import InputError

CHUNK_BYTES = 256 << 10  # PySpark holds up to a thousand chunks in memory before it writes them


class Staged(NamedTuple):
    """Staged rows of one partition, or the reason why they are bad.

    ``stored`` counts the entries of each of the first rows in CSR, if the blocks may be CSR. ``path`` is their file, or
    a unique name for rows that Spark keeps.
    """

    partition: int
    rows: int
    features: int
    stored: list[int]
    path: str
    fault: str

    @property
    def there(self) -> bool:
        """Whether the rows still exist; rows that Spark keeps exist as long as Spark returns this object."""
        return not os.path.isabs(self.path) or os.path.exists(self.path)

    def chunks(self) -> Iterator[Rows]:
        """The rows in the file; rows that Spark keeps precede this object."""
        if not os.path.isabs(self.path):
            return
        size = os.path.getsize(self.path)
        with open(self.path, "rb") as file:
            while file.tell() < size:
                yield pickle.load(file)


class Chunk(NamedTuple):
    """Some rows of a partition, kept by Spark."""

    partition: int
    path: str
    packed: bytes

    @property
    def there(self) -> bool:
        """See :class:`Staged`."""
        return True

    def chunks(self) -> Iterator[Rows]:
        """The rows."""
        yield pickle.loads(self.packed)


STAGED = "partition int, rows long, features int, stored array<int>, path string, fault string, chunk binary"
ARROW = pa.schema(
    [
        ("partition", pa.int32()),
        ("rows", pa.int64()),
        ("features", pa.int32()),
        ("stored", pa.list_(pa.int32())),
        ("path", pa.string()),
        ("fault", pa.string()),
        ("chunk", pa.binary()),
    ]
)


@dataclass(frozen=True)
class Stage:
    """Stages the rows of a partition (a function for ``mapInArrow``).

    Rows that Spark keeps are returned in chunks, followed by the summary of the partition.
    """

    name: str
    columns: Columns
    store: BlockStore

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        partition = TaskContext.get().partitionId()  # type: ignore[union-attr]
        name = f"{self.name}-staged-{partition}"
        folder = local_dirs.candidates(name)[0]
        staged = Staged(partition, 0, 0, [], "", "")
        try:
            with room(folder), closing(File(folder, name) if self.store.on_disk else InlineChunks(partition)) as into:
                staged = staged._replace(path=into.path)
                for batch in batches:
                    if not batch.num_rows:
                        continue
                    rows = self._rows(batch, staged)
                    stored = stored_entries(rows.features[0]) if self.columns.sparse else np.empty(0, int)
                    for chunk in self._chunks(rows, stored):
                        yield from into.put(chunk)
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

    def _chunks(self, rows: Rows, stored: NDArray) -> Iterator[Rows]:
        """The rows in chunks, each in the smaller form; the receiving task makes the form of the block."""
        dtype, sparse = self.columns.dtype, self.columns.sparse and is_sparse(stored, rows.width)
        value, index = np.dtype(dtype).itemsize, INDEX.itemsize
        size = stored * (value + index) + index if sparse else np.full(len(rows.y), rows.width * value)
        for take in _slices(size):
            extra = tuple(column[take] for column in rows.extra)
            yield Rows([rows.matrix(take, dtype, sparse)], rows.y[take], rows.weight[take], extra=extra)


class File:
    """Chunks in a file with a unique name: recomputed rows may come in another order and must not be mixed in."""

    def __init__(self, folder: Path, name: str) -> None:
        handle, self.path = tempfile.mkstemp(dir=local_dirs.create(folder), prefix=f"{name}.")
        self.file = open(handle, "wb")  # noqa: SIM115 - closed by close

    def put(self, chunk: Rows) -> Iterator[pa.RecordBatch]:
        """Write a chunk; nothing is returned."""
        pickle.dump(chunk, self.file, protocol=5)
        return iter(())

    def close(self) -> None:
        """Close the file."""
        self.file.close()


class InlineChunks:
    """Chunks returned to Spark."""

    def __init__(self, partition: int) -> None:
        self.partition, self.path = partition, uuid.uuid4().hex

    def put(self, chunk: Rows) -> Iterator[pa.RecordBatch]:
        """Return a chunk."""
        row = {"partition": self.partition, "path": self.path, "chunk": pickle.dumps(chunk, protocol=5)}
        yield pa.RecordBatch.from_pylist([row], ARROW)

    def close(self) -> None:
        """Do nothing: no file is open."""


def staged_of(row: Any) -> Staged | Chunk:
    """The object that a row of the DataFrame of :class:`Stage` describes."""
    return Staged(*row[:-1]) if row.chunk is None else Chunk(row.partition, row.path, bytes(row.chunk))


def uneven(width: int, before: int) -> str:
    """The error message for rows of different widths."""
    return f"some rows have {width} features and others {before}: all rows must have the same width"


def _grown(staged: Staged, rows: Rows, stored: NDArray) -> Staged:
    first = staged.stored + stored[: LOOK_ROWS - len(staged.stored)].tolist()
    return staged._replace(rows=staged.rows + len(rows.y), features=rows.width, stored=first)


def _slices(size: NDArray) -> Iterator[slice]:
    """Runs of rows of at most ``CHUNK_BYTES``, given the size of each row; a run has at least one row."""
    ends, start = np.cumsum(size, dtype=np.int64), 0
    while start < len(ends):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + CHUNK_BYTES, "right")))
        yield slice(start, stop)
        start = stop
