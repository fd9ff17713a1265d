"""The DataFrame reader: blocks of any DataFrame, whose rows Spark evaluates.

First every partition stages its rows as they come, in chunks. Then the driver knows the position of each row in the
data set and whether blocks are CSR, and the chunks are sent to the tasks whose blocks they belong to. The blocks are
those of the Parquet reader: row k of the data set is row k of all partitions one after the other, whatever their sizes.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import NamedTuple

import numpy as np
from pyspark import RDD
from pyspark.sql import DataFrame

from treefold.dataset.block import rows_per_block
from treefold.dataset.csr import LOOK_ROWS, is_sparse, mean_stored
from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.engine.reading.assemble import Rows, assemble
from treefold.engine.reading.partitioning import TaskCount, block_runs, bytes_of_blocks
from treefold.engine.reading.spark_errors import unreadable_file
from treefold.engine.reading.spill import DiskBuffer, MemoryBuffer
from treefold.engine.reading.staging import STAGED, Chunk, Stage, Staged, staged_of, uneven
from treefold.engine.storage import local_dirs
from treefold.engine.storage.block_store import KEEP, BlocksLost, BlockStore, Fault, StoredBlocks
from treefold.engine.storage.block_writing import DiskFull
from treefold.engine.storage.file_format import Shape
from treefold.errors import InputError

Addressed = tuple[int, tuple[int, Rows]]  # task, position of the first row in the data set, rows


class Layout(NamedTuple):
    """File and first row of each staged partition, the form of the blocks, and the run of blocks of each task."""

    paths: tuple[str, ...]
    starts: tuple[int, ...]
    rows: int
    block_rows: int
    features: int
    dtypes: tuple[str, ...]
    sparse: bool
    runs: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, staged: list[Staged], columns: Columns, tasks: TaskCount) -> "Layout":
        """Layout of staged partitions.

        Parameters
        ----------
        staged : list of Staged
            Staged partitions, in their order.
        columns : Columns
            Columns of features, label, weight and extras, and the type of the arrays.
        tasks : TaskCount
            How many tasks to make, by the size of the data.

        Returns
        -------
        Layout

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
                raise InputError(uneven(part.features, features))
        starts = [0, *accumulate(part.rows for part in staged)]
        stored = list(chain.from_iterable(part.stored for part in staged))[:LOOK_ROWS]
        sparse = columns.sparse and is_sparse(stored, features)
        entries = mean_stored(stored) if sparse else None
        block_rows = rows_per_block(features, columns.dtype, entries, columns.partial_rows)
        size = bytes_of_blocks(starts[-1], features, columns.dtype, entries)
        runs = block_runs(starts[-1], block_rows, tasks.of(size), lanes=columns.lanes)
        paths = tuple(part.path for part in staged)
        return cls(paths, tuple(starts), starts[-1], block_rows, features, columns.dtypes, sparse, tuple(runs))

    def shape(self, task: int) -> Shape:
        """Shape of the file of a task."""
        first, last = self.runs[task]
        rows = min(last * self.block_rows, self.rows) - first * self.block_rows
        return Shape(rows, self.block_rows, self.features, self.dtypes, () if self.sparse else None)


@dataclass(frozen=True)
class Send:
    """Cuts staged rows at the block borders and addresses each chunk to its task."""

    layout: Layout

    def __call__(self, staged: Iterable[Staged | Chunk]) -> Iterator[Addressed]:
        layout, partition, position = self.layout, -1, 0
        tasks = np.repeat(np.arange(len(layout.runs)), [last - first for first, last in layout.runs])
        for part in staged:
            if part.path != layout.paths[part.partition] or not part.there:
                raise BlocksLost(f"the rows of partition {part.partition} are no longer those that were laid out")
            if part.partition != partition:
                partition, position = part.partition, layout.starts[part.partition]
            for rows in part.chunks():
                start = 0
                while start < len(rows.y):
                    block, before = divmod(position, layout.block_rows)
                    stop = min(start + layout.block_rows - before, len(rows.y))
                    yield int(tasks[block]), (position, rows.cut(slice(start, stop)))
                    position, start = position + stop - start, stop


@dataclass(frozen=True)
class Receive:
    """Stores the chunks that arrive as blocks, in the order of their positions."""

    name: str
    layout: Layout
    store: BlockStore

    def __call__(self, task: int, chunks: Iterable[Addressed]) -> Iterator[StoredBlocks]:
        first, shape = self.layout.runs[task][0], self.layout.shape(task)
        name = f"{self.name}-{first}"
        try:
            with closing(
                DiskBuffer(local_dirs.candidates(name)[0]) if self.store.on_disk else MemoryBuffer()
            ) as buffer:
                missing = shape.rows
                for _, (position, rows) in chunks:
                    buffer.put(position, rows)
                    missing -= len(rows.y)
                if missing:
                    raise BlocksLost(f"{missing} of {shape.rows} rows did not arrive")
                yield from self.store.write_blocks(
                    name, first, shape, None, lambda: assemble(buffer.in_order(), first, shape)
                )
        except DiskFull as error:
            yield Fault(str(error))


class DataFrameSource:
    """Lineage of the parts of a DataFrame.

    Parameters
    ----------
    frame : callable
        Makes the DataFrame of the columns that take part, in their order under any names, vectors as the structs that
        hold them. It is called only if this reader is used.
    columns : Columns
        Columns of features, label, weight and extras, and the type of the arrays.
    name : str
        Name of the block files.
    tasks : TaskCount
        How many tasks to make, by the size of the data.
    store : BlockStore
        Where the blocks are kept.
    """

    def __init__(
        self, frame: Callable[[], DataFrame], columns: Columns, name: str, tasks: TaskCount, store: BlockStore
    ) -> None:
        self.frame, self.columns, self.name, self.tasks, self.store = frame, columns, name, tasks, store
        self.staged: RDD | None = None

    def parts(self) -> RDD:
        """Evaluate the DataFrame once and send its rows to the tasks of their blocks."""
        self.close()
        stage = Stage(self.name, self.columns, self.store)
        self.staged = self.frame().mapInArrow(stage, STAGED).rdd.map(staged_of).persist(KEEP)
        layout = Layout.of(_evaluate(self.staged), self.columns, self.tasks)
        sent = self.staged.mapPartitions(Send(layout)).partitionBy(len(layout.runs), int)
        return sent.mapPartitionsWithIndex(Receive(self.name, layout, self.store))

    def close(self) -> None:
        """Forget the staged rows."""
        if self.staged is not None:
            self.staged.unpersist()
            self.staged = None


def _evaluate(staged: RDD) -> list[Staged]:
    """Staged partitions in their order; a file that Spark cannot read is an error of one line."""
    try:
        return sorted(staged.filter(_is_summary).collect())
    except Exception as error:
        raise unreadable_file(error) or error from None


def _is_summary(part: Staged | Chunk) -> bool:
    return isinstance(part, Staged)
