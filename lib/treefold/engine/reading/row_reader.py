"""Rows by their location, for predictions: Spark sends locations, and the workers read the files themselves.

Sending a row of a hundred numbers from Spark to a worker takes longer than decoding it. From a plain scan of Parquet
files Spark therefore sends only the **location** of a row: its file and its number in the file, which every scan knows.
Spark still prunes rows and columns of the scan.
"""

import logging
from bisect import bisect_right
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow.fs import FileType
from pyspark.sql import Column, DataFrame
from pyspark.sql.functions import col

from treefold.engine.reading.arrow_to_numpy import Columns, read_rows
from treefold.engine.reading.assemble import Rows
from treefold.engine.reading.footers import RowGroups, check_columns, check_types, footer, footers, opened
from treefold.engine.reading.parquet import read
from treefold.engine.reading.read_errors import UseSpark
from treefold.engine.reading.spark_plan import check_plain_scan, column_types
from treefold.errors import InputError

log = logging.getLogger(__name__)

METADATA = "_metadata"
READ_BYTES = 8 << 20  # bytes that are decoded at a time


def row_locations(data: DataFrame, columns: Columns) -> list[Column]:
    """File and number of each row, with size and time of the file; empty if these do not suffice for the workers.

    They suffice if every row comes from a Parquet file on a file system of the machines, which the driver and therefore
    the workers can open by its path as Spark does.
    """
    try:
        _check_locations(data, columns)
    except UseSpark as reason:
        log.info("Spark sends the rows to predict, workers do not read the files: %s", reason)
        return []
    return [col(f"{METADATA}.{name}") for name in ("file_path", "row_index", "file_size", "file_modification_time")]


def _check_locations(data: DataFrame, columns: Columns) -> None:
    """Raise UseSpark if workers may not read the rows as Spark would."""
    if METADATA in {name.lower() for name in data.columns}:
        raise UseSpark(f"the DataFrame has a column '{METADATA}', which hides the places of its rows")
    check_plain_scan(data, columns)
    files = data.inputFiles()
    remote = [uri for uri in files if not uri.startswith("file:")]
    if remote or not files:
        raise UseSpark(f"{remote[0]} is on no file system of the machines" if remote else "there are no files")
    found = footers(files)
    check_columns(found, columns, nulls=True)
    check_types(found, column_types(data, columns))
    if any(each.schema is None for each in found):
        raise UseSpark("a file has no bytes")


class RowReader:
    """Reads rows by their locations; it is fast if they follow one another in the files, as in a scan."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.uri, self.first, self.end = "", 0, 0  # of the current batch
        self.batch: pa.RecordBatch | None = None
        self.batches: Iterator[pa.RecordBatch] = iter(())
        self.groups: list[RowGroups] = []

    def __call__(self, files: pa.Array, numbers: pa.Array, sizes: pa.Array, times: pa.Array) -> Iterator[Rows]:
        """The rows, in batches.

        Parameters
        ----------
        files, numbers : pa.Array
            Of each row its file, and its number in the file.
        sizes, times : pa.Array
            Of each row the bytes of its file, and its modification time, when Spark listed it.

        Yields
        ------
        Rows

        Raises
        ------
        InputError
            If a file is missing, damaged, changed since Spark listed it, or lacks a row.
        """
        runs, begin, wanted = pc.run_end_encode(files), 0, numbers.to_numpy()
        for uri, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            _check_unchanged(uri, sizes[begin].as_py(), times[begin].cast(pa.timestamp("ms"), safe=False).value)
            yield from self._of_file(uri, wanted[begin:end])
            begin = end

    def _of_file(self, uri: str, wanted: NDArray) -> Iterator[Rows]:
        while len(wanted):
            self._reach(uri, int(wanted[0]))
            outside = (wanted < self.first) | (wanted >= self.end)
            here = int(outside.argmax()) if outside.any() else len(wanted)
            yield self._rows(wanted[:here])
            wanted = wanted[here:]

    def _rows(self, wanted: NDArray) -> Rows:
        assert self.batch is not None
        own, next_to = wanted - self.first, wanted[-1] - wanted[0] == len(wanted) - 1 and (np.diff(wanted) == 1).all()
        batch = self.batch.slice(own[0], len(own)) if next_to else self.batch.take(pa.array(own))
        return read_rows(batch, self.columns, lambda row: f"in row {wanted[row]:,} of {self.uri}")

    def _reach(self, uri: str, number: int) -> None:
        """Read on until the batch contains a row; start at the beginning of its row group if that is another one."""
        if uri != self.uri:
            found = footer(uri)
            check_columns([found], self.columns, nulls=False)
            self.groups = [group for group, _ in found.groups]
            self.uri, self.first, self.end = uri, 0, -1
        starts = [group.first_row for group in self.groups]
        group = max(0, bisect_right(starts, number) - 1)
        if number < self.first or group != bisect_right(starts, self.end) - 1:
            ahead = tuple(g for piece in self.groups[group:] for g in piece.groups)
            self.first = self.end = starts[group]
            rows = READ_BYTES // (8 * len(self.columns.names))
            self.batches = read(RowGroups(uri, ahead, self.first), self.columns.names, max(1024, rows))
        while number >= self.end:
            self.batch = next(self.batches, None)
            if self.batch is None:
                raise InputError(f"{uri} has no row {number:,} any more: it was written anew, read it again")
            self.first, self.end = self.end, self.end + self.batch.num_rows


def _check_unchanged(uri: str, size: int, milliseconds: int) -> None:
    """Raise InputError if a file has changed since Spark listed it, because row numbers would refer to other rows.

    Spark knows milliseconds, and on some file systems only seconds.
    """
    system, path = opened(uri)
    info = system.get_file_info(path)
    if info.type != FileType.File:
        raise InputError(f"{uri} is not there: it was removed, or this worker does not share that file system")
    now = info.mtime_ns // 1_000_000
    same_time = now == milliseconds or (milliseconds % 1000 == 0 and now // 1000 == milliseconds // 1000)
    if info.size != size or not same_time:
        raise InputError(f"{uri} was written anew since the DataFrame was made: read the data again")
