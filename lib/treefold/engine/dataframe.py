"""The second door: any DataFrame, its rows made by Spark.

First every partition lays its rows to rest as they come, in pieces. Then the driver knows where in the data set each
row stands and whether it rests as CSR, and the pieces are sent to the task whose blocks they belong to. The blocks are
those of the fast door: row k of the data set is row k of all partitions one after the other, whatever their sizes.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import NamedTuple

import numpy as np
from pyspark import RDD
from pyspark.sql import DataFrame

from treefold.block import rows_per_block
from treefold.engine import folders
from treefold.engine.columns import Columns
from treefold.engine.csr import LOOK_ROWS, is_sparse
from treefold.engine.failures import unreadable_file
from treefold.engine.plan import block_runs
from treefold.engine.record import Shape
from treefold.engine.resident import KEEP, BlocksLost, NoRoom, Rest
from treefold.engine.rows import Rows, assemble
from treefold.engine.spool import Heap, Spool
from treefold.engine.stage import STAGED, Piece, Stage, Staged, staged_of, uneven
from treefold.engine.task import Fault, Resting
from treefold.errors import InputError

Addressed = tuple[int, tuple[int, Rows]]  # task, position of the first row in the data set, rows


class Layout(NamedTuple):
    """Where rows stand, how they rest, who gets them: file and first row of each partition, runs of blocks of tasks."""

    paths: tuple[str, ...]
    starts: tuple[int, ...]
    rows: int
    block_rows: int
    features: int
    dtypes: tuple[str, ...]
    sparse: bool
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
                raise InputError(uneven(part.features, features))
        starts = [0, *accumulate(part.rows for part in staged)]
        stored = list(chain.from_iterable(part.stored for part in staged))[:LOOK_ROWS]
        sparse = columns.sparse and is_sparse(stored, features)
        block_rows = rows_per_block(features, columns.dtype, sparse, columns.partial_rows)
        runs = block_runs(starts[-1], block_rows, tasks)
        paths = tuple(part.path for part in staged)
        return cls(paths, tuple(starts), starts[-1], block_rows, features, columns.dtypes, sparse, tuple(runs))

    def shape(self, task: int) -> Shape:
        """Shape of the file of a task."""
        first, last = self.runs[task]
        rows = min(last * self.block_rows, self.rows) - first * self.block_rows
        return Shape(rows, self.block_rows, self.features, self.dtypes, () if self.sparse else None)


@dataclass(frozen=True)
class Send:
    """Cuts staged rows at the block borders and addresses each piece to its task."""

    layout: Layout

    def __call__(self, staged: Iterable[Staged | Piece]) -> Iterator[Addressed]:
        layout, partition, position = self.layout, -1, 0
        tasks = np.repeat(np.arange(len(layout.runs)), [last - first for first, last in layout.runs])
        for part in staged:
            if part.path != layout.paths[part.partition] or not part.there:
                raise BlocksLost(f"the rows of partition {part.partition} are no longer those that were laid out")
            if part.partition != partition:
                partition, position = part.partition, layout.starts[part.partition]
            for rows in part.pieces():
                start = 0
                while start < len(rows.y):
                    block, before = divmod(position, layout.block_rows)
                    stop = min(start + layout.block_rows - before, len(rows.y))
                    yield int(tasks[block]), (position, rows.cut(slice(start, stop)))
                    position, start = position + stop - start, stop


@dataclass(frozen=True)
class Receive:
    """Lays the pieces that arrive to rest as blocks, in the order of their positions."""

    name: str
    layout: Layout
    rest: Rest

    def __call__(self, task: int, pieces: Iterable[Addressed]) -> Iterator[Resting]:
        first, shape = self.layout.runs[task][0], self.layout.shape(task)
        name = f"{self.name}-{first}"
        try:
            with closing(Spool(folders.candidates(name)[0]) if self.rest.in_files else Heap()) as spool:
                missing = shape.rows
                for _, (position, rows) in pieces:
                    spool.put(position, rows)
                    missing -= len(rows.y)
                if missing:
                    raise BlocksLost(f"{missing} of {shape.rows} rows did not arrive")
                yield from self.rest.lay(name, first, shape, None, lambda: assemble(spool.in_order(), first, shape))
        except NoRoom as error:
            yield Fault(str(error))


class DataFrameSource:
    """Lineage of the parts of a DataFrame.

    ``frame`` makes the DataFrame of the columns that take part, in their order under any names, vectors as the
    structs that hold them; it is asked for only if this door is used.
    """

    def __init__(self, frame: Callable[[], DataFrame], columns: Columns, name: str, tasks: int, rest: Rest) -> None:
        self.frame, self.columns, self.name, self.tasks, self.rest = frame, columns, name, tasks, rest
        self.staged: RDD | None = None

    def parts(self) -> RDD:
        """Evaluate the DataFrame once, lay it out, and deal it out to the tasks."""
        self.close()
        stage = Stage(self.name, self.columns, self.rest)
        self.staged = self.frame().mapInArrow(stage, STAGED).rdd.map(staged_of).persist(KEEP)
        layout = Layout.of(_evaluate(self.staged), self.columns, self.tasks)
        sent = self.staged.mapPartitions(Send(layout)).partitionBy(len(layout.runs), int)
        return sent.mapPartitionsWithIndex(Receive(self.name, layout, self.rest))

    def close(self) -> None:
        """Forget the staged rows."""
        if self.staged is not None:
            self.staged.unpersist()
            self.staged = None


def _evaluate(staged: RDD) -> list[Staged]:
    """Staged partitions in their order; a file that Spark cannot read is told in one line."""
    try:
        return sorted(staged.filter(_is_summary).collect())
    except Exception as error:
        raise unreadable_file(error) or error from None


def _is_summary(part: Staged | Piece) -> bool:
    return isinstance(part, Staged)
