"""Where the blocks of a task are between passes, and how lost ones are recomputed.

Blocks are stored in files on the executor's local disks, mapped into memory. If the disks are full and the blocks can
be recomputed, they are recomputed in every pass. If ``spark.io.encryption.enabled`` is on, Spark keeps the blocks
itself, because it encrypts what it writes.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from pyspark import StorageLevel
from scipy.sparse import csr_array

from treefold.dataset.block import Block
from treefold.engine.storage import local_dirs, mmap_cache
from treefold.engine.storage.block_writing import disk_full, write_file
from treefold.engine.storage.file_format import Shape, checksum
from treefold.engine.storage.provenance import BuildRecord, Provenance, this_pass

KEEP = StorageLevel.MEMORY_AND_DISK  # of handles: one evicted from memory would cost reading the data again


class BlocksLost(RuntimeError):
    """Stored blocks are gone, and this task cannot recompute them.

    The driver sees only the text of a task's exception, so the text has a mark.
    """

    MARK = "treefold:5d0f6c1e:blocks-lost"

    def __init__(self, message: str) -> None:
        super().__init__(f"{message} [{self.MARK}]")


class Fault(NamedTuple):
    """Why blocks could not be built. A task returns it instead of raising, so that Spark does not try again.

    ``elsewhere`` is true if Spark itself may be able to read what pyarrow could not.
    """

    message: str
    elsewhere: bool = False


class Origin(Protocol):
    """How to build blocks, on any executor."""

    def blocks(self) -> Iterator[Block]:
        """Build them."""
        ...


class BlockFile(NamedTuple):
    """Handle of the blocks of one task in a file, which Spark caches between passes.

    ``path`` is where the file was written; it is empty if the disks were full. Blocks without an ``origin`` can only be
    recomputed from the driver, all together.
    """

    path: str
    name: str
    shape: Shape
    origin: Origin | None
    built: BuildRecord

    @property
    def first(self) -> int:
        """Number of the first block."""
        return self.built.first

    def numbered(self, provenance: Provenance) -> Iterator[tuple[int, Block]]:
        """Numbered blocks, recomputed if their file is gone or damaged.

        Raises
        ------
        BlocksLost
            If they are to be recomputed and there is no origin.
        """
        part, path, why = self, _found(self), "not found"
        done, end = 0, len(self.shape.counts)
        while done < end:
            if path is None:
                part = _recomputed(part, why, provenance)
                if not part.path:
                    yield from _for_this_pass(part, done, provenance)
                    break
                path = part.path
            try:
                for number, block in mmap_cache.blocks(path, part.shape, part.built.checksums, self.first, done):
                    yield number, block
                    done += 1
            except mmap_cache.Damaged:
                Path(path).unlink(missing_ok=True)  # or the next pass would find it there
                path, why = None, "damaged"
        provenance.built.append(part.built)


class SparkStoredBlock(NamedTuple):
    """A block that Spark keeps between passes."""

    block: Block
    shape: Shape
    built: BuildRecord

    @property
    def first(self) -> int:
        """Number of the block."""
        return self.built.first

    def numbered(self, provenance: Provenance) -> Iterator[tuple[int, Block]]:
        """The numbered block."""
        provenance.built.append(self.built)
        yield self.first, self.block


StoredBlocks = BlockFile | SparkStoredBlock | Fault
Make = Callable[[], Iterator[Block]]


class BlockStore(NamedTuple):
    """Stores blocks in files, or hands them to Spark if they may not be on a disk unencrypted."""

    on_disk: bool = True

    def write_blocks(
        self, name: str, first: int, shape: Shape, origin: Origin | None, make: Make
    ) -> Iterator[BlockFile | SparkStoredBlock]:
        """Store the blocks that ``make`` makes, in their order.

        Parameters
        ----------
        name : str
            Name of the file.
        first : int
            Number of the first block.
        shape : Shape
            Rows of each block, number of features, types, and whether the blocks are CSR.
        origin : Origin or None
            How the blocks can be recomputed; None if they cannot.
        make : Make
            Makes an iterator of the blocks.

        Returns
        -------
        iterator
            Handles by which Spark caches and finds the blocks.

        Raises
        ------
        DiskFull
            If the disks are full and the blocks have no origin.
        """
        if self.on_disk:
            yield write(name, first, shape, origin, make)
            return
        start = time.perf_counter()
        for number, block in enumerate(make(), first):
            built = BuildRecord(number, 1, this_pass(), time.perf_counter() - start, (checksum(block, shape),))
            values = (block.X.nnz,) if isinstance(block.X, csr_array) else None
            yield SparkStoredBlock(block, shape._replace(rows=len(block.y), values=values), built)


def write(name: str, first: int, shape: Shape, origin: Origin | None, make: Make) -> BlockFile:
    """Write blocks to a file; see :func:`treefold.engine.storage.block_writing.write_file`.

    Parameters
    ----------
    name : str
        Name of the file.
    first : int
        Number of the first block.
    shape : Shape
        Rows of each block, number of features, types, and whether the blocks are CSR.
    origin : Origin or None
        How the blocks can be recomputed; None if they cannot.
    make : Make
        Makes an iterator of the blocks.

    Returns
    -------
    BlockFile
        Without a path if the disks are full and the blocks have an origin.

    Raises
    ------
    DiskFull
        If the disks are full and the blocks have no origin.
    """
    start = time.perf_counter()
    path, written = write_file(name, shape, make, required=origin is None)
    count = len(written) if path else len(shape.counts)
    seconds, checksums = time.perf_counter() - start, tuple(w.checksum for w in written)
    if path and shape.sparse:
        shape = shape._replace(values=tuple(w.values for w in written))
    return BlockFile(path, name, shape, origin, BuildRecord(first, count, this_pass(), seconds, checksums))


def intact(path: Path, shape: Shape) -> bool:
    """Whether the file exists and has the right length."""
    try:
        return path.stat().st_size == shape.bytes
    except FileNotFoundError:
        return False


def delete(names: tuple[str, ...]) -> None:
    """Delete all files here whose name begins with one of ``names``, and unmap what this worker has mapped."""
    mmap_cache.forget()
    for file in local_dirs.files():
        if file.name.startswith(names):
            file.unlink(missing_ok=True)


def _found(part: BlockFile) -> str | None:
    """Path of a block file: where it was written, or on this executor after it was recomputed."""
    if not part.path:
        return None
    paths = [Path(part.path), *(folder / part.name for folder in local_dirs.candidates(part.name))]
    return next((str(path) for path in paths if intact(path, part.shape)), None)


def _recomputed(part: BlockFile, why: str, provenance: Provenance) -> BlockFile:
    if part.origin is None:
        raise BlocksLost(f"{part.path} was {why}")
    if not part.path:
        return part
    start = time.perf_counter()
    built = write(part.name, part.first, part.shape, part.origin, part.origin.blocks)
    provenance.lost(f"whose file was {why}", built.built.blocks, start)
    return built._replace(built=built.built._replace(during=part.built.during))  # the loss is noted already


def _for_this_pass(part: BlockFile, done: int, provenance: Provenance) -> Iterator[tuple[int, Block]]:
    """Blocks recomputed for this pass only, because the disks are full."""
    assert part.origin
    start = time.perf_counter()
    for i, block in enumerate(part.origin.blocks()):
        if i >= done:
            yield part.first + i, block
    provenance.lost(disk_full(local_dirs.candidates(part.name)[0]), part.built.blocks, start)
