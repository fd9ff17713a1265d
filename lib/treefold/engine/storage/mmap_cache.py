"""Memory maps of block files, and which of their blocks have been verified.

A worker keeps up to 256 MiB of files mapped between passes, which saves their page faults. The blocks of a larger file
are mapped one by one when they are reached and unmapped when they are released, so the memory of a worker does not grow
with the data.

A block is compared with its checksum when a worker first reaches it, and again whenever the file has changed since.
Every write through the file system changes the inode's change time, which no program can set back. A map shows such a
change at once, so the time is compared again after the last block, and if it has changed, the blocks are verified
again. Disk errors are found when a worker first reads a block.
"""

import mmap
import os
import zlib
from collections.abc import Iterator

from treefold.dataset.block import Block
from treefold.engine.storage.file_format import Shape, read_block

KEPT_BYTES = 256 << 20

Key = tuple[int, int, int, int]  # device, inode, size, change time

_kept: dict[Key, mmap.mmap] = {}  # whole files, the least recently used first
_whole: dict[Key, set[int]] = {}  # the blocks of a file that have been verified


class Damaged(RuntimeError):
    """A block differs from what was written."""


def blocks(path: str, shape: Shape, checksums: tuple[int, ...], first: int, start: int) -> Iterator[tuple[int, Block]]:
    """Numbered blocks of a file.

    Parameters
    ----------
    path : str
        The file.
    shape : Shape
        Rows of each block, number of features, types, and whether the blocks are CSR.
    checksums : tuple of int
        CRC-32 of each record.
    first : int
        Number of the file's first block.
    start : int
        Block of the file at which to begin.

    Returns
    -------
    iterator of (int, Block)
        Number and block.

    Raises
    ------
    Damaged
        If a block differs from what was written.
    """
    records = shape.records()
    with open(path, "rb") as file:
        key = _key(file.fileno())
        whole, kept = _whole.setdefault(key, set()), _kept_view(file.fileno(), key)
        for i in range(start, len(records)):
            begin, end = records[i][0].start, records[i][-1].end
            view, skip = (kept, 0) if kept else (_view(file.fileno(), end - begin, begin), begin)
            if i not in whole:
                if zlib.crc32(memoryview(view)[begin - skip : end - skip]) != checksums[i]:
                    raise Damaged
                whole.add(i)
            yield first + i, read_block(view, records[i], skip, shape, (first + i) * shape.block_rows)
        if _key(file.fileno()) != key:  # the file may have been unlinked, but not changed
            for record, checksum in zip(records[start:], checksums[start:], strict=True):
                begin, end = record[0].start, record[-1].end
                if zlib.crc32(_view(file.fileno(), end - begin, begin)) != checksum:
                    raise OSError(f"{path} was changed while it was read: the task is to be tried again")


def forget() -> None:
    """Unmap all files."""
    _kept.clear()
    _whole.clear()


def _key(file: int) -> Key:
    status = os.fstat(file)
    return status.st_dev, status.st_ino, status.st_size, status.st_ctime_ns


def _view(file: int, size: int, offset: int = 0) -> mmap.mmap:
    return mmap.mmap(file, size, offset=offset, access=mmap.ACCESS_READ)


def _kept_view(file: int, key: Key) -> mmap.mmap | None:
    """View of a whole file that stays mapped, in place of the least recently used ones; None if it is too large."""
    size = key[2]
    if size > KEPT_BYTES:
        return None
    view = _kept.pop(key, None) or _view(file, size)
    while _kept and size + sum(map(len, _kept.values())) > KEPT_BYTES:
        del _kept[next(iter(_kept))]
    _kept[key] = view
    return view
