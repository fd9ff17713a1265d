"""Vector columns that pyspark.ml's feature transformers make of numeric columns, recognised in the plan of a DataFrame.

Spark makes such a vector row by row and sends it to a Python worker, which can read the numbers itself. If a vector
column is made by ``VectorAssembler``, possibly followed by ``StandardScaler`` without ``withMean``, the readers
therefore take the numeric columns and the factors of the scaler. Attributes of the plan are told apart by their texts,
see :func:`treefold.engine.reading.spark_plan.texts`.
"""

import json
import re
from collections import Counter
from typing import Any, NamedTuple

from pyspark.ml.linalg import VectorUDT
from pyspark.sql import DataFrame
from pyspark.sql import types as t

from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.engine.reading.spark_plan import texts

ASSEMBLER = "org.apache.spark.ml.feature.VectorAssembler$$Lambda"
TO_DOUBLE = re.compile(r"^cast\((.*) as double\)$", re.DOTALL)
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
    attributes : tuple of str
        An attribute, or those that an assembler takes, as their texts.
    assembled : bool
        Whether the assembler has been found.
    scaler : JavaObject, optional
        Function of the scaler that was found above the assembler.
    scale : tuple of float
        Factor of each input; empty without a scaler.
    keeps_invalid : bool
        Whether the assembler takes null and NaN.
    """

    attributes: tuple[str, ...]
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
    present = dict(zip(data.columns, texts(plan.output()), strict=True))
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
    output, items = texts(project.output()), texts(project.projectList())
    made, inputs = dict(zip(output, items, strict=True)), set(texts(project.child().output()))
    below = {}
    for name, origin in found.items():
        sources = [_source(made[each], each, inputs) for each in origin.attributes]
        if None not in sources:
            below[name] = origin._replace(attributes=tuple(sources))  # type: ignore[arg-type]
            continue
        if name != features or origin.assembled:
            return None
        item = project.projectList().apply(output.index(origin.attributes[0]))
        made_of = _transformed(data, item, inputs, origin)
        if made_of is None:
            return None
        below[name] = made_of
    return below


def _source(item: str, made: str, inputs: set[str]) -> str | None:
    """The attribute that an item of a projection is or renames; None if the item is computed."""
    expression = item.removesuffix(f" AS {made}")
    return expression if expression in inputs else None


def _transformed(data: DataFrame, item: Any, inputs: set[str], origin: _Origin) -> _Origin | None:
    """Where a vector column comes from that a transformer makes; None if it is none of those that are known."""
    if _kind(item) != "Alias" or _kind(item.child()) != "ScalaUDF" or item.child().children().size() != 1:
        return None
    function, argument = item.child().function(), item.child().children().apply(0)
    name = function.getClass().getName()
    if name.startswith(ASSEMBLER) and _kind(argument) == "CreateNamedStruct":
        taken = [TO_DOUBLE.sub(r"\1", each) for each in texts(argument.valExprs())]
        return _assembled(data, function, taken, origin.scaler) if inputs.issuperset(taken) else None
    if name.startswith(SCALER) and argument.toString() in inputs and origin.scaler is None:
        return _Origin((argument.toString(),), scaler=function)
    return None


def _assembled(data: DataFrame, assembler: Any, taken: list[str], scaler: Any) -> _Origin | None:
    scale = () if scaler is None else _factors(data, scaler, len(taken))
    if scale is None:
        return None
    return _Origin(tuple(taken), True, scaler, scale, _keeps_invalid(data, assembler, len(taken)))


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
    names = dict(zip(texts(plan.output()), base.columns, strict=True))
    fields = {field.name: field.dataType for field in base.schema.fields}
    origin = found[columns.features[0]]
    inputs = [names[each] for each in origin.attributes]
    taken = {names[each] for name in columns.names for each in found[name].attributes}
    twice = {name for name, times in Counter(base.columns).items() if times > 1}
    plain = all(isinstance(fields[name], NUMBERS) for name in inputs)
    if not plain or len(set(inputs)) < len(inputs) or taken & twice:
        return None
    return Unassembled(
        base,
        columns._replace(
            features=tuple(inputs),
            label=columns.label and names[found[columns.label].attributes[0]],
            weight=columns.weight and names[found[columns.weight].attributes[0]],
            extra=tuple(names[found[name].attributes[0]] for name in columns.extra),
            sparse=False,
            missing=columns.missing and origin.keeps_invalid,
            scale=origin.scale,
        ),
        origin.keeps_invalid,
    )


def _jvm(data: DataFrame) -> Any:
    return data.sparkSession._jvm


def _kind(expression: Any) -> str:
    return str(expression.getClass().getSimpleName())
