"""Folders for block files: local directories of the executor, readable by their owner, deleted with the executor.

Spark deletes its local directories when an executor ends normally. The directories of a killed executor are deleted by
the cluster manager at the end of the application, or never. The worker that makes a folder therefore also starts a
process that sleeps until the executor is gone and then removes the folder.
"""

import inspect
import logging
import os
import stat
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from treefold.errors import InputError

FOLDER = "treefold"

log = logging.getLogger(__name__)


def roots() -> list[str]:
    """The executor's local directories."""
    return os.environ["SPARK_LOCAL_DIRS"].split(",")


def candidates(name: str) -> list[Path]:
    """The folders in which a file may be: its own first, then those that are used if there is no room."""
    every = [Path(root, FOLDER) for root in roots()]
    first = zlib.crc32(name.encode()) % len(every)
    return every[first:] + every[:first]


def create(folder: Path) -> Path:
    """The folder, which is created if it does not exist; InputError if others may write to it."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not is_own(folder):
            raise InputError(
                f"{folder} belongs to another user, or others may write to it: set spark.local.dir to a folder that "
                "only this user may write to"
            ) from None
        return folder
    executor = _executor()
    if not executor:
        log.info("%s stays where an executor is killed: its processes are not known here", folder)
    else:
        quiet = subprocess.DEVNULL
        subprocess.Popen(
            sweeping(folder, executor), stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True, cwd="/"
        )
    return folder


def is_own(folder: Path) -> bool:
    """Whether a folder is this user's and nobody else may write to it: what is read there is unpickled."""
    found = os.lstat(folder)
    return (
        stat.S_ISDIR(found.st_mode)
        and found.st_uid == os.geteuid()
        and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )


def files() -> Iterator[Path]:
    """All existing files."""
    for root in roots():
        with suppress(FileNotFoundError):  # no task of this host has stored rows there
            yield from Path(root, FOLDER).iterdir()


def sweeping(folder: Path, pids: list[int]) -> list[str]:
    """The command of a process that removes a folder once other processes have ended."""
    code = f"{inspect.getsource(sweep)}\nimport sys\nsweep(sys.argv[1], [int(pid) for pid in sys.argv[2:]])"
    return [sys.executable, "-I", "-S", "-c", code, str(folder), *map(str, pids)]


def sweep(folder: str, pids: list[int]) -> None:
    """Remove a folder once these processes have ended. It runs in its own interpreter and imports what it needs."""
    import contextlib
    import os
    import select
    import shutil
    import time

    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            select.select([os.pidfd_open(pid)], [], [])
    for _ in range(3):  # a worker that ends shortly after its executor may still write
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(1)


def _executor() -> list[int]:
    """Process ids of the executor's JVM and of the daemon that forked this worker, if they can be found."""
    daemon = os.getppid()
    try:
        status = Path(f"/proc/{daemon}/stat").read_text()
        jvm = int(status.rsplit(")", 1)[1].split()[1])
        java = Path(f"/proc/{jvm}/comm").read_text().strip() == "java"
    except (OSError, ValueError):
        return []
    return [jvm, daemon] if java and hasattr(os, "pidfd_open") else []
