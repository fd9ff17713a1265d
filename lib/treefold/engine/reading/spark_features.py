"""Vector columns that pyspark.ml's feature transformers make of numeric columns, recognised in the plan of a DataFrame.

To make a vector in Spark and to send it to a Python worker costs several times as much as to read its numbers. If a
vector column is made by ``VectorAssembler``, possibly followed by ``StandardScaler`` without ``withMean``, the readers
therefore take the numeric columns and the factors of the scaler.
"""

import json
from typing import Any, NamedTuple

from pyspark.ml.linalg import VectorUDT
from pyspark.sql import DataFrame
from pyspark.sql import types as t

from treefold.engine.reading.arrow_to_numpy import Columns

ASSEMBLER = "org.apache.spark.ml.feature.VectorAssembler$$Lambda"
SCALER = "org.apache.spark.ml.feature.StandardScalerModel$$"
NUMBERS = t.ByteType, t.ShortType, t.IntegerType, t.LongType, t.FloatType, t.DoubleType, t.BooleanType


class Unassembled(NamedTuple):
    """The DataFrame below the transformers, the columns of it that take part, and whether they may be null or NaN."""

    data: DataFrame
    columns: Columns
    keeps_invalid: bool


class _Origin(NamedTuple):
    """Where a column comes from.

    Attributes
    ----------
    ids : tuple of int
        Expression id of an attribute, or ids of the inputs of an assembler.
    assembled : bool
        Whether the assembler has been found.
    scaler : JavaObject, optional
        Function of the scaler that was found above the assembler.
    scale : tuple of float
        Factor of each input; empty without a scaler.
    keeps_invalid : bool
        Whether the assembler takes null and NaN.
    """

    ids: tuple[int, ...]
    assembled: bool = False
    scaler: Any = None
    scale: tuple[float, ...] = ()
    keeps_invalid: bool = False


def unassembled(data: DataFrame, columns: Columns) -> Unassembled | None:
    """The numeric columns behind a vector column.

    Parameters
    ----------
    data : DataFrame
        The data.
    columns : Columns
        The columns that take part, checked.

    Returns
    -------
    Unassembled or None
        None if there is not exactly one feature column, if that is not made of plain numeric columns by a
        ``VectorAssembler``, or if the plan between it and the DataFrame has more than choices and new columns.
    """
    if (
        len(columns.features) != 1
        or data.isStreaming
        or not isinstance(data.schema[columns.features[0]].dataType, VectorUDT)
    ):
        return None
    plan = data.select("*")._jdf.queryExecution().withCachedData()
    present = {attribute.name(): attribute.exprId().id() for attribute in _items(plan.output())}
    found = {name: _Origin((present[name],)) for name in columns.names}
    features = columns.features[0]
    while plan.getClass().getSimpleName() == "Project":
        below = _below(data, plan, found, features)
        if below is None:
            break
        plan, found = plan.child(), below
    if not found[features].assembled:
        return None
    return _of_base(data, plan, found, columns)


def _below(data: DataFrame, project: Any, found: dict[str, _Origin], features: str) -> dict[str, _Origin] | None:
    """Where the columns come from below a projection; None if one of them is computed there in another way."""
    made = {item.exprId().id(): item for item in _items(project.projectList())}
    below = {}
    for name, origin in found.items():
        if name == features and not origin.assembled:
            deeper = _feature_origin(data, made[origin.ids[0]], origin)
        else:
            ids = [_source(made[each]) for each in origin.ids]
            deeper = None if None in ids else origin._replace(ids=tuple(ids))  # type: ignore[arg-type]
        if deeper is None:
            return None
        below[name] = deeper
    return below


def _source(item: Any) -> int | None:
    """Expression id of the attribute that an item of a projection is or renames."""
    expression = item.child() if _kind(item) == "Alias" else item
    return int(expression.exprId().id()) if _kind(expression) == "AttributeReference" else None


def _feature_origin(data: DataFrame, item: Any, origin: _Origin) -> _Origin | None:
    """Where the vector column comes from, by the item that makes it; None if that is not known."""
    source = _source(item)
    if source is not None:
        return origin._replace(ids=(source,))
    if _kind(item) != "Alias" or _kind(item.child()) != "ScalaUDF" or item.child().children().size() != 1:
        return None
    function, argument = item.child().function(), item.child().children().apply(0)
    name = function.getClass().getName()
    if name.startswith(ASSEMBLER) and _kind(argument) == "CreateNamedStruct":
        return _assembled(data, function, _items(argument.valExprs()), origin.scaler)
    if name.startswith(SCALER) and _kind(argument) == "AttributeReference" and origin.scaler is None:
        return _Origin((argument.exprId().id(),), scaler=function)
    return None


def _assembled(data: DataFrame, assembler: Any, inputs: list[Any], scaler: Any) -> _Origin | None:
    ids = [_source(each.child() if _kind(each) == "Cast" else each) for each in inputs]
    scale = () if scaler is None else _factors(data, scaler, len(ids))
    if None in ids or scale is None:
        return None
    return _Origin(tuple(ids), True, scaler, scale, _keeps_invalid(data, assembler, len(ids)))  # type: ignore[arg-type]


def _keeps_invalid(data: DataFrame, assembler: Any, inputs: int) -> bool:
    """Whether the assembler takes null and NaN, by what it does with a row of nulls."""
    jvm = _jvm(data)
    gateway: Any = data.sparkSession.sparkContext._gateway
    row = jvm.org.apache.spark.sql.RowFactory.create(gateway.new_array(jvm.java.lang.Object, inputs))
    try:
        assembler.apply(row)
    except Exception:  # SparkException, wrapped by Py4J
        return False
    return True


def _factors(data: DataFrame, scaler: Any, width: int) -> tuple[float, ...] | None:
    """Factors of the scaler: what it makes of ones; None if it subtracts means, so that zeros do not stay zeros."""
    parse = _jvm(data).org.apache.spark.mllib.linalg.Vectors.parse
    zeros, ones = (
        json.loads(scaler.apply(parse(str([value] * width)).asML()).toDense().toString()) for value in (0.0, 1.0)
    )
    return None if any(zeros) else tuple(ones)


def _of_base(data: DataFrame, plan: Any, found: dict[str, _Origin], columns: Columns) -> Unassembled | None:
    """The DataFrame of a plan, with the columns by their names there; None if names or types are not plain."""
    session = data.sparkSession
    base = DataFrame(_jvm(data).org.apache.spark.sql.classic.Dataset.ofRows(session._jsparkSession, plan), session)
    names = dict(zip((each.exprId().id() for each in _items(plan.output())), base.columns, strict=True))
    origin = found[columns.features[0]]
    taken = [names[each] for name in columns.names for each in found[name].ids]
    inputs = [names[each] for each in origin.ids]
    plain = all(isinstance(base.schema[name].dataType, NUMBERS) for name in inputs)
    if not plain or len(set(inputs)) < len(inputs) or any(base.columns.count(name) > 1 for name in taken):
        return None
    return Unassembled(
        base,
        columns._replace(
            features=tuple(inputs),
            label=columns.label and names[found[columns.label].ids[0]],
            weight=columns.weight and names[found[columns.weight].ids[0]],
            extra=tuple(names[found[name].ids[0]] for name in columns.extra),
            sparse=False,
            missing=columns.missing and origin.keeps_invalid,
            scale=origin.scale,
        ),
        origin.keeps_invalid,
    )


def _jvm(data: DataFrame) -> Any:
    return data.sparkSession._jvm


def _items(sequence: Any) -> list[Any]:
    return [sequence.apply(i) for i in range(sequence.size())]


def _kind(expression: Any) -> str:
    return str(expression.getClass().getSimpleName())
