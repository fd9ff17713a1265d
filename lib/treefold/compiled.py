"""Compiled functions that are kept on disk: what one process has compiled, the next one loads.

numba's own cache knows a function by the path and the content of its file. That does not do here: Spark lays the
library down at a new path for every application, and a kernel calls functions of several files. So what is kept belongs
to the whole library, by the content of its files, in a folder of its own for each version.
"""

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import ZipFile
from zlib import crc32

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator

PACKAGE = "treefold"
UNUSED_DAYS = 30  # after which what was compiled of another version is deleted


def njit(function: Callable | None = None, **options: Any) -> Any:
    """``numba.njit``, kept on disk where this user has a folder for such things (``XDG_CACHE_HOME``, ``~/.cache``)."""
    if function is None:
        return lambda function: njit(function, **options)
    made: Any = numba.njit(function, **options)
    if _folder():
        made._cache = _Kept(function)
    return made


class _Locator(_CacheLocator):
    """Tells numba where a function of this library is kept."""

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
    """What ``cache=True`` stands for in numba, with places of our own."""

    _impl_class = _Files

    def save_overload(self, *compiled: Any) -> None:
        """Keep what was compiled, if the disk takes it."""
        with suppress(OSError):
            super().save_overload(*compiled)


@cache
def _version() -> str:
    """One word for the content of all files of the library, in a folder or in an archive."""
    root = Path(__file__).parent
    if root.is_dir():
        files = {file.relative_to(root).as_posix(): crc32(file.read_bytes()) for file in root.rglob("*.py")}
    else:
        with ZipFile(root.parent) as archive:
            held = ((entry.filename.removeprefix(f"{PACKAGE}/"), entry.CRC) for entry in archive.infolist())
            files = {name: code for name, code in held if name.endswith(".py")}
    return f"{crc32(repr(sorted(files.items())).encode()):08x}-{len(files)}"


@cache
def _folder() -> Path | None:
    """The folder of this version, for its owner only; None if there can be none."""
    try:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", PACKAGE)
        made = root / _version()
        if not made.is_dir():
            made.mkdir(mode=0o700, parents=True)
            _forget(root)
    except (OSError, RuntimeError):
        return None
    return made if os.access(made, os.W_OK) and made.stat().st_uid == os.getuid() else None


def _forget(root: Path) -> None:
    """Delete what was compiled of other versions long ago."""
    for other in root.iterdir():
        if time.time() - other.stat().st_mtime > UNUSED_DAYS * 86400:
            shutil.rmtree(other, ignore_errors=True)
