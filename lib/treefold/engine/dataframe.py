"""The second door: any DataFrame, its rows made by Spark.

First every partition lays its rows to rest as they come, ``X | y | weight`` side by side. Then the driver knows where
in the data set each row stands, and the rows are sent to the task whose blocks they belong to. The blocks are those of
the fast door: row k of the data set is row k of all partitions one after the other, whatever their sizes.
"""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from pyspark import RDD, TaskContext
from pyspark.sql import DataFrame

from treefold.block import rows_per_block
from treefold.engine import resident
from treefold.engine.columns import Columns, check_finite, feature_widths, read_rows
from treefold.engine.failures import unreadable_file
from treefold.engine.plan import block_runs
from treefold.engine.resident import KEEP, BlocksLost, Part, Shape, Writer
from treefold.engine.task import Fault
from treefold.errors import InputError

PIECE_BYTES = 256 << 10  # PySpark holds up to a thousand pieces in memory before it writes them


class Staged(NamedTuple):
    """Rows of one partition at rest in a file, or what is wrong with them."""

    partition: int
    rows: int
    features: int
    path: str
    fault: str


STAGED = "partition int, rows long, features int, path string, fault string"
ARROW = pa.schema(
    [
        ("partition", pa.int32()),
        ("rows", pa.int64()),
        ("features", pa.int32()),
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
        rows, features, fault = 0, 0, ""
        with open(handle, "wb") as file:
            for batch in batches:
                if fault or not batch.num_rows:
                    continue  # exhaust the input, so that Spark keeps the worker
                try:
                    table = self._table(batch, rows, partition)
                    if rows and table.shape[1] != features + 2:
                        raise InputError(_uneven(table.shape[1] - 2, features))
                    features, rows = table.shape[1] - 2, rows + len(table)
                    file.write(table.data)
                except InputError as error:
                    fault = str(error)
        staged = Staged(partition, rows, features, path, fault)
        yield pa.RecordBatch.from_pylist([staged._asdict()], ARROW)

    def _table(self, batch: pa.RecordBatch, before: int, partition: int) -> np.ndarray:
        def where(row: int) -> str:
            return f"in row {before + row:,} of partition {partition} of the DataFrame"

        named = pa.RecordBatch.from_arrays(batch.columns, names=self.columns.names)
        rows = read_rows(named, self.columns, where)
        table = np.empty((len(rows.y), rows.width + 2), self.columns.dtype)
        rows.fill(table[:, :-2], slice(None))
        check_finite(table[:, :-2], self.columns, feature_widths(rows), where)
        table[:, -2], table[:, -1] = rows.y, rows.weight
        return table


class Layout(NamedTuple):
    """Where rows stand and who gets them: file and first row of each partition, runs of blocks of each task."""

    paths: tuple[str, ...]
    starts: tuple[int, ...]
    rows: int
    block_rows: int
    features: int
    dtype: str
    runs: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, staged: list[Staged], columns: Columns, tasks: int) -> "Layout":
        """Layout of staged partitions.

        Raises
        ------
        InputError
            If a partition had bad rows, there are no rows, or partitions disagree on the number of features.
        """
        for part in staged:
            if part.fault:
                raise InputError(part.fault)
        filled = [part for part in staged if part.rows]
        if not filled:
            raise InputError("the data has no rows")
        features = filled[0].features
        for part in filled:
            if part.features != features:
                raise InputError(_uneven(part.features, features))
        starts = [0, *accumulate(part.rows for part in staged)]
        block_rows = rows_per_block(features, columns.dtype)
        runs = block_runs(starts[-1], block_rows, tasks)
        paths = tuple(part.path for part in staged)
        return cls(paths, tuple(starts), starts[-1], block_rows, features, columns.dtype, tuple(runs))

    def shape(self, task: int) -> Shape:
        """Shape of the file of a task."""
        first, last = self.runs[task]
        rows = min(last * self.block_rows, self.rows) - first * self.block_rows
        return Shape(rows, self.block_rows, self.features, (self.dtype,) * 3)


@dataclass(frozen=True)
class Send:
    """Cuts staged rows at the block borders and addresses each piece to its task."""

    layout: Layout

    def __call__(self, staged: Iterable[Staged]) -> Iterator[tuple[int, tuple[int, np.ndarray]]]:
        layout = self.layout
        tasks = np.repeat(np.arange(len(layout.runs)), [last - first for first, last in layout.runs])
        width = layout.features + 2
        most = max(1, PIECE_BYTES // (width * np.dtype(layout.dtype).itemsize))
        for part in staged:
            if part.path != layout.paths[part.partition] or not os.path.exists(part.path):
                raise BlocksLost(f"the rows of partition {part.partition} are no longer those that were laid out")
            position = layout.starts[part.partition]
            end, offset = position + part.rows, 0
            while position < end:
                block = position // layout.block_rows
                rows = min((block + 1) * layout.block_rows, end, position + most) - position
                piece = np.fromfile(part.path, layout.dtype, rows * width, offset=offset)
                yield int(tasks[block]), (position, piece.reshape(rows, width))
                position, offset = position + rows, offset + piece.nbytes


@dataclass(frozen=True)
class Receive:
    """Lays the pieces that arrive to rest, each in its place."""

    name: str
    layout: Layout

    def __call__(self, task: int, pieces: Iterable[tuple[int, tuple[int, np.ndarray]]]) -> Iterator[Part | Fault]:
        first, shape = self.layout.runs[task][0], self.layout.shape(task)
        writer = Writer(f"{self.name}-{first}", first, shape, None)
        missing = shape.rows
        try:
            for _, (position, table) in pieces:
                writer.put(position, table[:, :-2], table[:, -2], table[:, -1])
                missing -= len(table)
            if missing:
                raise BlocksLost(f"{missing} of {shape.rows} rows did not arrive")
        except BaseException:
            writer.drop()
            raise
        yield writer.done()


class DataFrameSource:
    """Lineage of the parts of a DataFrame.

    ``frame`` makes the DataFrame of the columns that take part, in their order under any names, vectors turned into
    arrays; it is asked for only if this door is used.
    """

    def __init__(self, frame: Callable[[], DataFrame], columns: Columns, name: str, tasks: int) -> None:
        self.frame, self.columns, self.name, self.tasks = frame, columns, name, tasks
        self.staged: RDD | None = None

    def parts(self) -> RDD:
        """Evaluate the DataFrame once, lay it out, and deal it out to the tasks."""
        self.close()
        stage = Stage(self.name, self.columns)
        self.staged = self.frame().mapInArrow(stage, STAGED).rdd.map(lambda row: Staged(*row)).persist(KEEP)
        layout = Layout.of(_evaluate(self.staged), self.columns, self.tasks)
        sent = self.staged.mapPartitions(Send(layout)).partitionBy(len(layout.runs), int)
        return sent.mapPartitionsWithIndex(Receive(self.name, layout))

    def close(self) -> None:
        """Forget the staged rows."""
        if self.staged is not None:
            self.staged.unpersist()
            self.staged = None


def _evaluate(staged: RDD) -> list[Staged]:
    """Staged partitions in their order; a file that Spark cannot read is told in one line."""
    try:
        return sorted(staged.collect())
    except Exception as error:
        raise unreadable_file(error) or error from None


def _uneven(width: int, before: int) -> str:
    return f"some rows have {width} features and others {before}: all rows must have the same width"
