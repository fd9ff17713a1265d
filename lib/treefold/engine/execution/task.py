"""Spark tasks: reading blocks, a pass over the blocks of a task, mapping, deleting."""

import gc
import pickle
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from pyspark import SparkContext, cloudpickle
from scipy.sparse import issparse

from treefold.dataset.block import Block
from treefold.dataset.csr import kept_rows
from treefold.dataset.reduction import BlockReduction, TaskReduction
from treefold.engine.execution.kept_partials import Limit, Task
from treefold.engine.execution.partials import Account, Partial, packed
from treefold.engine.reading.parquet import ParquetRun
from treefold.engine.reading.read_errors import UseSpark
from treefold.engine.storage.block_store import BlockFile, BlockStore, Fault, SparkStoredBlock, StoredBlocks, delete
from treefold.engine.storage.provenance import Provenance
from treefold.errors import InputError

PACKAGE = "treefold."
CLOSURE_BYTES = 256 << 10  # arguments beyond this are broadcast
TOO_LITTLE = "a Python worker ran out of memory: raise spark.executor.pyspark.memory, or use fewer cores per executor"


@dataclass(frozen=True)
class ReadTask:
    """Reads a Parquet run and stores its blocks."""

    name: str
    store: BlockStore

    def __call__(self, runs: Iterable[ParquetRun]) -> Iterator[StoredBlocks]:
        for run in runs:
            try:
                yield from self.store.write_blocks(f"{self.name}-{run.first}", run.first, run.shape, run, run.blocks)
            except (InputError, UseSpark) as error:
                yield Fault(str(error), isinstance(error, UseSpark))
            except MemoryError:
                yield Fault(TOO_LITTLE)


@dataclass(frozen=True)
class PassTask:
    """Applies a pickled ``BlockReduction`` or ``TaskReduction`` of ``dataset.reduction`` to the blocks of a task.

    With a ``limit``, nodes that are too large for the driver stay on the executor.
    """

    payload: bytes
    limit: Limit | None = None

    def __call__(self, parts: Iterable[StoredBlocks]) -> Iterator[Partial]:
        (work,) = pickle.loads(self.payload)
        partial, blocks = self._partial(work, parts)
        yield self.limit.returned(partial, work.most_nodes(blocks)) if self.limit else partial

    def _partial(self, work: BlockReduction | TaskReduction, parts: Iterable[StoredBlocks]) -> tuple[Partial, int]:
        """The partial, and its number of blocks."""
        start = time.perf_counter()
        nodes, reading = [], Reading(parts)
        try:
            nodes = work.nodes(reading)
        except InputError as error:
            reading.faults.append(Fault(str(error)))
        except MemoryError:
            reading.faults.append(Fault(TOO_LITTLE))
        sent = packed(nodes)
        freeze_imports(sum(name.startswith(PACKAGE) for name in sys.modules))
        size = sum(len(node.value) for node in sent)
        seconds = time.perf_counter() - start
        account = Account(seconds, reading.rows, reading.features, size, len(sent), *reading.provenance)
        return Partial(sent, [account], reading.faults), reading.blocks


class Reading:
    """The numbered blocks of a task, and a record of how they were read."""

    def __init__(self, parts: Iterable[StoredBlocks]) -> None:
        self.parts = parts
        self.blocks, self.rows, self.features = 0, 0, 0
        self.faults: list[Fault] = []
        self.provenance = Provenance([], [])

    def __iter__(self) -> Iterator[tuple[int, Block]]:
        for part in self.parts:
            if isinstance(part, Fault):
                self.faults.append(part)
                continue
            for number, block in part.numbered(self.provenance):
                yield number, block
                self.blocks, self.rows, self.features = self.blocks + 1, self.rows + len(block.y), block.X.shape[1]


class Mapped(NamedTuple):
    """Origin of mapped blocks: their parent blocks, and the function that is applied to each."""

    source: BlockFile | SparkStoredBlock
    payload: bytes

    def blocks(self) -> Iterator[Block]:
        """Compute them (an :class:`~treefold.engine.storage.block_store.Origin`)."""
        fn, args = pickle.loads(self.payload)
        for _, block in self.source.numbered(Provenance([], [])):
            yield kept_rows(block, fn(block, *args))


@dataclass(frozen=True)
class MapTask:
    """Stores mapped blocks next to the ones they come from."""

    name: str
    payload: bytes
    store: BlockStore

    def __call__(self, parts: Iterable[StoredBlocks]) -> Iterator[StoredBlocks]:
        for part in parts:
            if isinstance(part, Fault):
                yield part
            else:
                yield from self._map(part)

    def _map(self, part: BlockFile | SparkStoredBlock) -> Iterator[BlockFile | SparkStoredBlock]:
        built = Mapped(part, self.payload)
        sample: Block = next(built.blocks())
        dtypes = tuple(array.dtype.str for array in (sample.X, sample.y, sample.weight, *sample.extra))
        values = () if issparse(sample.X) else None
        shape = part.shape._replace(features=sample.X.shape[1], dtypes=dtypes, values=values)
        origin = built if isinstance(part, BlockFile) and part.origin else None
        yield from self.store.write_blocks(f"{self.name}-{part.first}", part.first, shape, origin, built.blocks)


@dataclass(frozen=True)
class DeleteTask:
    """Deletes the files of sets of blocks."""

    names: tuple[str, ...]

    def __call__(self, ignored: Iterable[Any]) -> Iterator[Any]:
        delete(self.names)
        return iter(list(ignored)[:0])


@cache
def freeze_imports(modules: int) -> None:
    """Exclude imported objects from garbage collection after another ``modules`` modules have been imported.

    PySpark runs a full collection after each task. While workers traverse hundreds of thousands of objects, the driver
    waits for their processors. A worker also runs the user's own functions, and the objects that they hold at this
    moment are excluded as well: if such objects form an unreachable cycle later, it stays until the worker ends. Later
    objects are collected normally. The function takes effect a few times in a worker's life, since the number of
    modules of this package is limited.
    """
    gc.collect()  # otherwise existing garbage cycles would stay
    gc.freeze()


def pack(*objects: Any) -> bytes:
    """Pickle for shipping: importable functions by reference, others by value."""
    packed: bytes = cloudpickle.dumps(objects)
    return packed


@contextmanager
def shipped(payload: bytes, context: SparkContext) -> Iterator[Callable[[Limit | None], Task]]:
    """A function that makes the task of a pass, given its limit; a large payload is broadcast to the executors once."""
    if len(payload) <= CLOSURE_BYTES:
        yield lambda limit: PassTask(payload, limit)
        return
    shared = context.broadcast(payload)
    try:
        yield lambda limit: lambda parts: PassTask(shared.value, limit)(parts)
    finally:
        shared.destroy()
