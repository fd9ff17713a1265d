"""Converters of params: they check and convert a value, or raise TypeError or ValueError as pyspark.ml's do."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.ml.linalg import DenseMatrix, DenseVector, Matrix, Vector
from pyspark.ml.param import TypeConverters


def at_least(low: float, convert: Callable[[Any], Any] = TypeConverters.toFloat) -> Callable[[Any], Any]:
    """A number ``>= low``."""

    def check(value: Any) -> Any:
        number = convert(value)
        if not low <= number < float("inf"):
            raise ValueError(f"not a number from {low:g} up")
        return number

    return check


def at_most(low: int, high: int) -> Callable[[Any], int]:
    """An integer from ``low`` to ``high``."""

    def check(value: Any) -> int:
        number = TypeConverters.toInt(value)
        if not low <= number <= high:
            raise ValueError(f"not from {low} to {high}")
        return number

    return check


def share(value: Any) -> float:
    """A number in [0, 1]."""
    number = TypeConverters.toFloat(value)
    if not 0 <= number <= 1:
        raise ValueError("not between 0 and 1")
    return number


def positive_share(value: Any) -> float:
    """A number in (0, 1]."""
    number = share(value)
    if not number > 0:
        raise ValueError("not above 0")
    return number


def share_below(high: float) -> Callable[[Any], float]:
    """A number in [0, high)."""

    def check(value: Any) -> float:
        number = TypeConverters.toFloat(value)
        if not 0 <= number < high:
            raise ValueError(f"not from 0 to below {high:g}")
        return number

    return check


def number_or_infinity(value: Any) -> float:
    """A number or an infinity, but not NaN."""
    found = TypeConverters.toFloat(value)
    if math.isnan(found):
        raise ValueError("not a number")
    return found


def between(low: float, high: float) -> Callable[[Any], float]:
    """A number in (low, high)."""

    def check(value: Any) -> float:
        number = TypeConverters.toFloat(value)
        if not low < number < high:
            raise ValueError(f"not between {low:g} and {high:g}")
        return number

    return check


def factors_by_class(value: Any) -> Any:
    """``balanced``, or numbers >= 0 by class: a list, or a map whose keys are classes (digits in TOML and JSON)."""
    if isinstance(value, str):
        return Choice("balanced")(value)
    if not isinstance(value, Mapping):
        return weights(value)
    factors = {_class(label): at_least(0)(factor) for label, factor in value.items()}
    if any(label < 0 for label in factors):
        raise ValueError("a class below 0")
    return factors


def _class(label: Any) -> int:
    return int(label) if isinstance(label, str) and label.isdigit() else TypeConverters.toInt(label)


def matrix_of_bounds(value: Any) -> Matrix:
    """Rows of numbers or infinities: a Matrix, an array, lists, or for one row a Vector or one list."""
    rows = np.atleast_2d(_numbers(value))
    if rows.ndim != 2 or np.isnan(rows).any():
        raise ValueError("not rows of numbers")
    return value if isinstance(value, Matrix) else DenseMatrix(len(rows), rows.shape[1], rows.ravel(order="F"))


def vector_of_bounds(value: Any) -> Vector:
    """Numbers or infinities: a Vector, an array or a list."""
    numbers = _numbers(value).ravel()
    if np.isnan(numbers).any():
        raise ValueError("not numbers")
    return value if isinstance(value, Vector) else DenseVector(numbers)


def _numbers(value: Any) -> NDArray:
    try:
        return np.asarray(value.toArray() if hasattr(value, "toArray") else value, np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"Could not convert {value!r} to numbers") from error


class Choice:
    """One of a few words.

    The param returns the word as it was written; :meth:`meaning` is the word that it stands for. Dashes are ignored
    (``l-bfgs`` is ``lbfgs``).

    Parameters
    ----------
    *words : str
        The words.
    any_case : bool, default False
        Whether case is ignored, as MLlib does for some params.
    same : {word: word}, optional
        Synonyms.
    """

    def __init__(self, *words: str, any_case: bool = False, same: dict[str, str] | None = None) -> None:
        self.words, self.any_case = words, any_case
        self.same = {**{self._plain(word): word for word in words}, **(same or {})}

    def __call__(self, value: Any) -> str:
        word = TypeConverters.toString(value)
        self.meaning(word)
        return word

    def meaning(self, word: str) -> str:
        """The word that ``word`` stands for; ValueError if there is none."""
        if word in self.words:
            return word
        try:
            return self.same[self._plain(word)]
        except KeyError:
            raise ValueError(f"not one of {', '.join(self.words)}") from None

    def _plain(self, word: str) -> str:
        return (word.lower() if self.any_case else word).replace("-", "")


def class_thresholds(value: Any) -> list[float]:
    """Numbers >= 0, at most one of them 0."""
    numbers = TypeConverters.toListFloat(value)
    if not all(0 <= number < float("inf") for number in numbers) or numbers.count(0.0) > 1:
        raise ValueError("not numbers from 0 up, at most one of them 0")
    return numbers


def columns(value: Any) -> Any:
    """The name of one column, or a list of names."""
    return TypeConverters.toString(value) if isinstance(value, str) else TypeConverters.toListString(value)


def counts(value: Any) -> Any:
    """An integer >= 1, or a list of different ones."""
    one = at_least(1, TypeConverters.toInt)
    if not isinstance(value, list | tuple | range):
        return one(value)
    many = [one(each) for each in value]
    if not many or len(set(many)) < len(many):
        raise ValueError("an empty list, or one that repeats itself")
    return many


def weights(value: Any) -> list[float]:
    """Numbers >= 0, not all of them 0."""
    numbers = TypeConverters.toListFloat(value)
    if not all(0 <= number < float("inf") for number in numbers) or not any(numbers):
        raise ValueError("not a list of numbers >= 0, one of them positive")
    return numbers


def rows_of_numbers(value: Any) -> list[list[float]]:
    """Rows of numbers of equal length: lists, an array, or vectors."""
    rows = [TypeConverters.toListFloat(row) for row in value]
    if not rows or len({len(row) for row in rows}) > 1:
        raise ValueError("not rows of one length")
    return rows
