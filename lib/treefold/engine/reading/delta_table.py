"""Versions of Delta Lake tables, planned from their log by the package deltalake (delta-rs)."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from treefold.engine.reading.planned_table import PlannedTable, Version, first_lines
from treefold.engine.reading.table_formats import DELTA
from treefold.errors import InputError

READ = {"deletionVectors", "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck", "typeWidening"}
EMPTY = "__HIVE_DEFAULT_PARTITION__"


def delta_table(path: str, version: Version | None) -> PlannedTable:
    """A version of the table of a folder, by default the newest.

    Parameters
    ----------
    path : str
        URI of the folder, as the file system of Spark names it.
    version : int or datetime, optional
        Its number, or a time: the newest version of that time.

    Raises
    ------
    InputError
        If deltalake is not installed, or cannot read the table or that version, or the table has a feature that a scan
        of its files does not have.
    """
    try:
        import deltalake
    except ImportError as error:
        raise InputError(
            f"{path} is a table of Delta Lake, and the package deltalake, which reads its log, is not installed: "
            "install the extra delta (./spark-submit.sh --setup delta), or write its rows to a folder of plain Parquet"
        ) from error
    try:
        table = deltalake.DeltaTable(_of_library(path))
        if version is not None:
            _go_to(table, path, version)
        _check_features(table, path)
        return _planned(table, path)
    except InputError:
        raise
    except BaseException as error:  # whatever the library has found; what it did not expect is no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise InputError(f"{path} cannot be read as a table of Delta Lake: {first_lines(error)}") from error


def _of_library(path: str) -> str:
    """A path as deltalake knows it."""
    for scheme in ("file://", "file:"):
        if path.startswith(scheme):
            return path.removeprefix(scheme)
    return path


def _go_to(table: Any, path: str, version: Version) -> None:
    """Load a version of a table that is loaded at its newest."""
    if isinstance(version, datetime):
        version = _of_time(table, path, version)
    if version > table.version():
        raise InputError(f"{path} has no version {version}: its newest is {table.version()}")
    try:
        table.load_as_version(version)
    except Exception as error:
        raise InputError(f"version {version} of {path} cannot be read: {first_lines(error)}") from error


def _of_time(table: Any, path: str, time: datetime) -> int:
    """The newest version of a time, by what the commits say: times of files change when a table is copied."""
    said = {entry["version"]: entry["timestamp"] for entry in table.history() if "timestamp" in entry}
    found = [version for version, written in said.items() if written <= time.timestamp() * 1000]
    if not found:
        oldest = datetime.fromtimestamp(min(said.values(), default=0) / 1000, UTC).isoformat(timespec="milliseconds")
        raise InputError(f"{path} has no version of {time.isoformat()}: its oldest is of {oldest}")
    return int(max(found))


def _check_features(table: Any, path: str) -> None:
    mapping = table.metadata().configuration.get("delta.columnMapping.mode", "none")
    unknown = sorted(set(table.protocol().reader_features or ()) - READ - {"columnMapping"})
    if mapping != "none" or unknown:
        feature = unknown[0] if unknown else f"columnMapping by {mapping}"
        raise InputError(
            f"{path} is a table of Delta Lake with the feature {feature}, which is not supported: write its rows to a "
            "table without it, or to a folder of plain Parquet"
        )


def _planned(table: Any, path: str) -> PlannedTable:
    actions = pa.table(table.get_add_actions())
    names = [unquote(name) for name in actions["path"].to_pylist()]
    columns, values = table.metadata().partition_columns, None
    if columns and names:
        found = pa.table(actions["partition"].combine_chunks().flatten(), columns)
        values = None if _in_folders(names, found) else found
    files = [name if "://" in name or name.startswith("/") else f"{path}/{name}" for name in names]
    schema, deleted = table.schema().to_json(), _deleted(table, files)
    return PlannedTable(DELTA, path, table.version(), files, schema, bool(columns), values, deleted)


def _in_folders(names: list[str], values: pa.Table) -> bool:
    """Whether Spark reads the partition values of the log from the names of the files' folders."""
    parts = [name.split("/")[:-1] for name in names]
    for number, column in enumerate(values.column_names):
        texts: list[str | None] = []
        for folders in parts:
            key, equals, text = (folders[number] if len(folders) == values.num_columns else "").partition("=")
            if not equals or unquote(key, "latin-1") != column:
                return False
            texts.append(None if text == EMPTY else unquote(text, "latin-1"))  # as Spark decodes it, byte by byte
        said = values[column]
        kind = pa.timestamp("us") if pa.types.is_timestamp(said.type) else said.type
        try:
            if pa.chunked_array([texts], pa.string()).cast(kind).to_pylist() != said.cast(kind).to_pylist():
                return False
        except pa.ArrowException:
            return False
    return True


def _deleted(table: Any, files: list[str]) -> dict[str, NDArray[np.int64]]:
    """Numbers of the rows that deletion vectors leave out, by file."""
    if "deletionVectors" not in (table.protocol().reader_features or ()):
        return {}
    found, named = {}, {file.rpartition("/")[2]: file for file in files}
    for uris, kept in ((batch[0].to_pylist(), batch[1]) for batch in map(pa.record_batch, table.deletion_vectors())):
        for uri, keep in zip(uris, kept, strict=True):
            file = named[unquote(uri).rpartition("/")[2]]
            found[file] = np.flatnonzero(~keep.values.to_numpy(zero_copy_only=False))
    return found
