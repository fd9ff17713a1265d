"""Errors that a person can act on, in one line."""

import errno
import re
from traceback import walk_tb
from typing import Any

from treefold.errors import InputError

# A JVM or an executor with too little memory, by Spark's error conditions and Java's class of error.
MEMORY = re.compile(r"\[INVALID_(?:DRIVER|EXECUTOR)_MEMORY[^]]*] ([^\n]+)|(java\.lang\.OutOfMemoryError[^\n]*)")
FULL = errno.ENOSPC, errno.EDQUOT, errno.EROFS
REFUSED = errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG


def explained(error: Exception) -> str | None:
    """The message for an exception that is not a defect of the program; None for any other exception.

    These are :class:`InputError`, a full disk, a path without permission, errors of pyarrow about a store, and too
    little memory for Spark.
    """
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError):
        return _of_system(error)
    short = MEMORY.search(str(error))
    if short:
        said = (short[1] or short[2]).rstrip(".")
        return f"Spark has too little memory ({said}): raise spark.driver.memory or spark.executor.memory in conf/spark"
    return None


def root_cause(error: Any) -> str:
    """The innermost message of a chain of Java exceptions, in one line; ``error`` is Py4J's handle of the outermost."""
    cause = error.java_exception
    while cause.getCause() is not None:
        cause = cause.getCause()
    kind, said = cause.getClass().getSimpleName(), cause.getMessage()
    return f"{kind}: {first_line(said)}" if said else kind


def _of_system(error: OSError) -> str | None:
    if error.errno in FULL:
        return f"{error.filename or 'a disk'} cannot be written: {error.strerror}"
    if error.errno in REFUSED and error.filename:
        return f"{error.filename} cannot be used: {error.strerror}"
    if error.errno is None and _raised_by("pyarrow", error):  # of an object store or HDFS
        return f"a store cannot be used: {first_line(error)}"
    return None


def _raised_by(package: str, error: Exception) -> bool:
    """Whether the innermost frame of an exception's traceback belongs to a package."""
    *_, (frame, _) = walk_tb(error.__traceback__)
    return f"{package}/" in frame.f_code.co_filename


def first_line(error: Any) -> str:
    """The first line of an exception's message."""
    return str(error).strip().partition("\n")[0]
