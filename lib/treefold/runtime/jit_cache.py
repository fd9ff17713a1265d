"""Compiled functions cached on disk: what one process has compiled, the next one loads.

numba's own cache identifies a function by the path and the content of its file. That does not suffice: Spark unpacks
the library at a new path for every application, and a kernel calls functions of several files. The cache here is
identified by the content of all files that compile something, with a folder for each version.
"""

import logging
import os
import re
import shutil
import stat
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import ZipFile
from zlib import crc32

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator

PACKAGE = "treefold"
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
UNUSED_DAYS = 30  # days after which the cache of another version is deleted
log = logging.getLogger(__name__)
VERSION = re.compile(r"[0-9a-f]{8}-\d+")  # names of the folders of versions: no other folder is ever deleted


def njit(function: Callable | None = None, **options: Any) -> Any:
    """``numba.njit`` with a cache on disk, if this user has a cache folder (``XDG_CACHE_HOME``, ``~/.cache``)."""
    if function is None:
        return lambda function: njit(function, **options)
    made: Any = numba.njit(function, **options)
    if _folder():
        made._cache = _Kept(function)
    return made


class _Locator(_CacheLocator):
    """Tells numba where the compiled functions of this library are cached."""

    def __init__(self, function: Callable) -> None:
        self.name = f"{function.__module__}.{function.__code__.co_firstlineno}"

    def get_cache_path(self) -> str:
        return str(_folder())

    def get_source_stamp(self) -> str:
        return _version()

    def get_disambiguator(self) -> str:
        return self.name

    @classmethod
    def from_function(cls, function: Callable, file: str) -> "_Locator":
        return cls(function)


class _Files(CompileResultCacheImpl):
    _locator_classes: list[Any] = [_Locator]


class _Kept(FunctionCache):
    """numba's ``cache=True`` with our own locator."""

    _impl_class = _Files

    def save_overload(self, *compiled: Any) -> None:
        """Save a compiled function, if the disk has room."""
        try:
            super().save_overload(*compiled)
        except OSError as error:
            log.info("a compiled kernel is not kept: %s", error)


@cache
def _version() -> str:
    """A hash of the files that compile something, in a folder or in an archive.

    Only these files count, because compiled functions call nothing outside of them: a change elsewhere in the library
    leaves the cache valid.
    """
    library = Path(__file__).parents[1]
    if library.is_dir():
        files = {file.relative_to(library).as_posix(): file.read_bytes() for file in library.rglob("*.py")}
    else:
        with ZipFile(library.parent) as archive:
            names = [name for name in archive.namelist() if name.endswith(".py")]
            files = {name.removeprefix(f"{PACKAGE}/"): archive.read(name) for name in names}
    codes = sorted((name, crc32(text)) for name, text in files.items() if b"njit" in text)
    return f"{crc32(repr(codes).encode()):08x}-{len(codes)}"


@cache
def _folder() -> Path | None:
    """The folder of this version, for its owner only; None if there can be none."""
    try:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", PACKAGE)
        made = root / _version()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if root.stat().st_uid == os.geteuid():
            root.chmod(root.stat().st_mode & ~OTHERS_WRITE)  # a folder made before, by another umask
        if not made.is_dir():
            made.mkdir(mode=0o700, exist_ok=True)
            _forget(root)
        trusted = all(_own(folder) for folder in (root, made)) and os.access(made, os.W_OK)
    except (OSError, RuntimeError) as error:
        log.info("compiled kernels are not kept, every process compiles its own: %s", error)
        return None
    if trusted:
        return made
    log.info(
        "compiled kernels are not kept, every process compiles its own: %s belongs to another user, or others may "
        "write to it", made,
    )  # fmt: skip
    return None


def _own(folder: Path) -> bool:
    """Whether a folder is this user's alone to write to: numba unpickles what is in it."""
    found = folder.stat()
    return found.st_uid == os.geteuid() and not found.st_mode & OTHERS_WRITE


def _forget(root: Path) -> None:
    """Delete the caches of other versions that have not been used for ``UNUSED_DAYS``."""
    for other in root.iterdir():
        if VERSION.fullmatch(other.name) and time.time() - other.stat().st_mtime > UNUSED_DAYS * 86400:
            shutil.rmtree(other, ignore_errors=True)
