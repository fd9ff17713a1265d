"""What runs in a Spark task: a pass over the blocks of its parts."""

import gc
import pickle
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from pyspark import cloudpickle
from scipy.sparse import issparse

from treefold.block import Block
from treefold.blocks import Merge, graft
from treefold.engine import resident
from treefold.engine.csr import kept_rows
from treefold.engine.parquet import ParquetRun, UseSpark
from treefold.engine.resident import Part
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


class Partial(NamedTuple):
    """What one or more tasks hand in: pickled nodes of the tree of sums, accounts, faults in task order."""

    nodes: bytes
    accounts: list[Account]
    faults: list[Fault]


@dataclass(frozen=True)
class ReadTask:
    """Reads a Parquet run and lays its blocks to rest."""

    name: str

    def __call__(self, runs: Iterable[ParquetRun]) -> Iterator[Part | Fault]:
        for run in runs:
            try:
                yield resident.write(f"{self.name}-{run.first}", run.first, run.shape, run, run.blocks())
            except (InputError, UseSpark) as error:
                yield Fault(str(error), isinstance(error, UseSpark))


@dataclass(frozen=True)
class PassTask:
    """Applies the pickled :class:`~treefold.blocks.Fold` or ``Tally`` to the blocks of a task."""

    payload: bytes

    def __call__(self, parts: Iterable[Part | Fault]) -> Iterator[Partial]:
        start = time.perf_counter()
        _freeze_imports()
        (work,) = pickle.loads(self.payload)
        every = list(parts)
        faults = [part for part in every if isinstance(part, Fault)]
        whole = [part for part in every if isinstance(part, Part)]
        nodes = []
        try:
            nodes = work.nodes(numbered for part in whole for numbered in resident.read(part))
        except InputError as error:
            faults.append(Fault(str(error)))
        packed = cloudpickle.dumps(nodes)
        rows, features = sum(part.shape.rows for part in whole), max((p.shape.features for p in whole), default=0)
        yield Partial(packed, [Account(time.perf_counter() - start, rows, features, len(packed))], faults)


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

    source: Part
    payload: bytes

    def blocks(self) -> Iterator[Block]:
        """Make them (an :class:`~treefold.engine.resident.Origin`)."""
        fn, args = pickle.loads(self.payload)
        for _, block in resident.read(self.source):
            yield kept_rows(block, fn(block, *args))


@dataclass(frozen=True)
class MapTask:
    """Lays mapped blocks to rest beside the ones they come from."""

    name: str
    payload: bytes

    def __call__(self, parts: Iterable[Part | Fault]) -> Iterator[Part | Fault]:
        for part in parts:
            yield part if isinstance(part, Fault) else self._map(part)

    def _map(self, part: Part) -> Part:
        made = Mapped(part, self.payload)
        sample: Block = next(made.blocks())
        dtypes = tuple(array.dtype.str for array in (sample.X, sample.y, sample.weight, *sample.extra))
        values = () if issparse(sample.X) else None
        shape = part.shape._replace(features=sample.X.shape[1], dtypes=dtypes, values=values)
        origin = made if part.origin else None
        return resident.write(f"{self.name}-{part.first}", part.first, shape, origin, made.blocks())


@dataclass(frozen=True)
class DeleteTask:
    """Deletes the files of a set of blocks."""

    name: str

    def __call__(self, ignored: Iterable[Any]) -> Iterator[Any]:
        resident.delete(self.name)
        return iter(list(ignored)[:0])


@cache
def _freeze_imports() -> None:
    """Spare the garbage collector what was imported, once a worker: PySpark collects everything after each task."""
    gc.freeze()


def pack(*objects: Any) -> bytes:
    """Pickle for shipping: importable functions by reference, others by value."""
    packed: bytes = cloudpickle.dumps(objects)
    return packed
