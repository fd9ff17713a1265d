"""Folders of Delta Lake, Apache Hudi and Apache Iceberg, which must not be read as plain Parquet.

They also contain the files of replaced and deleted rows; a log next to them says which files count. Where a path names
such a folder itself, a version of the table is planned from the log.
"""

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import pyarrow as pa
from pyarrow.fs import FileSelector, FileSystem, FileType

from treefold.errors import InputError

DELTA, ICEBERG = "Delta Lake", "Apache Iceberg"
LOOKS_AT_ONCE = 16
BY_PATH = "give a job, or treefold.ml.read_parquet, the path of that folder itself, or "
CURES = {DELTA: BY_PATH, ICEBERG: BY_PATH}


class Folders(Protocol):
    """Access to the folders of a file system; a folder that may not be read appears empty."""

    def exists(self, path: str) -> bool:
        """Whether there is anything at ``path``."""
        ...

    def names(self, path: str) -> list[str]:
        """Names of what is in a folder."""
        ...


class ArrowFolders:
    """Folders as pyarrow sees them."""

    def __init__(self, system: FileSystem) -> None:
        self.system = system

    def exists(self, path: str) -> bool:
        """See :class:`Folders`."""
        try:
            return self.system.get_file_info(path).type != FileType.NotFound
        except (pa.ArrowException, OSError):
            return False

    def names(self, path: str) -> list[str]:
        """See :class:`Folders`."""
        try:
            return [info.base_name for info in self.system.get_file_info(FileSelector(path))]
        except (pa.ArrowException, OSError):
            return []


def refuse_table_folders(folders: Folders, paths: Iterable[str]) -> None:
    """Raise InputError if one of the paths is the folder of a table, or inside one."""
    asked = sorted({folder for path in paths for folder in _up_from(path)}, key=len, reverse=True)
    with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
        found = list(pool.map(lambda folder: table_format(folders, folder), asked))
    for folder, name in zip(asked, found, strict=True):
        if name:
            raise InputError(
                f"{folder} is a table of {name}, and read as plain Parquet it has its replaced and deleted rows too: "
                f"{CURES.get(name, '')}read it through {name}, or write its rows to a folder of plain Parquet and read "
                "that"
            )


def table_format(folders: Folders, folder: str) -> str:
    """Name of the format of the table that a folder is; empty if it is none."""
    if folders.exists(f"{folder}/_delta_log"):
        return DELTA
    if folders.exists(f"{folder}/.hoodie"):
        return "Apache Hudi"
    if any(name.endswith(".metadata.json") for name in folders.names(f"{folder}/metadata")):
        return ICEBERG
    return ""


def _up_from(path: str) -> list[str]:
    """A path and the folders above it, without slashes at their ends."""
    scheme, inside = re.fullmatch(r"((?:[A-Za-z][\w+.-]+:(?://[^/]*)?)?)(.*)", path, re.DOTALL).groups()  # type: ignore[union-attr]
    names = inside.rstrip("/").split("/")
    return [scheme + "/".join(names[:n]) for n in range(len(names), 0, -1)]
