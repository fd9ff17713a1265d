"""Blocks at rest: memory-mapped files in the executor's own local directories, which Spark deletes with it.

A file holds the consecutive blocks of a task, each as a record ``X | y | weight | extra`` padded to a page; the record
of a block of CSR is ``data | indices | indptr | y | weight | extra``. A worker keeps up to 256 MiB of files mapped
between passes, which spares it their page faults. The blocks of a larger file are each mapped when reached and unmapped
when let go, so the memory of a worker does not grow with the data.
"""

import mmap
import os
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

import numpy as np
from pyspark import StorageLevel
from scipy.sparse import csr_array

from treefold.block import Block
from treefold.engine.csr import make_csr

KEEP = StorageLevel.MEMORY_AND_DISK  # of handles: one evicted from memory would cost reading the data again
FOLDER = "treefold"
KEPT_BYTES = 256 << 20
PAGE = mmap.ALLOCATIONGRANULARITY
ALIGNED = 8  # bytes, so that no array of a record is slow to read
INDEX = np.dtype(np.int32)


class BlocksLost(RuntimeError):
    """Blocks that were at rest are gone, and this task cannot make them again."""


class Origin(Protocol):
    """How to make blocks again, wherever they are needed."""

    def blocks(self) -> Iterator[Block]:
        """Make them."""
        ...


class Place(NamedTuple):
    """Where an array stands in a file."""

    dtype: np.dtype
    length: int
    start: int

    @property
    def end(self) -> int:
        """The byte after it."""
        return self.start + self.length * self.dtype.itemsize


class Shape(NamedTuple):
    """Layout of a file.

    Attributes
    ----------
    rows, block_rows : int
        Rows in all and per block.
    features : int
    dtypes : of ``X``, ``y``, ``weight`` and the extra columns
    values : tuple of int or None
        Stored entries of each block of CSR, empty until the file is written; None for dense blocks.
    """

    rows: int
    block_rows: int
    features: int
    dtypes: tuple[str, ...]
    values: tuple[int, ...] | None = None

    @property
    def sparse(self) -> bool:
        """Whether the blocks are CSR."""
        return self.values is not None

    @property
    def counts(self) -> list[int]:
        """Rows of each block."""
        return [min(self.block_rows, self.rows - i) for i in range(0, self.rows, self.block_rows)]

    @property
    def types(self) -> list[np.dtype]:
        """Types of the arrays of a record."""
        x, *columns = map(np.dtype, self.dtypes)
        return [x, INDEX, INDEX, *columns] if self.sparse else [x, *columns]

    def records(self) -> list[list[Place]]:
        """Places of the arrays of each block."""
        types, end, records = self.types, 0, []
        for i, rows in enumerate(self.counts):
            features = [rows * self.features] if self.values is None else [self.values[i], self.values[i], rows + 1]
            end, record = _up(end, PAGE), []
            lengths = [*features, *[rows] * (len(self.dtypes) - 1)]
            for dtype, length in zip(types, lengths, strict=True):
                record.append(Place(dtype, length, _up(end, ALIGNED)))
                end = record[-1].end
            records.append(record)
        return records

    @property
    def bytes(self) -> int:
        """Bytes of the file."""
        return self.records()[-1][-1].end


class Part(NamedTuple):
    """Handle of the blocks of one task: what Spark keeps between passes.

    ``first`` is the number of the first block; ``path`` where the file was written. Without an ``origin``, blocks that
    are gone can only be made again by the driver.
    """

    path: str
    first: int
    shape: Shape
    origin: Origin | None


def write(name: str, first: int, shape: Shape, origin: Origin | None, blocks: Iterator[Block]) -> Part:
    """Lay blocks to rest in their order, unless they are there and would be the same if made again.

    The file is written aside and renamed when whole, so that no half-written file is ever read.
    """
    folder = local_folder(name)
    there = str(folder / name)
    if origin and intact(there, shape):
        return Part(there, first, shape, origin)
    handle, aside = tempfile.mkstemp(dir=folder, prefix=f"{name}.")  # readable by its owner only
    try:
        with open(handle, "wb") as file:
            values = tuple(_put(file, block, shape) for block in blocks)
        os.replace(aside, there)
    except BaseException:
        os.unlink(aside)
        raise
    return Part(there, first, shape._replace(values=values if shape.sparse else None), origin)


def read(part: Part) -> Iterator[tuple[int, Block]]:
    """Numbered blocks of a part, made again if their file is gone.

    Raises
    ------
    BlocksLost
        If the file is gone and the part has no origin.
    """
    part = _present(part)
    shape, records = part.shape, part.shape.records()
    with open(part.path, "rb") as file:
        kept = _kept_view(file.fileno(), records[-1][-1].end)
        for number, record in enumerate(records, part.first):
            start, end = record[0].start, record[-1].end
            view, skip = (kept, 0) if kept else (_view(file.fileno(), end - start, start), start)
            arrays = [np.frombuffer(view, p.dtype, p.length, p.start - skip) for p in record]
            yield number, _block(arrays, shape, number * shape.block_rows)


def _put(file: BinaryIO, block: Block, shape: Shape) -> int:
    """Write the record of a block; returns the number of entries stored."""
    X = block.X
    if isinstance(X, csr_array) != shape.sparse or X.shape[1] != shape.features:
        raise ValueError(f"block {block.id} differs from the first in its features: all must have as many, of one kind")
    features = [X.data, X.indices, X.indptr] if isinstance(X, csr_array) else [X]
    columns = [block.y, block.weight, *block.extra]
    file.seek(_up(file.tell(), PAGE))
    for array, dtype in zip([*features, *columns], shape.types, strict=True):
        file.seek(_up(file.tell(), ALIGNED))
        file.write(np.ascontiguousarray(array, dtype).data)
    return len(features[0])


def _block(arrays: list[np.ndarray], shape: Shape, position: int) -> Block:
    features = len(arrays) - len(shape.dtypes) + 1
    (x, *index), (y, weight, *extra) = arrays[:features], arrays[features:]
    X = make_csr(x, index[0], index[1], (len(y), shape.features)) if index else x.reshape(len(y), shape.features)
    return Block(X, y, weight, position, tuple(extra))


_kept: dict[tuple[int, int], mmap.mmap] = {}  # whole files by device and inode, the last used last


def _view(file: int, size: int, offset: int = 0) -> mmap.mmap:
    return mmap.mmap(file, size, offset=offset, access=mmap.ACCESS_READ)


def _kept_view(file: int, size: int) -> mmap.mmap | None:
    """View of a whole file that stays mapped, at the expense of those not used for longest; None if it is too large.

    Nothing but speed depends on what is kept: the key changes with the file.
    """
    if size > KEPT_BYTES:
        return None
    key = os.fstat(file).st_dev, os.fstat(file).st_ino
    view = _kept.pop(key, None) or _view(file, size)
    while _kept and size + sum(map(len, _kept.values())) > KEPT_BYTES:
        del _kept[next(iter(_kept))]
    _kept[key] = view
    return view


def local_folder(name: str) -> Path:
    """Folder for a file among the executor's local directories, made if need be, for its owner only."""
    roots = os.environ["SPARK_LOCAL_DIRS"].split(",")
    folder = Path(roots[zlib.crc32(name.encode()) % len(roots)], FOLDER)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def intact(path: str, shape: Shape) -> bool:
    """Whether a file of the right length is there, if that length is known."""
    return shape.values != () and os.path.exists(path) and os.path.getsize(path) == shape.bytes


def delete(name: str) -> None:
    """Delete all files here whose name begins with ``name``; let go of what this worker keeps mapped."""
    _kept.clear()
    for root in os.environ["SPARK_LOCAL_DIRS"].split(","):
        for file in Path(root, FOLDER).glob(f"{name}*"):
            file.unlink(missing_ok=True)


def _present(part: Part) -> Part:
    """The part with an intact file: where it was written, here, or here after making it again."""
    name = Path(part.path).name
    for path in (part.path, str(local_folder(name) / name)):
        if intact(path, part.shape):
            return part._replace(path=path)
    if part.origin is None:
        raise BlocksLost(f"{part.path} is gone")
    return write(name, part.first, part.shape, part.origin, part.origin.blocks())


def _up(offset: int, unit: int) -> int:
    """The next multiple of ``unit``."""
    return -(-offset // unit) * unit
