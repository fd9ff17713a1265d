"""The type in which Spark reads a column of a Parquet file, derived from the file's own schema."""

from collections.abc import Collection
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

# Spark's type of a number in a file by its physical type, and by bits and sign where it has these.
PHYSICAL = {"BOOLEAN": "boolean", "INT32": "int", "INT64": "bigint", "FLOAT": "float", "DOUBLE": "double"}
INTEGERS = {
    "int8": "tinyint", "int16": "smallint", "int32": "int", "int64": "bigint",
    "uint8": "smallint", "uint16": "int", "uint32": "bigint",
    "uint64": "an integer beyond Spark's",  # a decimal there, which is rounded to another float32
}  # fmt: skip
ARROW = {"boolean": pa.bool_(), "int": pa.int32(), "bigint": pa.int64(), "float": pa.float32(), "double": pa.float64()}
VECTOR = {"type": "int8", "size": "int32", "indices": "list<int32>", "values": "list<double>"}


def column_types(schema: pq.ParquetSchema, arrow: pa.Schema, names: Collection[str]) -> dict[str, str]:
    """Types of the columns ``names`` that a file has, in Spark's terms; ``vector`` for a column of vectors.

    pyarrow may read a column in another way than the file stores it, because it has an extension type or the Arrow
    schema next to the file's own says so. The type is then one that Spark does not have.

    Parameters
    ----------
    schema : pq.ParquetSchema
        Parquet schema of the file.
    arrow : pa.Schema
        Arrow schema that pyarrow derives from it.
    names : collection of str
        Columns of interest; a column that the file lacks is left out of the result.

    Returns
    -------
    dict of str
        Type by column.
    """
    wanted, found, leaf = set(names), {}, 0
    for field in arrow:
        count = len(_leaves(field.type))
        if field.name in wanted:
            found[field.name] = _type([schema.column(i) for i in range(leaf, leaf + count)], field.type)
        leaf += count
    return found


def _leaves(kind: pa.DataType) -> list[pa.DataType]:
    """The columns of the file that hold a column of Arrow's."""
    if isinstance(kind, pa.BaseExtensionType):
        return _leaves(kind.storage_type)
    if pa.types.is_struct(kind):
        return [leaf for field in kind for leaf in _leaves(field.type)]
    if pa.types.is_map(kind):
        return [*_leaves(kind.key_type), *_leaves(kind.item_type)]
    return _leaves(kind.value_type) if _is_list(kind) else [kind]


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _type(leaves: list[Any], kind: pa.DataType) -> str:
    if isinstance(kind, pa.BaseExtensionType):
        return f"Arrow's {kind}"
    if _is_list(kind):
        return f"array<{_type(leaves, kind.value_type)}>"
    if pa.types.is_struct(kind):
        fields = {field.name: _arrow_name(field.type) for field in kind}
        return "vector" if fields == VECTOR else f"Arrow's {kind}"
    return _number(leaves[0], kind)


def _arrow_name(kind: pa.DataType) -> str:
    return f"list<{kind.value_type}>" if pa.types.is_list(kind) else str(kind)


def _number(leaf: Any, kind: pa.DataType) -> str:
    logical = leaf.logical_type.type
    if logical == "DECIMAL":
        exact = pa.types.is_decimal(kind) and (kind.precision, kind.scale) == (leaf.precision, leaf.scale)
        return f"decimal({leaf.precision},{leaf.scale})" if exact else f"a decimal that Arrow reads as {kind}"
    if logical == "INT":
        return INTEGERS[str(kind)] if _same_integer(leaf, kind) else f"an integer that Arrow reads as {kind}"
    spark = PHYSICAL.get(leaf.physical_type) if logical == "NONE" else None
    if spark and ARROW[spark] == kind:
        return spark
    return f"{leaf.physical_type} {logical} that Arrow reads as {kind}"


def _same_integer(leaf: Any, kind: pa.DataType) -> bool:
    description = leaf.logical_type.to_json().replace(" ", "")
    signed = pa.types.is_signed_integer(kind)
    return bool(
        pa.types.is_integer(kind)
        and f'"bitWidth":{kind.bit_width},' in description
        and f'"isSigned":{str(signed).lower()}' in description
    )
