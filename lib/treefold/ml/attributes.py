"""What pyspark.ml's attributes tell of feature columns: their names, and which are categories."""

from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql.types import BooleanType, NumericType

from treefold.engine.columns import Columns
from treefold.errors import InputError


def categorical_features(data: DataFrame, columns: Columns, named: list[str]) -> tuple[int, ...]:
    """Numbers of the features that are categories: columns that are ``named``, and nominal attributes.

    Raises
    ------
    InputError
        If a named column is no single feature.
    """
    for name in named:
        if name not in columns.features or not _single(data, name):
            raise InputError(f"categoricalCols names '{name}', which is no column of numbers among the features")
    found, at = [], 0
    for name in columns.features:
        told = data.schema[name].metadata.get("ml_attr", {})
        if _single(data, name):
            found += [at] if name in named or told.get("type") == "nominal" else []
            at += 1
            continue
        found += [at + each["idx"] for each in told.get("attrs", {}).get("nominal", [])]
        width = len(_attributes(told)) or told.get("num_attrs")
        if width is None and name != columns.features[-1] and _categories_after(data, columns, name, named):
            raise InputError(
                f"the width of column '{name}' is not known from its attributes: put categorical columns before it"
            )
        at += width or 0
    return tuple(found)


def feature_names(data: DataFrame, columns: Columns, features: int) -> list[str]:
    """A name for each feature."""
    names: list[str] = []
    for name in columns.features:
        if _single(data, name):
            names.append(name)
            continue
        told = _attributes(data.schema[name].metadata.get("ml_attr", {}))
        left = features - len(names) if name == columns.features[-1] else len(told)
        names += [told.get(i) or f"{name}[{i}]" for i in range(left)]
    return names if len(names) == features else [f"feature {f}" for f in range(features)]


def _single(data: DataFrame, name: str) -> bool:
    return isinstance(data.schema[name].dataType, NumericType | BooleanType)


def _attributes(told: dict[str, Any]) -> dict[int, str | None]:
    """Name of each attribute of a vector, by its index."""
    return {each["idx"]: each.get("name") for some in told.get("attrs", {}).values() for each in some}


def _categories_after(data: DataFrame, columns: Columns, name: str, named: list[str]) -> bool:
    after = columns.features[columns.features.index(name) + 1 :]
    return any(other in named or data.schema[other].metadata.get("ml_attr") for other in after)
