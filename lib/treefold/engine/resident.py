"""Blocks at rest: memory-mapped files in the executor's own local directories, which Spark deletes with it.

A file holds the consecutive blocks of one task, each as a record ``X | y | weight`` padded to a page. A worker keeps
up to 256 MiB of files mapped between passes, which spares it their page faults. The blocks of a larger file are each
mapped when reached and unmapped when let go, so the memory of a worker does not grow with the data.
"""

import mmap
import os
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from pyspark import StorageLevel

from treefold.block import Block

KEEP = StorageLevel.MEMORY_AND_DISK  # of handles: one evicted from memory would cost reading the data again
FOLDER = "treefold"
KEPT_BYTES = 256 << 20
PAGE = mmap.ALLOCATIONGRANULARITY


class BlocksLost(RuntimeError):
    """Blocks that were at rest are gone, and this task cannot make them again."""


class Origin(Protocol):
    """How to make blocks again, wherever they are needed."""

    def blocks(self) -> Iterator[Block]:
        """Make them."""
        ...


class Shape(NamedTuple):
    """Layout of a file: rows in all and per block, features, dtypes of ``X``, ``y`` and ``weight``."""

    rows: int
    block_rows: int
    features: int
    dtypes: tuple[str, str, str]

    def sizes(self, rows: int) -> tuple[int, int, int]:
        """Bytes of the three arrays of a block of ``rows`` rows."""
        x, y, w = (np.dtype(t).itemsize for t in self.dtypes)
        return rows * self.features * x, rows * y, rows * w

    @property
    def stride(self) -> int:
        """Bytes from one record to the next."""
        return -(-sum(self.sizes(self.block_rows)) // PAGE) * PAGE

    @property
    def counts(self) -> list[int]:
        """Rows of each block."""
        return [min(self.block_rows, self.rows - i) for i in range(0, self.rows, self.block_rows)]

    @property
    def bytes(self) -> int:
        """Bytes of the file."""
        counts = self.counts
        return self.stride * (len(counts) - 1) + sum(self.sizes(counts[-1]))


class Part(NamedTuple):
    """Handle of the blocks of one task: what Spark keeps between passes.

    ``first`` is the number of the first block; ``path`` where the file was written. Without an ``origin``, blocks that
    are gone can only be made again by the driver.
    """

    path: str
    first: int
    shape: Shape
    origin: Origin | None


class Writer:
    """Writes the file of a part aside and renames it when whole, so that no half-written file is ever read."""

    def __init__(self, name: str, first: int, shape: Shape, origin: Origin | None) -> None:
        folder = local_folder(name)
        self.part = Part(str(folder / name), first, shape, origin)
        self.file, self.aside = tempfile.mkstemp(dir=folder, prefix=f"{name}.")  # readable by its owner only

    def put(self, position: int, X: np.ndarray, y: np.ndarray, weight: np.ndarray) -> None:
        """Write rows of one block, the first of them at ``position`` in the data set."""
        shape = self.part.shape
        block, row = divmod(position - self.part.first * shape.block_rows, shape.block_rows)
        offset = block * shape.stride
        whole, before = shape.sizes(shape.counts[block]), shape.sizes(row)
        for array, size, skip, dtype in zip((X, y, weight), whole, before, shape.dtypes, strict=True):
            _write_all(self.file, np.ascontiguousarray(array, dtype), offset + skip)
            offset += size

    def done(self) -> Part:
        """The part, now in place."""
        os.close(self.file)
        os.replace(self.aside, self.part.path)
        return self.part

    def drop(self) -> None:
        """Leave nothing behind."""
        os.close(self.file)
        os.unlink(self.aside)


def write(name: str, first: int, shape: Shape, origin: Origin | None, blocks: Iterator[Block]) -> Part:
    """Lay blocks to rest, unless they are there."""
    there = str(local_folder(name) / name)
    if intact(there, shape):
        return Part(there, first, shape, origin)
    writer = Writer(name, first, shape, origin)
    try:
        for block in blocks:
            writer.put(block.id, block.X, block.y, block.weight)
    except BaseException:
        writer.drop()
        raise
    return writer.done()


def read(part: Part) -> Iterator[tuple[int, Block]]:
    """Numbered blocks of a part, made again if their file is gone.

    Raises
    ------
    BlocksLost
        If the file is gone and the part has no origin.
    """
    shape = part.shape
    with open(_present(part), "rb") as file:
        kept = _kept_view(file.fileno(), shape.bytes)
        for i, rows in enumerate(shape.counts):
            sizes, start = shape.sizes(rows), i * shape.stride
            view, skip = (kept, start) if kept else (_view(file.fileno(), sum(sizes), start), 0)
            x, y, w = (
                np.frombuffer(view, dtype, size // np.dtype(dtype).itemsize, skip + sum(sizes[:j]))
                for j, (dtype, size) in enumerate(zip(shape.dtypes, sizes, strict=True))
            )
            number = part.first + i
            yield number, Block(x.reshape(rows, shape.features), y, w, number * shape.block_rows)


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
    """Whether a file of the right length is there."""
    return os.path.exists(path) and os.path.getsize(path) == shape.bytes


def delete(name: str) -> None:
    """Delete all files here whose name begins with ``name``; let go of what this worker keeps mapped."""
    _kept.clear()
    for root in os.environ["SPARK_LOCAL_DIRS"].split(","):
        for file in Path(root, FOLDER).glob(f"{name}*"):
            file.unlink(missing_ok=True)


def _present(part: Part) -> str:
    """Path of an intact file of the part: where it was written, here, or here after making it again."""
    name = Path(part.path).name
    for path in (part.path, str(local_folder(name) / name)):
        if intact(path, part.shape):
            return path
    if part.origin is None:
        raise BlocksLost(f"{part.path} is gone")
    return write(name, part.first, part.shape, part.origin, part.origin.blocks()).path


def _write_all(file: int, array: np.ndarray, offset: int) -> None:
    view = memoryview(array.tobytes() if not array.size else array.data).cast("B")
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written
