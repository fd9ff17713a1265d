"""What runs in a Spark task: a pass over the blocks of its parts."""

import gc
import pickle
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from pyspark import cloudpickle
from scipy.sparse import issparse

from treefold.block import Block
from treefold.blocks import Loss, Merge, graft
from treefold.engine.csr import kept_rows
from treefold.engine.diary import Diary, Made
from treefold.engine.parquet import ParquetRun, UseSpark
from treefold.engine.resident import Kept, Part, Rest, delete
from treefold.errors import InputError


class Fault(NamedTuple):
    """Why blocks could not be made: a finding, not a crash, so Spark does not try again.

    ``elsewhere`` is true if Spark itself may be able to read what pyarrow could not.
    """

    message: str
    elsewhere: bool = False


class Account(NamedTuple):
    """What one task did."""

    seconds: float
    rows: int
    features: int
    bytes: int
    made: list[Made]
    losses: list[Loss]


class Partial(NamedTuple):
    """What one or more tasks hand in: pickled nodes of the tree of sums, accounts, faults in task order."""

    nodes: bytes
    accounts: list[Account]
    faults: list[Fault]


TOO_LITTLE = "a Python worker ran out of memory: raise spark.executor.pyspark.memory, or use fewer cores per executor"

Resting = Part | Kept | Fault


@dataclass(frozen=True)
class ReadTask:
    """Reads a Parquet run and lays its blocks to rest."""

    name: str
    rest: Rest

    def __call__(self, runs: Iterable[ParquetRun]) -> Iterator[Resting]:
        for run in runs:
            try:
                yield from self.rest.lay(f"{self.name}-{run.first}", run.first, run.shape, run, run.blocks)
            except (InputError, UseSpark) as error:
                yield Fault(str(error), isinstance(error, UseSpark))
            except MemoryError:
                yield Fault(TOO_LITTLE)


@dataclass(frozen=True)
class PassTask:
    """Applies the pickled :class:`~treefold.blocks.Fold` or ``Tally`` to the blocks of a task."""

    payload: bytes

    def __call__(self, parts: Iterable[Resting]) -> Iterator[Partial]:
        start = time.perf_counter()
        (work,) = pickle.loads(self.payload)
        nodes, reading = [], Reading(parts)
        try:
            nodes = work.nodes(reading)
        except InputError as error:
            reading.faults.append(Fault(str(error)))
        except MemoryError:
            reading.faults.append(Fault(TOO_LITTLE))
        packed = cloudpickle.dumps(nodes)
        _freeze_imports(len(sys.modules))
        account = Account(time.perf_counter() - start, reading.rows, reading.features, len(packed), *reading.diary)
        yield Partial(packed, [account], reading.faults)


class Reading:
    """The numbered blocks of a task's parts, and what came up while they were read."""

    def __init__(self, parts: Iterable[Resting]) -> None:
        self.parts = parts
        self.rows, self.features = 0, 0
        self.faults: list[Fault] = []
        self.diary = Diary([], [])

    def __iter__(self) -> Iterator[tuple[int, Block]]:
        for part in self.parts:
            if isinstance(part, Fault):
                self.faults.append(part)
                continue
            for number, block in part.numbered(self.diary):
                yield number, block
                self.rows, self.features = self.rows + len(block.y), block.X.shape[1]


@dataclass(frozen=True)
class Combine:
    """Combines what tasks handed in; the order of arrival does not matter."""

    merge: Merge

    def __call__(self, left: Partial, right: Partial) -> Partial:
        nodes = graft([*pickle.loads(left.nodes), *pickle.loads(right.nodes)], self.merge)
        return Partial(cloudpickle.dumps(nodes), left.accounts + right.accounts, left.faults + right.faults)


NOTHING = Partial(pickle.dumps([]), [], [])


class Mapped(NamedTuple):
    """Origin of mapped blocks: the part they come from, and what was done to each."""

    source: Part | Kept
    payload: bytes

    def blocks(self) -> Iterator[Block]:
        """Make them (an :class:`~treefold.engine.resident.Origin`)."""
        fn, args = pickle.loads(self.payload)
        for _, block in self.source.numbered(Diary([], [])):
            yield kept_rows(block, fn(block, *args))


@dataclass(frozen=True)
class MapTask:
    """Lays mapped blocks to rest beside the ones they come from."""

    name: str
    payload: bytes
    rest: Rest

    def __call__(self, parts: Iterable[Resting]) -> Iterator[Resting]:
        for part in parts:
            if isinstance(part, Fault):
                yield part
            else:
                yield from self._map(part)

    def _map(self, part: Part | Kept) -> Iterator[Part | Kept]:
        made = Mapped(part, self.payload)
        sample: Block = next(made.blocks())
        dtypes = tuple(array.dtype.str for array in (sample.X, sample.y, sample.weight, *sample.extra))
        values = () if issparse(sample.X) else None
        shape = part.shape._replace(features=sample.X.shape[1], dtypes=dtypes, values=values)
        origin = made if isinstance(part, Part) and part.origin else None
        yield from self.rest.lay(f"{self.name}-{part.first}", part.first, shape, origin, made.blocks)


@dataclass(frozen=True)
class DeleteTask:
    """Deletes the files of sets of blocks."""

    names: tuple[str, ...]

    def __call__(self, ignored: Iterable[Any]) -> Iterator[Any]:
        delete(self.names)
        return iter(list(ignored)[:0])


@cache
def _freeze_imports(modules: int) -> None:
    """Spare the collector what was imported, whenever ``modules`` has grown: PySpark collects all after each task.

    While workers look through hundreds of thousands of objects, the driver waits for their processors.
    """
    gc.collect()  # or cycles that are garbage by now would stay
    gc.freeze()


def pack(*objects: Any) -> bytes:
    """Pickle for shipping: importable functions by reference, others by value."""
    packed: bytes = cloudpickle.dumps(objects)
    return packed
