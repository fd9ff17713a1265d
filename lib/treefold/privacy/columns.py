"""Policies applied to the columns of a DataFrame, before anything else reads them.

Masks and generalisations are expressions of Spark. Pseudonyms and ciphertexts are made by the workers from batches of
Arrow. No expression can fail on a value, so no error message quotes one.
"""

from difflib import get_close_matches
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f
from pyspark.sql import types as t

from treefold.errors import InputError
from treefold.privacy.keys import Key, Keys
from treefold.privacy.policies import Policy, Privacy

TIMES = (t.DateType, t.TimestampType, t.TimestampNTZType)
TEXTS = (t.StringType, t.IntegralType, t.BooleanType, *TIMES)
MASK = "*"
ANY, LETTER_OR_DIGIT = r"(?s).", r"[\p{L}\p{N}]"


def protected(data: DataFrame, privacy: Privacy | None) -> DataFrame:
    """The rows with the policies applied; the other columns are as they were.

    Parameters
    ----------
    data : DataFrame
        Rows as they were read.
    privacy : Privacy, optional
        The policies. Without them the rows are returned as they are.

    Returns
    -------
    DataFrame
        Lazy, as every DataFrame of Spark.

    Raises
    ------
    InputError
        If a column is missing or of a type that its policy does not take, or the key cannot be used.

    Examples
    --------
    >>> frame = spark.createDataFrame([("ann@example.org", 34)], ["email", "age"])
    >>> policies = {"email": Policy("mask", prefix=1, format=True), "age": Policy("generalise", width=10)}
    >>> protected(frame, Privacy(policies)).collect()
    [Row(email='a**@*******.***', age=30.0)]
    """
    if privacy is None:
        return data
    keys = Keys.read(privacy.key) if privacy.key else None
    made = {}
    for name, policy in privacy.columns.items():
        if name not in data.columns:
            close = get_close_matches(name, data.columns, 1)
            meant = f"did you mean '{close[0]}'?" if close else "leave its policy out"
            raise InputError(f"privacy.columns: there is no column '{name}': {meant}")
        if policy.policy == "drop":
            continue
        made[name] = _protected(data, name, policy, keys.first if keys else None)
    dropped = [name for name, policy in privacy.columns.items() if policy.policy == "drop"]
    columns = [made.get(name, _column(name)) for name in data.columns if name not in dropped]
    return data.select(*columns)


def decrypted(values: pa.Array, keys: Keys) -> pa.Array:
    """The texts of a column that the policy ``encrypt`` has made.

    Parameters
    ----------
    values : pa.Array or pa.ChunkedArray of text
        Ciphertexts; null stays null.
    keys : Keys
        Among them the key that has encrypted; see :meth:`Keys.read`.

    Returns
    -------
    pa.Array of text

    Raises
    ------
    InputError
        If a value is damaged, or its key is missing.
    """
    return pa.array([None if value is None else keys.decrypted(value) for value in values.to_pylist()], pa.string())


def _column(name: str) -> Column:
    return f.col("`" + name.replace("`", "``") + "`")


def _protected(data: DataFrame, name: str, policy: Policy, key: Key | None) -> Column:
    kind, column = data.schema[name].dataType, _column(name)
    if policy.policy == "generalise":
        return _generalised(name, column, kind, policy).alias(name)
    _check(name, policy.policy, kind, TEXTS if policy.policy != "encrypt" else (*TEXTS, t.NumericType))
    text = _text(column, kind)
    if policy.policy == "mask":
        return _masked(text, policy).alias(name)
    assert key is not None
    return _keyed(policy, key)(text).alias(name)


def _check(name: str, policy: str, kind: t.DataType, taken: tuple[type[t.DataType], ...]) -> None:
    if not isinstance(kind, taken):
        raise InputError(
            f"privacy.columns: column '{name}' is of type {kind.simpleString()}, which {policy} cannot take"
        )


def _text(column: Column, kind: t.DataType) -> Column:
    """The value as text. Times are in UTC, so that the text does not depend on the session."""
    if isinstance(kind, t.TimestampType):
        column = f.convert_timezone(None, f.lit("UTC"), column.cast("timestamp_ntz"))
    return column.cast("string")


def _masked(text: Column, policy: Policy) -> Column:
    """The text with ``*`` for each character between prefix and suffix; all of a text that is no longer than both."""
    pattern = LETTER_OR_DIGIT if policy.format else ANY
    length, kept = f.length(text), policy.prefix + policy.suffix
    between = f.substring(text, f.lit(policy.prefix + 1), length - kept)
    inner = f.regexp_replace(between, pattern, MASK)
    ends = f.substring(text, f.lit(1), f.lit(policy.prefix)), f.right(text, f.lit(policy.suffix))
    return f.when(length > kept, f.concat(ends[0], inner, ends[1])).otherwise(f.regexp_replace(text, pattern, MASK))


def _generalised(name: str, column: Column, kind: t.DataType, policy: Policy) -> Column:
    if policy.date:
        _check(name, "generalise by date", kind, TIMES)
        return f.date_trunc(policy.date, column).cast(kind)
    if policy.prefix:
        _check(name, "generalise by prefix", kind, TEXTS)
        return f.substring(_text(column, kind), 1, policy.prefix)
    _check(name, "generalise by bins", kind, (t.NumericType,))
    value = column.cast("double")
    if policy.width:
        exact = value / f.lit(policy.width)
        near = f.rint(exact)  # floor would fail on a number that no BIGINT holds
        return f.when(near > exact, near - 1).otherwise(near) * f.lit(policy.width)
    found = f.lit(policy.edges[0])  # lower values join the first bin
    for edge in policy.edges[1:]:
        found = f.when(value >= f.lit(edge), f.lit(edge)).otherwise(found)
    return f.when(value.isNull() | f.isnan(value), value).otherwise(found)


def _keyed(policy: Policy, key: Key) -> Any:
    """A function of a column of text, evaluated by the workers; equal texts are protected once in a batch."""

    # The annotations tell Spark that this is a function of whole batches.
    def made(texts: pa.Array) -> pa.Array:
        if policy.random:
            there = texts.drop_null()
            tokens = pa.array(key.encrypted(there.to_pylist(), False), pa.string())
            return pc.replace_with_mask(pa.nulls(len(texts), pa.string()), texts.is_valid(), tokens)
        coded = texts.dictionary_encode()
        distinct = coded.dictionary.to_pylist()
        tokens = key.pseudonyms(distinct) if policy.policy == "pseudonymise" else key.encrypted(distinct, True)
        return pa.array(tokens, pa.string()).take(coded.indices)

    arrow_udf: Any = f.arrow_udf
    function = arrow_udf(made, "string")
    return function.asNondeterministic() if policy.random else function
