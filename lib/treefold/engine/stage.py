"""Rows of a partition laid to rest as Spark makes them, in pieces small enough to be sent."""

import os
import pickle
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark import TaskContext

from treefold.engine import resident
from treefold.engine.columns import Columns, finite, read_rows
from treefold.engine.csr import LOOK_ROWS, is_sparse, stored_entries
from treefold.engine.rows import Rows
from treefold.errors import InputError

PIECE_BYTES = 256 << 10  # PySpark holds up to a thousand pieces in memory before it writes them


class Staged(NamedTuple):
    """Rows of one partition at rest in a file, or what is wrong with them.

    ``stored`` counts the entries that CSR stores of each of the first rows, if the rows may rest as CSR.
    """

    partition: int
    rows: int
    features: int
    stored: list[int]
    path: str
    fault: str


STAGED = "partition int, rows long, features int, stored array<int>, path string, fault string"
ARROW = pa.schema(
    [
        ("partition", pa.int32()),
        ("rows", pa.int64()),
        ("features", pa.int32()),
        ("stored", pa.list_(pa.int32())),
        ("path", pa.string()),
        ("fault", pa.string()),
    ]
)


@dataclass(frozen=True)
class Stage:
    """Lays the rows of a partition to rest (a function for ``mapInArrow``)."""

    name: str
    columns: Columns

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        partition = TaskContext.get().partitionId()  # type: ignore[union-attr]
        name = f"{self.name}-staged-{partition}"
        # A name of its own for every attempt: rows made again may stand in another order and must not be mixed.
        handle, path = tempfile.mkstemp(dir=resident.local_folder(name), prefix=f"{name}.")
        staged = Staged(partition, 0, 0, [], path, "")
        with open(handle, "wb") as file:
            for batch in batches:
                if staged.fault or not batch.num_rows:
                    continue  # exhaust the input, so that Spark keeps the worker
                try:
                    rows = self._rows(batch, staged)
                    stored = stored_entries(rows.features[0]) if self.columns.sparse else np.empty(0, int)
                    for piece in self._pieces(rows, stored):
                        pickle.dump(piece, file, protocol=5)
                    staged = _grown(staged, rows, stored)
                except InputError as error:
                    staged = staged._replace(fault=str(error))
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
        value, index = np.dtype(dtype).itemsize, resident.INDEX.itemsize
        size = stored * (value + index) + index if sparse else np.full(len(rows.y), rows.width * value)
        for take in _slices(size):
            extra = tuple(column[take] for column in rows.extra)
            yield Rows([rows.matrix(take, dtype, sparse)], rows.y[take], rows.weight[take], extra=extra)


def staged_pieces(path: str) -> Iterator[Rows]:
    """The pieces in a file of staged rows."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        while file.tell() < size:
            yield pickle.load(file)


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
