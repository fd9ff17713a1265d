"""The partitions of an input, and whether their files have changed."""

import hashlib
import posixpath
from typing import NamedTuple
from urllib.parse import unquote

from pyspark.sql import DataFrame

from treefold.engine.reading.spark_plan import input_files

WHOLE = "data"


class InputPartition(NamedTuple):
    """A folder of the input whose files have the same values in the partition columns.

    Attributes
    ----------
    folder : str
        URI.
    fingerprint : str
        Digest of the names, sizes and times of its files.
    """

    folder: str
    fingerprint: str


class InputPartitions(NamedTuple):
    """The partition columns, made from names of directories, and the partitions by name (``day=1/hour=2``)."""

    columns: list[str]
    found: dict[str, InputPartition]


def input_partitions(data: DataFrame) -> InputPartitions | None:
    """The partitions of a DataFrame that is a scan of files; None for any other DataFrame.

    A scan without partition columns has a single partition named ``data``.
    """
    scan = input_files(data)
    if scan is None:
        return None
    depth = len(scan.partition_columns)
    folders: dict[str, list[str]] = {}
    for uri, (size, time) in sorted(scan.files.items()):
        folder, name = posixpath.split(uri)
        # Files of a partition may be in several folders below it: each is a name of the file.
        folders.setdefault(folder if depth else "", []).append(f"{name if depth else uri} {size} {time}")
    found = {}
    for folder, files in folders.items():
        name = unquote("/".join(folder.split("/")[-depth:])) if depth else WHOLE
        found[name] = InputPartition(unquote(folder), hashlib.sha256("\n".join(files).encode()).hexdigest())
    return InputPartitions(scan.partition_columns, found)
