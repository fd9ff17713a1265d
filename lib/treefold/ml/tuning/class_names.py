"""Classes by the names under which they were saved."""

from typing import Any

from treefold.errors import InputError


def class_named(name: Any, root: type) -> Any:
    """The subclass of ``root`` with a saved name, whatever module it was in when it was saved.

    Raises
    ------
    InputError
        If no such class has been imported.
    """
    wanted = str(name).rpartition(".")[2]
    for cls in descendants(root):
        if cls.__name__ == wanted:
            return cls
    raise InputError(f"{name} is not known here: import the module that defines it first")


def descendants(cls: type) -> list[type]:
    """All classes below ``cls``."""
    children: list[type] = cls.__subclasses__()
    return [each for child in children for each in (child, *descendants(child))]
