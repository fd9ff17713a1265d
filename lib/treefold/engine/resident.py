"""Blocks at rest: where the blocks of a task are between passes, and how they are made again.

They rest in files on the executor's local disks, mapped into memory. Where there is no room, and they can be made
again, they are made in every pass. Where nothing plain may stand on a disk, they are kept by Spark, which encrypts what
it writes.
"""

import errno
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

from pyspark import StorageLevel
from scipy.sparse import csr_array

from treefold.block import Block
from treefold.engine import folders, views
from treefold.engine.diary import Diary, Made, this_pass
from treefold.engine.record import Shape, Written, checksum, put
from treefold.errors import InputError

KEEP = StorageLevel.MEMORY_AND_DISK  # of handles: one evicted from memory would cost reading the data again
FULL = errno.ENOSPC, errno.EDQUOT, errno.EROFS


class BlocksLost(RuntimeError):
    """Blocks that were at rest are gone, and this task cannot make them again."""


class NoRoom(InputError):
    """The local disks are full."""


class Origin(Protocol):
    """How to make blocks again, wherever they are needed."""

    def blocks(self) -> Iterator[Block]:
        """Make them."""
        ...


class Part(NamedTuple):
    """Handle of the blocks of one task in a file: what Spark keeps between passes.

    ``path`` is where the file was written; empty where there was no room. Without an ``origin``, blocks that are gone
    can only be made again by the driver.
    """

    path: str
    name: str
    shape: Shape
    origin: Origin | None
    made: Made

    @property
    def first(self) -> int:
        """Number of the first block."""
        return self.made.first

    def numbered(self, diary: Diary) -> Iterator[tuple[int, Block]]:
        """Numbered blocks, made again if their file is gone or damaged.

        Raises
        ------
        BlocksLost
            If they are to be made again and the part has no origin.
        """
        part, path, why = self, _found(self), "not found"
        done, end = 0, len(self.shape.counts)
        while done < end:
            if path is None:
                part = _remade(part, why, diary)
                if not part.path:
                    yield from _passing(part, done, diary)
                    break
                path = part.path
            try:
                for number, block in views.blocks(path, part.shape, part.made.checksums, self.first, done):
                    yield number, block
                    done += 1
            except views.Damaged:
                Path(path).unlink(missing_ok=True)  # or the next pass would find it where it was written
                path, why = None, "damaged"
        diary.made.append(part.made)


class Kept(NamedTuple):
    """A block that Spark keeps between passes."""

    block: Block
    shape: Shape
    made: Made

    @property
    def first(self) -> int:
        """Number of the block."""
        return self.made.first

    def numbered(self, diary: Diary) -> Iterator[tuple[int, Block]]:
        """The numbered block."""
        diary.made.append(self.made)
        yield self.first, self.block


Make = Callable[[], Iterator[Block]]


class Rest(NamedTuple):
    """How blocks rest: in files, or, where nothing plain may be written to a disk, with Spark."""

    in_files: bool = True

    def lay(self, name: str, first: int, shape: Shape, origin: Origin | None, make: Make) -> Iterator[Part | Kept]:
        """Lay the blocks that ``make`` makes to rest in their order.

        Raises
        ------
        NoRoom
            If the blocks have no origin.
        """
        if self.in_files:
            yield write(name, first, shape, origin, make)
            return
        start = time.perf_counter()
        for number, block in enumerate(make(), first):
            made = Made(number, 1, this_pass(), time.perf_counter() - start, (checksum(block, shape),))
            values = (block.X.nnz,) if isinstance(block.X, csr_array) else None
            yield Kept(block, shape._replace(rows=len(block.y), values=values), made)


def write(name: str, first: int, shape: Shape, origin: Origin | None, make: Make) -> Part:
    """Lay blocks to rest in a file, in the first folder that has room.

    The file is written aside and renamed when whole, so that no half-written file is ever read.
    """
    start, where = time.perf_counter(), folders.candidates(name)
    for folder in where:
        try:
            with room(folder):
                path, written = _write(folder, name, shape, make())
        except NoRoom:
            if folder == where[-1] and origin is None:
                raise
        else:
            made = Made(
                first, len(written), this_pass(), time.perf_counter() - start, tuple(w.checksum for w in written)
            )
            values = tuple(w.values for w in written) if shape.sparse else None
            return Part(path, name, shape._replace(values=values), origin, made)
    return Part("", name, shape, origin, Made(first, len(shape.counts), this_pass(), time.perf_counter() - start, ()))


@contextmanager
def room(folder: Path) -> Iterator[None]:
    """Tell in one line of a folder that takes no more.

    Raises
    ------
    NoRoom
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise NoRoom(f"{no_room(folder)}: give spark.local.dir more room, or save the rows as Parquet") from error


def no_room(folder: Path) -> str:
    """What is wrong with a folder that takes no more."""
    return f"there is no room for blocks in {folder.parent} of {os.uname().nodename}"


def intact(path: Path, shape: Shape) -> bool:
    """Whether a file of the right length is there."""
    return path.exists() and path.stat().st_size == shape.bytes


def delete(names: tuple[str, ...]) -> None:
    """Delete all files here whose name begins with one of ``names``; let go of what this worker keeps mapped."""
    views.forget()
    for file in folders.files():
        if file.name.startswith(names):
            file.unlink(missing_ok=True)


def _write(folder: Path, name: str, shape: Shape, blocks: Iterator[Block]) -> tuple[str, list[Written]]:
    handle, aside = tempfile.mkstemp(dir=folders.made(folder), prefix=f"{name}.")  # readable by its owner only
    try:
        with open(handle, "wb") as file:
            written = [put(file, block, shape) for block in blocks]
        os.replace(aside, folder / name)
    except BaseException:
        os.unlink(aside)
        raise
    return str(folder / name), written


def _found(part: Part) -> str | None:
    """Where the file of a part is: where it was written, or here after it was made again."""
    if not part.path:
        return None
    paths = [Path(part.path), *(folder / part.name for folder in folders.candidates(part.name))]
    return next((str(path) for path in paths if intact(path, part.shape)), None)


def _remade(part: Part, why: str, diary: Diary) -> Part:
    if part.origin is None:
        raise BlocksLost(f"{part.path} was {why}")
    if not part.path:
        return part
    start = time.perf_counter()
    made = write(part.name, part.first, part.shape, part.origin, part.origin.blocks)
    diary.lost(f"whose file was {why}", made.made.blocks, start)
    return made._replace(made=made.made._replace(during=part.made.during))  # the diary tells of it


def _passing(part: Part, done: int, diary: Diary) -> Iterator[tuple[int, Block]]:
    """Blocks that have no room to rest, made for this pass alone."""
    assert part.origin
    start = time.perf_counter()
    for i, block in enumerate(part.origin.blocks()):
        if i >= done:
            yield part.first + i, block
    diary.lost(no_room(folders.candidates(part.name)[0]), part.made.blocks, start)
