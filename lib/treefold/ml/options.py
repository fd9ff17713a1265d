"""Params, each declared once: name, meaning, check and default in one place."""

import difflib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pyspark.ml.param import Param, Params, TypeConverters

from treefold.errors import InputError

UNSET = object()


class NoParam(InputError, AttributeError):
    """There is no such param. An AttributeError as well, so that ``hasattr`` of its getter is False."""

    def __init__(self, owner: Params, name: str) -> None:
        names = [param.name for param in owner.params]
        close = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean '{close[0]}'?" if close else f"it has {', '.join(names)}"
        super().__init__(f"{type(owner).__name__} has no param '{name}': {hint}")


class Option(Param):
    """A Param of pyspark.ml with its default.

    Parameters
    ----------
    convert : value -> value
        Checks and converts; raises TypeError or ValueError.
    default : optional
        Without one, the param is unset until it is set.
    """

    def __init__(self, name: str, doc: str, convert: Callable[[Any], Any], default: Any = UNSET) -> None:
        super().__init__(Params._dummy(), name, doc, convert)
        self.default = default


class Options(Params):
    """Params with generated getters and setters (``getMaxIter``, ``setMaxIter``) and keyword constructor."""

    def __init__(self, **values: Any) -> None:
        super().__init__()
        for param in self.params:
            if isinstance(param, Option) and param.default is not UNSET:
                self._setDefault(**{param.name: param.default})
        self.setParams(**values)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, option in list(vars(cls).items()):
            if isinstance(option, Option):
                title = name[0].upper() + name[1:]
                for word, made in ((f"get{title}", _getter(name)), (f"set{title}", _setter(name))):
                    if word not in vars(cls):
                        setattr(cls, word, made)

    if not TYPE_CHECKING:  # which knows what attributes there are

        def __getattr__(self, name):
            if name[:3] in ("get", "set") and name[3:4].isupper():
                raise NoParam(self, name[3].lower() + name[4:])
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def setParams(self, **values: Any) -> Self:
        """Set params by keyword.

        Raises
        ------
        InputError
            If there is no such param, or a value is not of its kind.
        """
        for name, value in values.items():
            if not self.hasParam(name):
                raise NoParam(self, name)
            if value is None:
                continue
            try:
                self._set(**{name: value})
            except (TypeError, ValueError) as error:
                option = self.getParam(name)
                reason = str(error).rstrip(".")
                raise InputError(f"{name} = {value!r} is no valid value ({reason}): {name} is {option.doc}") from error
        return self

    def value(self, name: str) -> Any:
        """Value of a param, its default, or None."""
        param = self.getParam(name)
        return self.getOrDefault(param) if self.isDefined(param) else None

    def changed(self, name: str) -> bool:
        """Whether there is such a param, and it has another value than its default."""
        if not (self.hasParam(name) and self.isSet(name)):
            return False
        return not self.hasDefault(name) or self.value(name) != self._defaultParamMap[self.getParam(name)]


def _getter(name: str) -> Callable[[Any], Any]:
    def get(self: Options) -> Any:
        return self.getOrDefault(name)

    get.__doc__ = f"Value of {name} or its default."
    return get


def _setter(name: str) -> Callable[[Any, Any], Any]:
    def set_(self: Options, value: Any) -> Options:
        return self.setParams(**{name: value})

    set_.__doc__ = f"Set {name}; returns the object."
    return set_


def at_least(low: float, convert: Callable[[Any], Any] = TypeConverters.toFloat) -> Callable[[Any], Any]:
    """A number ``>= low``."""

    def check(value: Any) -> Any:
        number = convert(value)
        if not low <= number < float("inf"):
            raise ValueError(f"not a number from {low:g} up")
        return number

    return check


def only(value: Any, reason: str) -> Callable[[Any], Any]:
    """A param of pyspark.ml's that has but one value here."""

    def check(given: Any) -> Any:
        if given != value:
            raise ValueError(f"only {value!r} can be honoured: {reason}")
        return value

    return check


def at_most(low: int, high: int) -> Callable[[Any], int]:
    """A whole number from ``low`` to ``high``."""

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


def between(low: float, high: float) -> Callable[[Any], float]:
    """A number in (low, high)."""

    def check(value: Any) -> float:
        number = TypeConverters.toFloat(value)
        if not low < number < high:
            raise ValueError(f"not between {low:g} and {high:g}")
        return number

    return check


def factors_by_class(value: Any) -> Any:
    """The word balanced, or a number >= 0 for each class that has another weight than 1: {class: weight}."""
    if value == "balanced":
        return value
    weights = {str(TypeConverters.toInt(label)): at_least(0)(weight) for label, weight in dict(value).items()}
    if any(int(label) < 0 for label in weights):
        raise ValueError("a class below 0")
    return weights


def rows_of_bounds(value: Any) -> list[list[float]]:
    """Rows of numbers or infinities: a Matrix, an array, lists, or for one row a Vector or one list."""
    rows = np.atleast_2d(value.toArray() if hasattr(value, "toArray") else np.asarray(value, np.float64))
    if rows.ndim != 2 or np.isnan(rows).any():
        raise ValueError("not rows of numbers")
    return rows.tolist()


def choice(*values: str) -> Callable[[Any], str]:
    """One of a few words; dashes do not matter (``l-bfgs`` is ``lbfgs``)."""

    def check(value: Any) -> str:
        word = TypeConverters.toString(value)
        if word not in values and word.replace("-", "") in values:
            word = word.replace("-", "")
        if word not in values:
            raise ValueError(f"not one of {', '.join(values)}")
        return word

    return check


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
    """A whole number >= 1, or a list of different ones."""
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


def class_weights(value: Any) -> Any:
    """``balanced``, or numbers >= 0."""
    return choice("balanced")(value) if isinstance(value, str) else weights(value)


def rows_of_numbers(value: Any) -> list[list[float]]:
    """Rows of numbers, all of one length: lists, an array, or vectors."""
    rows = [TypeConverters.toListFloat(row) for row in value]
    if not rows or len({len(row) for row in rows}) > 1:
        raise ValueError("not rows of one length")
    return rows
