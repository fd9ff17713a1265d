"""pyspark.ml's attributes of feature columns: names of features, and which of them are categorical."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from pyspark.sql import DataFrame

from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.engine.reading.columns import field_named, numeric
from treefold.errors import InputError


def categorical_features(data: DataFrame, columns: Columns, named: list[str]) -> tuple[int, ...]:
    """Indices of the categorical features: the columns that are ``named``, and nominal attributes.

    Parameters
    ----------
    data : DataFrame
        The data.
    columns : Columns
        The feature columns.
    named : list of str
        Columns that the user declares to be categorical.

    Returns
    -------
    tuple of int

    Raises
    ------
    InputError
        If a named column is not a single feature.
    """
    for name in named:
        if name not in columns.features or not _single(data, name):
            raise InputError(f"categoricalCols names '{name}', which is no column of numbers among the features")
    found, at = [], 0
    for name in columns.features:
        found_attributes = _metadata(data, name)
        if _single(data, name):
            found += [at] if name in named or found_attributes.get("type") == "nominal" else []
            at += 1
            continue
        found += [at + each["idx"] for each in found_attributes.get("attrs", {}).get("nominal", [])]
        width = len(_attributes(found_attributes)) or found_attributes.get("num_attrs")
        if width is None and name != columns.features[-1] and _categories_after(data, columns, name, named):
            raise InputError(
                f"the width of column '{name}' is not known from its attributes: put categorical columns before it"
            )
        at += width or 0
    return tuple(found)


def declared_classes(data: DataFrame, label: str) -> int | None:
    """The number of classes that the attributes of a label column declare; None if they declare none."""
    found_attributes = _metadata(data, label)
    if found_attributes.get("type") == "binary":
        return 2
    if found_attributes.get("type") != "nominal":
        return None
    return len(found_attributes["vals"]) if "vals" in found_attributes else found_attributes.get("num_vals")


def class_attributes(outputs: Iterable[str], classes: int) -> dict[str, dict[str, Any]]:
    """Attributes of the outputs of a classifier, as pyspark.ml writes them.

    Parameters
    ----------
    outputs : iterable of str
        Names of the outputs.
    classes : int
        Number of classes.

    Returns
    -------
    dict
        By output its metadata: the number of classes, or the length of a vector.
    """
    nominal, group = {"ml_attr": {"type": "nominal", "num_vals": classes}}, {"ml_attr": {"num_attrs": classes}}
    return {output: nominal if output == "prediction" else group for output in outputs if output != "leaf"}


class FeatureNames(NamedTuple):
    """Names of the features of some columns, which are complete once the number of features is known.

    Attributes
    ----------
    columns : tuple of (str, dict or None)
        Names of the columns, and for a vector column the names of its attributes by index.
    """

    columns: tuple[tuple[str, dict[int, str | None] | None], ...] = ()

    @classmethod
    def of(cls, data: DataFrame, columns: Columns) -> "FeatureNames":
        """Names of the features among the columns of ``data``."""
        return cls(
            tuple(
                (name, None if _single(data, name) else _attributes(_metadata(data, name))) for name in columns.features
            )
        )

    def of_all(self, features: int) -> list[str]:
        """A name for each of ``features`` features."""
        names: list[str] = []
        for i, (name, attributes) in enumerate(self.columns):
            if attributes is None:
                names.append(name)
                continue
            width = features - len(names) if i == len(self.columns) - 1 else len(attributes)
            names += [attributes.get(j) or f"{name}[{j}]" for j in range(width)]
        return names if len(names) == features else [f"feature {f}" for f in range(features)]

    def of_one(self, feature: int) -> str:
        """The name of a feature that stands behind no column of unknown width but the last."""
        before = sum(1 if attributes is None else len(attributes) for _, attributes in self.columns[:-1])
        return self.of_all(max(before, feature) + 1)[feature]


def known_names(data: DataFrame, columns: Columns, features: int) -> tuple[str, ...]:
    """The names of the features (numeric columns, or attributes of a vector); empty if one has no name.

    Parameters
    ----------
    data : DataFrame
        The DataFrame.
    columns : Columns
        Its columns of features.
    features : int
        Number of features.

    Returns
    -------
    tuple of str
        One name for each feature, or none.
    """
    names: list[str | None] = []
    for name in columns.features:
        found_attributes = _metadata(data, name)
        names += (
            [name] if _single(data, name) else [given for _, given in sorted(_attributes(found_attributes).items())]
        )
    real = [name for name in names if name]
    return tuple(real) if len(real) == len(names) == features else ()


def _single(data: DataFrame, name: str) -> bool:
    field = field_named(data, name)
    return field is not None and numeric(field.dataType)


def _metadata(data: DataFrame, name: str) -> dict[str, Any]:
    """The metadata of a column, or of a field of a struct."""
    field = field_named(data, name)
    return field.metadata.get("ml_attr", {}) if field else {}


def _attributes(found_attributes: dict[str, Any]) -> dict[int, str | None]:
    """Name of each attribute of a vector, by its index."""
    return {each["idx"]: each.get("name") for some in found_attributes.get("attrs", {}).values() for each in some}


def _categories_after(data: DataFrame, columns: Columns, name: str, named: list[str]) -> bool:
    after = columns.features[columns.features.index(name) + 1 :]
    return any(other in named or _metadata(data, other) for other in after)
