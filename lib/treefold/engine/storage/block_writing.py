"""Writing of blocks to a file in a local directory that has room."""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from treefold.dataset.block import Block
from treefold.engine.storage import local_dirs
from treefold.engine.storage.file_format import Shape, Written, put
from treefold.errors import InputError

FULL = errno.ENOSPC, errno.EDQUOT, errno.EROFS


class DiskFull(InputError):
    """The local disks are full."""


def write_file(
    name: str, shape: Shape, make: Callable[[], Iterator[Block]], *, required: bool
) -> tuple[str, list[Written]]:
    """Write blocks to a file, in the first folder that has room.

    The file is written under another name and renamed when it is complete, so no half-written file is ever read.

    Parameters
    ----------
    name : str
        Name of the file.
    shape : Shape
        Rows of each block, number of features, types, and whether the blocks are CSR.
    make : callable
        Makes an iterator of the blocks.
    required : bool
        Whether the blocks cannot be recomputed.

    Returns
    -------
    tuple of str and list of Written
        The path, which is empty if the disks are full, and an entry for each block.

    Raises
    ------
    DiskFull
        If the disks are full and the file is required.
    """
    where = local_dirs.candidates(name)
    for folder in where:
        try:
            with room(folder):
                return _write(folder, name, shape, make())
        except DiskFull:
            if folder == where[-1] and required:
                raise
    return "", []


@contextmanager
def room(folder: Path) -> Iterator[None]:
    """Turn the error of a full disk into one line.

    Raises
    ------
    DiskFull
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise DiskFull(f"{disk_full(folder)}: give spark.local.dir more room, or save the rows as Parquet") from error


def disk_full(folder: Path) -> str:
    """The message for a folder on a full disk."""
    return f"there is no room for blocks in {folder.parent} of {os.uname().nodename}"


def _write(folder: Path, name: str, shape: Shape, blocks: Iterator[Block]) -> tuple[str, list[Written]]:
    handle, aside = tempfile.mkstemp(dir=local_dirs.create(folder), prefix=f"{name}.")  # readable by its owner only
    try:
        with open(handle, "wb") as file:
            written = [put(file, block, shape) for block in blocks]
        os.replace(aside, folder / name)
    except BaseException:
        os.unlink(aside)
        raise
    return str(folder / name), written
