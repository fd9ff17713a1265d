"""Features of tables with named columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from treefold.errors import InputError


def features_by_name(X: Any, names: Sequence[str]) -> Any:
    """The features of a table, found by their names.

    Parameters
    ----------
    X : (rows, features) array or sparse matrix, or a table
        A table has named columns: a pandas or polars DataFrame, a pyarrow Table or RecordBatch.
    names : sequence of str
        Names of the features, in the order of the model; empty if they are not known.

    Returns
    -------
    (rows, features) float64 array, or ``X``
        Of a table its columns ``names`` with nulls as NaN; further columns are ignored. ``X`` is returned unchanged, to
        be read by position, if it is not a table, if its columns have no names (as in a pandas DataFrame made from an
        array) or if ``names`` is empty.

    Raises
    ------
    InputError
        If a column is missing, occurs twice, or does not hold numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> features_by_name(pd.DataFrame({"b": [1], "more": [2], "a": [3]}), ["a", "b"])
    array([[3., 1.]])
    """
    there = getattr(X, "column_names", None)  # pyarrow
    if there is None:
        there = getattr(X, "columns", None)  # pandas, polars
    if there is None or not names or not any(isinstance(name, str) for name in there):
        return X
    made = np.empty((len(X), len(names)))
    labels = list(there)
    for i, name in enumerate(names):
        if labels.count(name) != 1:
            some = ", ".join(str(label) for label in labels[:20])
            what = "has two columns" if name in labels else "has no column"
            raise InputError(f"the table {what} '{name}', which is a feature of the model: its columns are {some}")
        try:
            made[:, i] = np.asarray(X[name], np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"column '{name}' of the table holds no numbers ({error}): encode or cast it") from error
    return made
