"""Files and folders of a local disk that survive a crash: written under another name, synced, renamed."""

import ctypes
import os
import stat
import uuid
from pathlib import Path

ASIDE = r"\.[0-9a-f]{32}\.part"
"""What :func:`aside_of` puts behind a name, as a regular expression."""


def aside_of(name: str) -> str:
    """A unique name next to another."""
    return f"{name}.{uuid.uuid4().hex}.part"


def write(path: str, content: bytes, mode: int = 0o666) -> None:
    """Write a file atomically, replacing any file that is there.

    Parameters
    ----------
    path : str
        The file.
    content : bytes
        Its bytes.
    mode : int, default 438
        Mode of the new file before the umask.
    """
    aside = aside_of(path)
    try:
        with open(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
    sync(Path(path).parent)


def keep_umask(folder: Path) -> None:
    """Give this user's files in a folder the modes of the umask: Spark gives them those of Hadoop's conf."""
    umask = os.umask(0o077)
    os.umask(umask)
    for path in (folder, *folder.rglob("*")):
        found = path.lstat()
        mode = (0o777 if stat.S_ISDIR(found.st_mode) else 0o666) & ~umask
        ours = found.st_uid == os.geteuid() and not stat.S_ISLNK(found.st_mode)
        if ours and stat.S_IMODE(found.st_mode) & 0o777 != mode:
            path.chmod(stat.S_IMODE(found.st_mode) & ~0o777 | mode)


def sync(path: Path) -> None:
    """Flush a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Flush a folder and everything below it to the disk."""
    for path in (*folder.rglob("*"), folder):
        sync(path)


def exchanged(one: Path, other: Path) -> bool:
    """Exchange two folders atomically if the system can (Linux: renameat2); returns whether it could."""
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    return rename is not None and rename(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0


def remove(folder: Path, names: frozenset[str]) -> bool:
    """Delete the named files below a folder, then all empty folders; returns whether nothing is left."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
    for path in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()
    if any(folder.iterdir()):
        return False
    folder.rmdir()
    return True
