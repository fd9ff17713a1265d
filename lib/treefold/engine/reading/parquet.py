"""The Parquet reader: the workers read files straight into blocks.

The driver reads the footers only. Row k of the data set is row k of all files one after the other, in the order of
their paths.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import FileSelector, FileType, LocalFileSystem

from treefold.dataset.block import Block, rows_per_block
from treefold.dataset.csr import LOOK_ROWS, is_sparse, mean_stored, stored_entries
from treefold.engine.reading.arrow_to_numpy import Columns, finite, read_rows
from treefold.engine.reading.assemble import Rows, assemble
from treefold.engine.reading.footers import RowGroups, check_columns, check_types, footers, opened
from treefold.engine.reading.partitioning import block_runs
from treefold.engine.reading.read_errors import UseSpark, read_error
from treefold.engine.reading.table_formats import ArrowFolders, refuse_table_folders
from treefold.engine.storage.block_store import Shape
from treefold.errors import InputError

READ_BYTES = 32 << 20  # bytes that are decoded at a time


class ParquetRun(NamedTuple):
    """The rows of one task: ``rows`` rows, after the first ``skip``, of the row groups of ``pieces``.

    ``columns.sparse`` says whether the blocks are CSR.
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
        """Read them (an :class:`~treefold.engine.storage.block_store.Origin`)."""
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
        """Batches of at most ``size`` rows, with their row groups and the row of the file at which they begin."""
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
        If pyarrow cannot read the files as Spark does.
    InputError
        If a file is missing, damaged or lacks a column, or if there are no rows.
    """

    def __init__(self, uris: Sequence[str], columns: Columns) -> None:
        self.columns = columns
        self.footers = footers(uris)
        check_columns(self.footers, columns, nulls=columns.missing)
        self.groups = [group for footer in self.footers for group in footer.groups]
        self.starts = [0, *accumulate(rows for _, rows in self.groups)]
        self.rows = self.starts[-1]
        if not self.rows:
            raise InputError(f"the data has no rows: {len(uris)} Parquet files, all empty")

    @property
    def empty_files(self) -> list[str]:
        """Files of no bytes, which have no rows."""
        return [footer.uri for footer in self.footers if footer.schema is None]

    def check_types(self, types: Mapping[str, str]) -> None:
        """Raise UseSpark if a column of a file has another type than in Spark, given by its simple name."""
        check_types(self.footers, types)

    def look(self) -> tuple[int, int | None]:
        """Number of features, and mean number of entries of a CSR row; None instead if rows are better dense."""
        wanted, features, stored = LOOK_ROWS if self.columns.sparse else 1, 0, np.empty(0, int)
        for piece, row, batch in self._run(0, min(wanted, self.rows), wanted, 0, self.columns).batches(wanted):
            rows = read_rows(batch, self.columns, partial(_where, piece, row))
            features = features or rows.width
            if self.columns.sparse:
                stored = np.concatenate([stored, stored_entries(rows.features[0])])
        sparse = self.columns.sparse and is_sparse(stored, features)
        return features, mean_stored(stored) if sparse else None

    def runs(self, features: int, stored: int | None, tasks: int) -> list[ParquetRun]:
        """Runs of blocks, one for each task.

        Parameters
        ----------
        features : int
            Number of features.
        stored : int or None
            Mean stored entries of a row if the blocks are CSR, else None; as returned by :meth:`look`.
        tasks : int
            Greatest number of runs.

        Returns
        -------
        list of ParquetRun
        """
        block_rows = rows_per_block(features, self.columns.dtype, stored, self.columns.partial_rows)
        columns = self.columns._replace(sparse=stored is not None)
        return [
            self._run(first * block_rows, min(last * block_rows, self.rows), block_rows, features, columns)
            for first, last in block_runs(self.rows, block_rows, tasks, self.starts[:-1], self.columns.lanes)
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


def parquet_files(path: str) -> list[str]:
    """URIs of the Parquet files at a path or URI, without hidden files.

    Parameters
    ----------
    path : str
        Path or URI.

    Returns
    -------
    list of str

    Raises
    ------
    InputError
        If there are none, or it is a table of Delta Lake, Hudi or Iceberg.
    UseSpark
        If pyarrow cannot open the file system.
    """
    system, inside = opened(path if "://" in path else os.path.abspath(path))
    refuse_table_folders(ArrowFolders(system), [inside])
    try:
        found = system.get_file_info(inside)
        if found.type == FileType.Directory:
            below = system.get_file_info(FileSelector(inside, recursive=True))
            files = [info.path for info in below if info.type == FileType.File and not _hidden(info.path, inside)]
        else:
            files = [inside] if found.type == FileType.File else []
    except (pa.ArrowException, OSError) as error:
        raise UseSpark(f"pyarrow cannot list {path}: {error}") from error
    if not files:
        raise InputError(f"there are no Parquet files at {path}: check the path")
    scheme = "" if isinstance(system, LocalFileSystem) else path.split("://")[0] + "://"
    return [scheme + file for file in files]


def _hidden(file: str, folder: str) -> bool:
    """Whether Spark would ignore the file: part of its path begins with ``.``, or with ``_`` and has no ``=``."""
    names = file.removeprefix(folder).strip("/").split("/")
    return any(name.startswith(".") or (name.startswith("_") and "=" not in name) for name in names)


def read(piece: RowGroups, names: list[str], size: int) -> Iterator[pa.RecordBatch]:
    """Batches of rows of some row groups.

    Parameters
    ----------
    piece : RowGroups
        File, and row groups of it.
    names : list of str
        Columns to read.
    size : int
        Greatest number of rows of a batch.

    Returns
    -------
    iterator of pyarrow.RecordBatch
    """
    system, path = opened(piece.uri)
    try:
        with pq.ParquetFile(path, filesystem=system) as file:
            yield from file.iter_batches(size, row_groups=list(piece.groups), columns=names, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        meant = read_error(piece.uri, error)
        if meant is error:
            raise
        raise meant from error


def _where(piece: RowGroups, first: int, row: int) -> str:
    return f"in row {first + row:,} of {piece.uri}"
