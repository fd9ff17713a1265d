"""Snapshots of Apache Iceberg tables, planned from the metadata in their folder by the package pyiceberg."""

import json
import re
from datetime import datetime
from typing import Any

from treefold.engine.reading.planned_table import PlannedTable, Version, first_lines
from treefold.engine.reading.table_formats import ICEBERG
from treefold.errors import InputError

METADATA = re.compile(r"v?(\d+)(-.*)?(\.gz)?\.metadata\.json(\.gz)?")
# Spark's names of Iceberg's types that Spark writes otherwise.
TYPES = {"int": "integer", "timestamp": "timestamp_ntz", "timestamptz": "timestamp"}
SAME = {"boolean", "long", "float", "double", "date", "string", "binary"}


def newest_metadata(path: str, names: list[str]) -> str:
    """The newest of the metadata files of a table.

    Parameters
    ----------
    path : str
        The folder of the table.
    names : list of str
        What is in its folder ``metadata``.

    Raises
    ------
    InputError
        If there are two of the newest version, one of which a writer has left behind.
    """
    found = {name: int(match[1]) for name in names if (match := METADATA.fullmatch(name))}
    newest = sorted(name for name, number in found.items() if number == max(found.values()))
    if len(newest) > 1:
        raise InputError(
            f"{path} has two newest versions, {newest[0]} and {newest[1]}, and its catalog alone knows which counts: "
            "write the rows of the table to a folder of plain Parquet"
        )
    return f"{path}/metadata/{newest[0]}"


def iceberg_table(path: str, names: list[str], version: Version | None) -> PlannedTable:
    """A snapshot of the table of a folder, by default the current one of its newest metadata.

    Parameters
    ----------
    path : str
        URI of the folder, as the file system of Spark names it.
    names : list of str
        What is in its folder ``metadata``.
    version : int or datetime, optional
        Id of the snapshot, or a time: the snapshot that was current at it.

    Raises
    ------
    InputError
        If pyiceberg is not installed, or cannot read the table or that snapshot, or a scan of the live files would not
        have its rows.
    """
    try:
        from pyiceberg.table import StaticTable
    except ImportError as error:
        raise InputError(
            f"{path} is a table of Apache Iceberg, and the package pyiceberg, which reads its metadata, is not "
            "installed: install the extra iceberg (./spark-submit.sh --setup iceberg), or write its rows to a folder "
            "of plain Parquet"
        ) from error
    try:
        table = StaticTable.from_metadata(newest_metadata(path, names))
        snapshot = _snapshot(table, path, version)
        scan = table.scan(snapshot_id=snapshot)
        schema = table.schema() if version is None else scan.projection()  # with what changed since the snapshot
        _check_names(table, path, schema)
        tasks = list(scan.plan_files())
        _check_files(table, path, tasks)
        fields = _struct(schema.fields)
        return PlannedTable(ICEBERG, path, snapshot, [task.file.file_path for task in tasks], json.dumps(fields))
    except InputError:
        raise
    except Exception as error:  # of many kinds: whatever the library has found
        raise InputError(f"{path} cannot be read as a table of Apache Iceberg: {first_lines(error)}") from error


def _snapshot(table: Any, path: str, version: Version | None) -> int:
    if version is None:
        found = table.current_snapshot()
        if found is None:
            raise InputError(f"{path} has no snapshot yet, and so no rows")
    elif isinstance(version, datetime):
        found = table.snapshot_as_of_timestamp(int(version.timestamp() * 1000))
    else:
        found = table.snapshot_by_id(version)
    if found is None:
        known = ", ".join(str(each.snapshot_id) for each in table.metadata.snapshots[-5:])
        raise InputError(f"{path} has no snapshot of {version}: its last ones are {known}")
    return int(found.snapshot_id)


def _check_names(table: Any, path: str, schema: Any) -> None:
    """Check that no column of a schema ever had another name, nor its name another column: files are read by name."""
    now = {field: schema.find_column_name(field) for field in schema.field_ids}
    ids = {name: field for field, name in now.items()}
    for old in table.metadata.schemas:
        for field in old.field_ids:
            name = old.find_column_name(field)
            if now.get(field, name) != name or ids.get(name, field) != field:
                raise InputError(
                    f"column '{now.get(field, name)}' of {path} was renamed, or another column had its name: files "
                    "are read by names of columns, so write the rows of the table to a new one"
                )
    for field in schema.fields:
        if getattr(field, "initial_default", None) is not None:
            raise InputError(f"column '{field.name}' of {path} has a default for older rows, which is not supported")


def _check_files(table: Any, path: str, tasks: list[Any]) -> None:
    for task in tasks:
        file = task.file
        if task.delete_files:
            raise InputError(
                f"{path} has rows that were deleted without writing their files anew (merge on read), which is not "
                "supported: compact the table (rewrite_data_files), or have it written with copy on write"
            )
        if file.file_format.value != "PARQUET":
            raise InputError(f"{file.file_path} of {path} is {file.file_format.value}: only Parquet is read")
        for field in table.specs()[file.spec_id].fields:
            counted = file.value_counts or {}
            if str(field.transform) == "identity" and field.source_id not in counted:
                raise InputError(
                    f"{file.file_path} may lack its partition column '{field.name}': write the rows of the table to a "
                    "new one"
                )


def _struct(fields: Any) -> dict[str, Any]:
    """Spark's JSON of a struct."""
    described = [
        {"name": field.name, "type": _type(field.field_type), "nullable": not field.required, "metadata": {}}
        for field in fields
    ]
    return {"type": "struct", "fields": described}


def _type(kind: Any) -> Any:
    """Spark's JSON of a type."""
    if kind.is_struct:
        return _struct(kind.fields)
    if type(kind).__name__ == "ListType":
        element = _type(kind.element_type)
        return {"type": "array", "elementType": element, "containsNull": not kind.element_required}
    if type(kind).__name__ == "MapType":
        key, value = _type(kind.key_type), _type(kind.value_type)
        return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": not kind.value_required}
    name = str(kind)
    if name.startswith("decimal"):
        return name.replace(" ", "")
    if name.startswith("fixed"):
        return "binary"
    if name not in TYPES and name not in SAME:
        raise InputError(f"Spark has no type for {name} of Apache Iceberg")
    return TYPES.get(name, name)
