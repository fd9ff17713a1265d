"""Rows by their places, for predictions: Spark says which rows, the workers read these from the files themselves.

To send a row of a hundred numbers from Spark to a worker takes longer than to decode it. From a plain scan of Parquet
files Spark therefore sends a row's **place** alone: its file and its number in there, which every scan can tell. What
Spark does with such a scan, such as leaving out rows and columns, it does as ever.
"""

from bisect import bisect_right
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql.functions import col

from treefold.engine.columns import Columns, read_rows
from treefold.engine.parquet import RowGroups, UseSpark, footer, read, schema_of
from treefold.engine.rows import Rows
from treefold.engine.sources import plain_scan, same_kinds
from treefold.errors import InputError

METADATA = "_metadata"
READ_BYTES = 8 << 20  # decoded at a time


def places(data: DataFrame, columns: Columns) -> list[Column]:
    """File and number of each row, if these tell workers enough; else nothing.

    They do where every row is one of a Parquet file that the driver can open by its path, and so the workers, as Spark
    has opened it there: a file system of the machine.
    """
    names = {name.lower() for name in data.columns}
    if METADATA in names or not plain_scan(data, columns):
        return []
    files = data.inputFiles()
    if not files or not all(uri.startswith("file:") for uri in files):
        return []
    try:
        schema = schema_of(files[0])
    except UseSpark:
        return []
    if not set(columns.names) <= set(schema.names) or not same_kinds(data, schema, columns):
        return []
    return [col(f"{METADATA}.file_path"), col(f"{METADATA}.row_index")]


class PlaceReader:
    """Rows by their places; fast where these follow one another in the files, as in a scan."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.uri, self.first, self.end = "", 0, 0  # of the batch at hand
        self.batch: pa.RecordBatch | None = None
        self.batches: Iterator[pa.RecordBatch] = iter(())
        self.groups: list[RowGroups] = []

    def __call__(self, files: pa.Array, numbers: pa.Array) -> Iterator[Rows]:
        """The rows, in pieces.

        Raises
        ------
        InputError
            If a file is gone, damaged or lacks a column or a row.
        """
        runs, begin, wanted = pc.run_end_encode(files), 0, numbers.to_numpy()
        for uri, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
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
        """Read on until the batch holds a row; from where its row group begins, if that is not the one read."""
        if uri != self.uri:
            self.groups = [group for group, _ in footer(uri, self.columns.names)]
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
