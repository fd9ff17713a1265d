"""Params, each declared once with name, meaning, check and default."""

import difflib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from pyspark.ml.linalg import Matrix, Vector
from pyspark.ml.param import Param, Params, shared

from treefold.errors import InputError

UNSET = object()
NO_EFFECT = "accepted for programs written for pyspark.ml, without effect here: "
MIXINS: list[Any] = [cls for name, cls in vars(shared).items() if name.startswith("Has") and isinstance(cls, type)]


class NoParam(InputError, AttributeError, TypeError):
    """There is no such param.

    It is also an AttributeError, so that ``hasattr`` of its getter is False, and a TypeError, as an unknown keyword is
    in pyspark.ml.
    """

    def __init__(self, owner: Params, name: str) -> None:
        names = [param.name for param in owner.params]
        close = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean '{close[0]}'?" if close else f"it has {', '.join(names)}"
        super().__init__(f"{type(owner).__name__} has no param '{name}': {hint}")


class WrongType(InputError, TypeError):
    """A value of the wrong type. It is also a TypeError, as in pyspark.ml."""


class Option(Param):
    """A Param of pyspark.ml with its default.

    Parameters
    ----------
    name : str
        Name of the param.
    doc : str
        Its meaning, for ``explainParams`` and the documentation.
    convert : value -> value
        Checks and converts a value; raises TypeError or ValueError.
    default : optional
        The default; without one the param is unset until it is set.
    """

    def __init__(self, name: str, doc: str, convert: Callable[[Any], Any], default: Any = UNSET) -> None:
        super().__init__(Params._dummy(), name, doc, convert)
        self.default = default

    def meaning(self, value: Any) -> Any:
        """The value that a value stands for; see :class:`~treefold.ml.converters.Choice`."""
        of = getattr(self.typeConverter, "meaning", None)
        return value if of is None or value is None else of(value)


class Options(Params):
    """Params with generated getters and setters (``getMaxIter``, ``setMaxIter``) and a keyword constructor.

    A class that has all params of one of pyspark.ml's mixins (``HasWeightCol``) is registered as a virtual subclass of
    it, because OneVsRest, for example, checks for the mixin.
    """

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
        for mixin in MIXINS:
            if all(isinstance(getattr(cls, param, None), Option) for param in _own_params(mixin)):
                mixin.register(cls)

    if not TYPE_CHECKING:  # type checkers know the attributes

        def __getattr__(self, name):
            if name[:3] in ("get", "set") and name[3:4].isupper():
                raise NoParam(self, name[3].lower() + name[4:])
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def setParams(self, **values: Any) -> Self:
        """Set params by keyword.

        Parameters
        ----------
        **values
            Values of params.

        Returns
        -------
        Self

        Raises
        ------
        InputError
            If there is no such param, or a value is not valid.
        """
        for name, value in values.items():
            if not self.hasParam(name):
                raise NoParam(self, name)
            if value is not None:
                self._set(**{name: value})
        return self

    def set(self, param: Param, value: Any) -> None:
        """Set a param of this object; see :meth:`setParams`."""
        self._shouldOwn(param)
        self._set(**{param.name: value})

    def _set(self, **values: Any) -> Self:
        for name, value in values.items():
            option = self.getParam(name)
            try:
                self._paramMap[option] = None if value is None else option.typeConverter(value)
            except (TypeError, ValueError) as error:
                kind = WrongType if isinstance(error, TypeError) else InputError
                reason = str(error).rstrip(".")
                raise kind(f"{name} = {value!r} is no valid value ({reason}): {name} is {option.doc}") from error
        return self

    def value(self, name: str) -> Any:
        """What the value of a param, or its default, stands for; None if it has neither."""
        param = self.getParam(name)
        if not self.isDefined(param):
            return None
        value = self.getOrDefault(param)
        return param.meaning(value) if isinstance(param, Option) else value

    def changed(self, name: str) -> bool:
        """Whether the param exists and differs from its default."""
        if not (self.hasParam(name) and self.isSet(name)):
            return False
        return not self.hasDefault(name) or self.value(name) != self._defaultParamMap[self.getParam(name)]

    def plain_params(self) -> dict[str, Any]:
        """The params that are set, by name, in types of JSON; :meth:`setParams` takes them back."""
        return {param.name: plain(value) for param, value in self._paramMap.items()}


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


def plain(value: Any) -> Any:
    """A value of a param in types of JSON."""
    if isinstance(value, Matrix | Vector):
        return value.toArray().tolist()
    return {str(key): one for key, one in value.items()} if isinstance(value, Mapping) else value


def _own_params(mixin: type) -> list[str]:
    return [name for name, param in vars(mixin).items() if isinstance(param, Param)]
