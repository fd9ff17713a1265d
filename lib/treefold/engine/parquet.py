"""The fast door: Parquet files read by the workers straight into blocks.

The driver reads the footers only. Row k of the data set is row k of all files one after the other, in the order of
their paths.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import FileSystem

from treefold.block import Block, rows_per_block
from treefold.engine.columns import Columns, finite, read_rows
from treefold.engine.csr import LOOK_ROWS, is_sparse, stored_entries
from treefold.engine.plan import block_runs
from treefold.engine.resident import Shape
from treefold.engine.rows import Rows, assemble
from treefold.errors import InputError

FOOTERS_AT_ONCE = 16
READ_BYTES = 32 << 20  # decoded at a time


class UseSpark(RuntimeError):
    """pyarrow cannot open a file as Spark would: Spark has to read it."""


class RowGroups(NamedTuple):
    """Consecutive row groups of one file; ``first_row`` is the row of the file they begin with."""

    uri: str
    groups: tuple[int, ...]
    first_row: int


class ParquetRun(NamedTuple):
    """The rows of one task: ``rows`` rows, after ``skip``, of the row groups of ``pieces``.

    ``columns.sparse`` says whether they rest as CSR.
    """

    pieces: tuple[RowGroups, ...]
    skip: int
    position: int
    rows: int
    block_rows: int
    features: int
    columns: Columns

    @property
    def first(self) -> int:
        """Number of the first block."""
        return self.position // self.block_rows

    @property
    def shape(self) -> Shape:
        """Layout of the file of the blocks."""
        dtypes, values = self.columns.dtypes, () if self.columns.sparse else None
        return Shape(self.rows, self.block_rows, self.features, dtypes, values)

    def blocks(self) -> Iterator[Block]:
        """Read them (an :class:`~treefold.engine.resident.Origin`)."""
        missing = self.rows
        for block in assemble(self._read(), self.first, self.shape):
            missing -= len(block.y)
            yield block
        if missing:
            raise InputError(f"{self.pieces[-1].uri} has fewer rows than its footer says: write it again")

    def _read(self) -> Iterator[Rows]:
        for piece, row, batch in self.batches(max(self.block_rows, READ_BYTES // (8 * self.features))):
            where = partial(_where, piece, row)
            rows = finite(read_rows(batch, self.columns, where), self.columns, where)
            if rows.width != self.features:
                raise InputError(f"{piece.uri} has {rows.width} features a row, the files before {self.features}")
            yield rows

    def batches(self, size: int) -> Iterator[tuple[RowGroups, int, pa.RecordBatch]]:
        """Batches of at most ``size`` rows with the piece they come from and the row of its file they begin with."""
        skip, left = self.skip, self.rows
        for piece in self.pieces:
            row = piece.first_row
            for batch in read(piece, self.columns.names, size):
                begin = min(skip, batch.num_rows)
                kept = batch.slice(begin, left)
                if kept.num_rows:
                    yield piece, row + begin, kept
                skip, left, row = skip - begin, left - kept.num_rows, row + batch.num_rows
                if not left:
                    return


class ParquetSource:
    """Plan of a data set from the footers of its files.

    Raises
    ------
    UseSpark
        If pyarrow cannot open the file system, or a column is there under a name of other case.
    InputError
        If a file is missing, damaged or lacks a column, or if there are no rows.
    """

    def __init__(self, uris: Sequence[str], columns: Columns) -> None:
        self.columns = columns
        with ThreadPoolExecutor(FOOTERS_AT_ONCE) as pool:
            footers = list(pool.map(lambda uri: footer(uri, columns.names), sorted(uris)))
        self.groups = [group for footer in footers for group in footer]
        self.starts = [0, *accumulate(rows for _, rows in self.groups)]
        self.rows = self.starts[-1]
        if not self.rows:
            raise InputError(f"the data has no rows: {len(uris)} Parquet files, all empty")

    def look(self) -> tuple[int, bool]:
        """Number of features, and whether the data set rests as CSR, from the first rows."""
        wanted, features, stored = LOOK_ROWS if self.columns.sparse else 1, 0, np.empty(0, int)
        for piece, row, batch in self._run(0, min(wanted, self.rows), wanted, 0, self.columns).batches(wanted):
            rows = read_rows(batch, self.columns, partial(_where, piece, row))
            features = features or rows.width
            if self.columns.sparse:
                stored = np.concatenate([stored, stored_entries(rows.features[0])])
        return features, self.columns.sparse and is_sparse(stored, features)

    def runs(self, features: int, sparse: bool, tasks: int) -> list[ParquetRun]:
        """What each of at most ``tasks`` tasks reads."""
        block_rows = rows_per_block(features, self.columns.dtype, sparse, self.columns.partial_rows)
        columns = self.columns._replace(sparse=sparse)
        return [
            self._run(first * block_rows, min(last * block_rows, self.rows), block_rows, features, columns)
            for first, last in block_runs(self.rows, block_rows, tasks, self.starts[:-1])
        ]

    def _run(self, begin: int, end: int, block_rows: int, features: int, columns: Columns) -> ParquetRun:
        touched = [i for i, start in enumerate(self.starts[:-1]) if start < end and self.starts[i + 1] > begin]
        pieces: list[RowGroups] = []
        for group, _ in (self.groups[i] for i in touched):
            if pieces and pieces[-1].uri == group.uri:
                pieces[-1] = pieces[-1]._replace(groups=pieces[-1].groups + group.groups)
            else:
                pieces.append(group)
        skip = begin - self.starts[touched[0]]
        return ParquetRun(tuple(pieces), skip, begin, end - begin, block_rows, features, columns)


def schema_of(uri: str) -> pa.Schema:
    """Schema of a file."""
    system, path = _open(uri)
    schema: pa.Schema = pq.read_schema(path, filesystem=system)
    return schema


def footer(uri: str, names: list[str]) -> list[tuple[RowGroups, int]]:
    """Every row group that has rows, with their number."""
    system, path = _open(uri)
    try:
        footer = pq.read_metadata(path, filesystem=system)
    except (pa.ArrowException, OSError) as error:
        if _damaged(error) or isinstance(error, FileNotFoundError):
            raise InputError(_unreadable(uri, error)) from error
        raise UseSpark(f"pyarrow cannot read {uri}: {error}") from error
    here = footer.schema.to_arrow_schema().names
    for name in names:
        if name.lower() in (other.lower() for other in here if other != name) and name not in here:
            raise UseSpark(f"{uri} has no column '{name}', but one of other case")
        if name not in here:
            raise InputError(f"{uri} has no column '{name}': it has {', '.join(here[:20])}")
    rows = [footer.row_group(i).num_rows for i in range(footer.num_row_groups)]
    before = [0, *accumulate(rows)]
    return [(RowGroups(uri, (i,), before[i]), n) for i, n in enumerate(rows) if n]


def read(piece: RowGroups, names: list[str], size: int) -> Iterator[pa.RecordBatch]:
    """Batches of at most ``size`` rows."""
    system, path = _open(piece.uri)
    try:
        with pq.ParquetFile(path, filesystem=system) as file:
            yield from file.iter_batches(size, row_groups=list(piece.groups), columns=names, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        if _damaged(error) or isinstance(error, FileNotFoundError):
            raise InputError(_unreadable(piece.uri, error)) from error
        raise  # the disk or the network failed, not the file: Spark tries the task again


def _damaged(error: Exception) -> bool:
    """Whether a file's content is at fault: pyarrow raises OSError without a number for that, and for remote stores."""
    return isinstance(error, pa.ArrowInvalid) or (
        isinstance(error, OSError) and error.errno is None and "AWS" not in str(error) and "HTTP" not in str(error)
    )


def _open(uri: str) -> tuple[FileSystem, str]:
    try:
        return FileSystem.from_uri(uri)
    except (pa.ArrowException, OSError, ImportError) as error:
        raise UseSpark(f"pyarrow cannot open {uri}: {error}") from error


def _unreadable(uri: str, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{uri} is not there: it was removed, or this worker does not share that file system"
    return f"{uri} is damaged or no Parquet file ({str(error).splitlines()[0]}): restore it or remove it"


def _where(piece: RowGroups, first: int, row: int) -> str:
    return f"in row {first + row:,} of {piece.uri}"
