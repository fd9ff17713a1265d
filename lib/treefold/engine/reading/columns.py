"""Checks that columns exist and have a type that can take part."""

from collections.abc import Iterable
from difflib import get_close_matches
from functools import reduce

from pyspark.ml.linalg import VectorUDT
from pyspark.sql import Column, DataFrame
from pyspark.sql import types as t
from pyspark.sql.functions import col, forall, lit, unwrap_udt, xxhash64

from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.errors import InputError


def field_named(data: DataFrame, name: str) -> t.StructField | None:
    """A column, or a field of a struct by its path (``struct.field``); a column of exactly that name has priority."""
    if name in data.columns:
        return data.schema[name]
    first, *path = name.split(".")
    found = data.schema[first] if path and first in data.columns else None
    for part in path:
        kind = found.dataType if found else None
        found = kind[part] if isinstance(kind, t.StructType) and part in kind.names else None
    return found


def column_named(data: DataFrame, name: str) -> Column:
    """The same as a Column. The name of a column may hold any characters."""
    return col("`" + name.replace("`", "``") + "`") if name in data.columns else col(name)


def with_fields(data: DataFrame, names: Iterable[str]) -> DataFrame:
    """The data, with the fields of structs that are named by their paths as columns with these names."""
    fields = [name for name in dict.fromkeys(names) if name not in data.columns and field_named(data, name)]
    return data.select("*", *(col(name).alias(name) for name in fields)) if fields else data


def checked(data: DataFrame, columns: Columns) -> Columns:
    """The columns, with ``sparse`` only for a single column of vectors; InputError for a missing or unusable column."""
    if not columns.features:
        raise InputError("no feature column is named: set featuresCol")
    kinds = {field.name: field.dataType for field in data.schema.fields}
    for name in columns.names:
        if name not in kinds:
            raise InputError(f"there is no column '{name}': {hint(name, list(kinds))}")
        if not numeric(kinds[name]) and (name not in columns.features or not numeric_row(kinds[name])):
            wanted = "a number, an array of numbers or a vector" if name in columns.features else "a number"
            raise InputError(
                f"column '{name}' is of type {kinds[name].simpleString()}, but must be {wanted}: "
                "index, encode or cast it first"
            )
    only = kinds[columns.features[0]] if len(columns.features) == 1 else None
    return columns._replace(sparse=columns.sparse and isinstance(only, VectorUDT))


def hint(name: str, names: list[str]) -> str:
    """A hint for a missing column: the nearest name, or else the existing names."""
    close = get_close_matches(name, names, 1)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"the data has {', '.join(names[:20])}" + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def arrays(data: DataFrame, columns: Columns) -> list[Column]:
    """The columns that take part; vectors as the structs that contain them, so that sparse ones stay sparse."""
    kinds = {field.name: field.dataType for field in data.schema.fields}
    named = {name: column_named(data, name) for name in columns.names}
    return [(unwrap_udt(c) if isinstance(kinds[name], VectorUDT) else c).alias(name) for name, c in named.items()]


def without_null(data: DataFrame, columns: Columns) -> dict[str, Column]:
    """For each column that takes part, whether it has its value in a row; a forest takes missing features as well."""
    kinds = {field.name: field.dataType for field in data.schema.fields}
    found = {}
    for name in columns.names:
        column, missing = column_named(data, name), columns.missing and name not in columns.numbers
        if isinstance(kinds[name], t.ArrayType):
            full = column.isNotNull()
            found[name] = full if missing else full & forall(column, lambda value: value.isNotNull())
        elif not missing or not numeric(kinds[name]):
            found[name] = column.isNotNull()
    return found or {columns.names[0]: lit(True)}


def complete(data: DataFrame, columns: Columns) -> Column:
    """Whether a row has all values that take part."""
    return reduce(lambda all_before, full: all_before & full, without_null(data, columns).values())


def in_random_order(data: DataFrame, columns: Columns) -> DataFrame:
    """The rows by a hash of what takes part of them: the same order, in whatever order they are in the data."""
    return data.orderBy(xxhash64(*arrays(data, columns)))


def numeric(kind: t.DataType) -> bool:
    """Whether the type is a number or a bool."""
    return isinstance(kind, t.NumericType | t.BooleanType)


def numeric_row(kind: t.DataType) -> bool:
    """Whether the type is a vector or an array of numbers."""
    return isinstance(kind, VectorUDT) or (isinstance(kind, t.ArrayType) and numeric(kind.elementType))
