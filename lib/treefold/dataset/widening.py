"""Types in which values are added: 64 bits, whatever type a statistic returns."""

from typing import Any

import numpy as np
from scipy.sparse import issparse

from treefold.errors import InputError

WIDE = {  # type of the sum, by kind of number
    "f": np.float64, "c": np.complex128, "b": np.int64, "i": np.int64, "u": np.uint64,
}  # fmt: skip


def widened(value: Any, name: str) -> Any:
    """The value of a statistic with every field in 64 bits.

    Floating-point numbers are added in float64, integers and bools in int64 or uint64. A sum of many small integers
    then does not wrap, and a sum of bools counts. Python integers are left as they are, because they have no limit.

    Parameters
    ----------
    value : NamedTuple
        Value of the statistic.
    name : str
        Name of the statistic, for error messages.

    Returns
    -------
    NamedTuple
        Of the type of ``value``.

    Raises
    ------
    InputError
        If the value is not a NamedTuple, or a field does not hold numbers.
    """
    if not isinstance(value, tuple) or not hasattr(value, "_fields"):
        raise InputError(
            f"the statistic {name} returned a {type(value).__name__}: return a NamedTuple of arrays or numbers, which "
            "are added field by field"
        )
    return type(value)(*(_wide(field, f"{name}.{key}") for key, field in zip(value._fields, value, strict=True)))


def _wide(field: Any, name: str) -> Any:
    if issparse(field):
        return field.astype(_wide_type(field.dtype, name), copy=False)
    if isinstance(field, int):
        return int(field)
    array = np.asarray(field)
    return array.astype(_wide_type(array.dtype, name), copy=False)


def _wide_type(dtype: np.dtype, name: str) -> type:
    if dtype.kind not in WIDE:
        raise InputError(f"the statistic {name} is of type {dtype}: return arrays of numbers, or use reduce")
    return WIDE[dtype.kind]
