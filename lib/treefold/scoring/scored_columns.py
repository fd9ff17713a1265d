"""The columns that a batch prediction writes: keys, outputs of the model, partitions."""

from typing import Any

from pyspark.sql import DataFrame

from treefold.engine.reading.columns import column_named, hint
from treefold.errors import InputError
from treefold.ml.predict import predicted

USUAL = ("prediction", "probability", "distance")


def outputs_named(model: Any, asked: list[str] | None) -> dict[str, str]:
    """Outputs of a model to write, and the columns they go to.

    Raises
    ------
    InputError
        If the model has no such output.
    """
    for output in asked or []:
        if output not in model.outputs:
            raise InputError(f"model.outputs: the model has no '{output}': it has {', '.join(model.outputs)}")
    wanted = asked or [output for output in USUAL if output in model.outputs]
    return {output: model.value(f"{output}Col") or output for output in wanted}


def check_key(data: DataFrame, key: list[str]) -> None:
    """Raise InputError if a key column is missing."""
    for name in key:
        if name not in data.columns:
            raise InputError(f"data.key: there is no column '{name}': {hint(name, data.columns)}")


def scored(
    data: DataFrame,
    model: Any,
    numpy_model: Any,
    named: dict[str, str],
    key: list[str],
    by: list[str],
    *,
    keep_nulls: bool = False,
) -> DataFrame:
    """Key columns, outputs and partition columns of rows.

    Parameters
    ----------
    data : DataFrame
        The data.
    model : Spark model
        Whose features are read.
    numpy_model : NumPy model
        That makes the outputs.
    named : {output: column}
        Outputs to write, and their column names.
    key : list[str]
        Columns that are copied to the output.
    by : list[str]
        Columns that partition the output.
    keep_nulls : bool, default False
        Whether outputs are null in a row whose features have a null, instead of an error.
    """
    columns = model.columns_of(data, labelled=False)
    used = [name if name in data.columns else name.partition(".")[0] for name in columns.features + columns.extra]
    needed = [name for name in dict.fromkeys([*key, *by, *used]) if name in data.columns]
    rows = data.select(*(column_named(data, name) for name in needed))
    made = predicted(rows, numpy_model, columns, named, {}, vectors=False, keep_nulls=keep_nulls)
    kept = [name for name in key if name not in by]
    return made.select(*(column_named(made, name) for name in [*kept, *named.values(), *by]))
