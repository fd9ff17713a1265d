"""Whether something may be written at a place, before a job does its work."""

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
from pyarrow.fs import LocalFileSystem

from treefold import locations
from treefold.errors import InputError
from treefold.locations import first_line, place
from treefold.persistence import local_files


def check_place(uri: str, apart_from: Iterable[str] = ()) -> None:
    """Raise InputError if ``uri`` is, holds or is below what the job uses, or holds the working directory or the home.

    On a local disk also if it is there and belongs to another user, who could read and change what is written to it.
    See :func:`check_free`.
    """
    locations.check_apart(uri, apart_from)
    check_lasting(uri)
    here = place(uri)
    if here.scheme == "file":
        for named, folder in (("working directory", os.getcwd()), ("home", os.path.expanduser("~")), ("root", "/")):
            if here.holds(place(folder)):
                raise InputError(f"{uri} is, or holds, your {named} folder: name a folder of its own")
        if os.path.lexists(here.path) and os.lstat(here.path).st_uid != os.geteuid():
            raise InputError(f"{uri} belongs to another user: name a path of your own")


def check_lasting(uri: str) -> None:
    """Raise InputError if this process is a container of YARN and ``uri`` is a path on the disk of its node.

    In deploy mode ``cluster`` the driver is such a container, and what it writes there is deleted with it.
    """
    if "CONTAINER_ID" in os.environ and place(uri).scheme == "file" and not uri.startswith("file:"):
        raise InputError(
            f"{uri} would be lost with this driver's container on YARN: name a path on HDFS or an object store, or a "
            "folder that is mounted on every node as file:///..."
        )


def check_local(uri: str) -> str:
    """The local path of a path or URI.

    Raises
    ------
    InputError
        If it is on no local or mounted disk.
    """
    found = place(uri)
    if found.scheme != "file":
        raise InputError(f"{uri} is on no local or mounted disk, where Spark's files are published: name a path there")
    return found.path


def check_writable(uri: str) -> None:
    """Raise InputError unless a file can be written beside ``uri``; it is deleted."""
    system, path = locations.opened(uri)
    try:
        if isinstance(system, LocalFileSystem):
            above = next(folder for folder in Path(path).parents if folder.exists())
            with tempfile.TemporaryFile(dir=above):
                return
        aside = local_files.aside_of(path)
        system.create_dir(aside.rpartition("/")[0], recursive=True)
        try:
            with system.open_output_stream(aside) as out:
                out.write(b"\n")
        finally:
            with suppress(FileNotFoundError):
                system.delete_file(aside)
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            f"{uri} cannot be written ({why(error)}): name another path, or have it made writable"
        ) from error


def why(error: BaseException) -> str:
    """What an error of a file system says, in a few words."""
    return getattr(error, "strerror", None) or first_line(error)
