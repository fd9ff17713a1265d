"""Paths and URIs: the only module that distinguishes them and selects the file system that opens them.

As in Hadoop, and therefore in Spark, a path that begins with a scheme and a colon is a URI, with one slash after it as
with two. A path with a scheme that pyarrow does not know is refused; it is never a local folder of that name.
"""

import os
import posixpath
import queue
import re
import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

import pyarrow as pa
from pyarrow.fs import FileSystem, LocalFileSystem

from treefold.errors import InputError

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
ALIASES = {"s3a": "s3", "s3n": "s3", "gcs": "gs", "abfs": "abfss"}
HADOOP = {"hdfs": "default", "viewfs": "viewfs:///"}  # host of the cluster's own file system if the URI has none
NAMED = {"s3": "bucket", "gs": "bucket", "abfss": "container@account.dfs.core.windows.net"}
CURES = {
    "dbfs": "name a folder that is mounted, such as /dbfs/... or /Volumes/...",
    "wasb": "name it as abfss://container@account.dfs.core.windows.net/...",
    "wasbs": "name it as abfss://container@account.dfs.core.windows.net/...",
}
HADOOP_CLIENT = "set JAVA_HOME, HADOOP_HOME and CLASSPATH (to what hadoop classpath --glob prints)"
T = TypeVar("T")
WILD = "*?[{"
LONGEST = 60.0  # seconds that a file system has to answer before a job begins or a model is read
ELSE = "name a local folder, or one of file, s3, s3a, gs, abfss, hdfs and viewfs"


class Place(NamedTuple):
    """Scheme, host and path of a location; nothing is opened for it."""

    scheme: str
    host: str
    path: str

    def holds(self, other: "Place") -> bool:
        """Whether the other location is this one, or below it."""
        mine = self.path.rstrip("/") + "/"
        return self[:2] == other[:2] and (other.path.rstrip("/") + "/").startswith(mine)


def place(uri: str) -> Place:
    """The place that a path or URI names; links of local paths are followed.

    >>> place("s3a://bucket/a/../b/")
    Place(scheme='s3', host='bucket', path='/b')
    """
    found = SCHEME.match(uri)
    if not found:
        return Place("file", "", os.path.realpath(uri))
    scheme = ALIASES.get(found[1].lower(), found[1].lower())
    if scheme == "file":
        return Place("file", "", os.path.realpath(opened(uri)[1]))
    parts = urlsplit(uri)
    return Place(scheme, parts.netloc, posixpath.normpath("/" + parts.path.lstrip("/")))


def check_apart(uri: str, others: Iterable[str]) -> None:
    """Raise InputError if ``uri`` is, contains or is below one of the others, each taken up to its first wildcard."""
    here = place(uri)
    for other in others:
        there = place(_fixed(other))
        if here.holds(there) or there.holds(here):
            raise InputError(f"{uri} and {other}, which the job uses, are one or inside one another: keep them apart")


def _fixed(uri: str) -> str:
    """A path up to its first wildcard."""
    parts = uri.split("/")
    wild = next((i for i, part in enumerate(parts) if any(letter in part for letter in WILD)), len(parts))
    return "/".join(parts[:wild]) or ("/" if uri.startswith("/") else ".")


def opened(uri: str) -> tuple[FileSystem, str]:
    """File system and path of a path or URI.

    Parameters
    ----------
    uri : str
        A local path, or a URI of a scheme that pyarrow.fs knows; ``s3a`` is ``s3``, and ``hdfs:/x`` the file system
        that the Hadoop configuration names.

    Raises
    ------
    InputError
        If pyarrow cannot open it.
    """
    found = SCHEME.match(uri)
    if not found:
        return LocalFileSystem(), os.path.realpath(uri)
    named = found[1].lower()
    scheme, rest = ALIASES.get(named, named), uri[found.end() :]
    if scheme not in {"file", *HADOOP, *NAMED}:
        raise InputError(
            f"{uri}: pyarrow opens no paths of the scheme '{named}': {CURES.get(named, ELSE)} (./{uri} is a local "
            "path of that name)"
        )
    host = urlsplit(uri).netloc
    if scheme in NAMED and not host:
        raise InputError(f"{uri} names no {NAMED[scheme].partition('@')[0]}: write {named}://{NAMED[scheme]}/path")
    try:
        if scheme in HADOOP and not host:
            from pyarrow.fs import HadoopFileSystem

            return HadoopFileSystem(HADOOP[scheme]), "/" + rest.lstrip("/")
        return FileSystem.from_uri(quote(f"{scheme}:{rest}", safe="%/:@?=&+,;!$'()*~[]"))
    except (pa.ArrowException, OSError, ImportError, ValueError) as error:
        cure = f": {HADOOP_CLIENT}" if scheme in HADOOP else ""
        raise InputError(f"{uri} cannot be opened: {first_line(error)}{cure}") from error


def answered(uri: str, look: Callable[[], T]) -> T:
    """What ``look``, which asks the file system of ``uri``, returns within ``LONGEST`` seconds.

    The libraries of object stores try for up to a quarter of an hour where there is no network or no credentials, and
    heed no signal meanwhile. So they are asked from a thread, which is abandoned.

    Raises
    ------
    InputError
        If there is no answer within that time.
    Exception
        Of ``look``.
    """
    answers: queue.Queue[tuple[list[T], BaseException | None]] = queue.Queue()

    def ask() -> None:
        try:
            answers.put(([look()], None))
        except BaseException as error:
            answers.put(([], error))

    threading.Thread(target=ask, daemon=True).start()
    try:
        found, error = answers.get(timeout=LONGEST)
    except queue.Empty:
        raise InputError(
            f"{uri} has not answered within {LONGEST:g} s: check the network, the address and the credentials"
        ) from None
    if error is not None:
        raise error
    return found[0]


def first_line(error: BaseException) -> str:
    """The first line of an error's message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
