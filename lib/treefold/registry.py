"""Registry of the kinds of models that can be saved. A model class registers itself under the name of its kind."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

C = TypeVar("C", bound=type)
BUILT_IN = {
    "LinearModel": "linear",
    "KMeansModel": "kmeans",
    "ForestModel": "forest",
    "PerceptronModel": "perceptron",
    "SvmModel": "svm",
    "CalibratedModel": "calibration",
}
"""Packages of :mod:`treefold.algorithms` that are imported when a model of that kind is loaded."""
_KINDS: dict[str, type] = {}


def saved_as(kind: str) -> Callable[[C], C]:
    """Register a class under the name that its saved models have.

    The class has ``save_state()``, which returns facts and arrays, and a class method ``from_state(facts, arrays)``. A
    model of a class outside of treefold can be loaded once the module that defines it has been imported.

    Parameters
    ----------
    kind : str
        Name of the kind.

    Returns
    -------
    callable
        A decorator of the class.

    Raises
    ------
    ValueError
        If another class has that name.
    """

    def enter(cls: C) -> C:
        known = _KINDS.setdefault(kind, cls)
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ValueError(f"{known.__module__}.{known.__qualname__} is saved as {kind}: take another name")
        _KINDS[kind] = cls
        return cls

    return enter


def class_of(kind: str) -> Any:
    """The class of a kind, or None."""
    if kind not in _KINDS and kind in BUILT_IN:
        import_module(f"treefold.algorithms.{BUILT_IN[kind]}")
    return _KINDS.get(kind)


def kind_of(model: Any) -> str:
    """The name of a model's kind; TypeError if its class is not registered."""
    for kind, cls in _KINDS.items():
        if type(model) is cls:
            return kind
    raise TypeError(f"{type(model).__name__} cannot be saved: decorate the class with treefold.registry.saved_as")
