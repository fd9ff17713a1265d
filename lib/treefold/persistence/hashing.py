"""Digests of values of any kind by their content.

The content of a function is its code, constants, defaults and closure; that of a bound method is its function and its
object; that of an object is its attributes and the code of its class. Functions that a function calls by a global name
are identified by that name alone.
"""

import copyreg
import hashlib
from collections.abc import Iterator
from functools import lru_cache, partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
from scipy.sparse import issparse

from treefold.errors import InputError

PLAIN = (
    type(None),
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    range,
    type(...),
    type(NotImplemented),
    np.generic,
    np.dtype,
)


def digest(value: Any) -> str:
    """Digest of a value by its content; equal values have equal digests in every process of one Python version.

    Parameters
    ----------
    value : Any
        The value.

    Returns
    -------
    str

    Raises
    ------
    InputError
        If part of the value has no comparable content, such as a lock, an open file or a generator.
    """
    return _Taken().of(value)


class _Taken:
    """State of one digest; values that contain themselves are included once."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.open: dict[int, int] = {}

    def of(self, value: Any) -> str:
        self.take(value)
        return self.hash.hexdigest()

    def take(self, value: Any) -> None:
        self.hash.update(f"{type(value).__module__}.{type(value).__qualname__}:".encode())
        if id(value) in self.open:
            self.hash.update(f"as {self.open[id(value)]};".encode())
            return
        self.open[id(value)] = len(self.open)
        text, parts = _content(value)
        self.hash.update(b"%d:%b%d;" % (len(text), text, len(parts)))
        for part in parts:
            self.take(part)
        del self.open[id(value)]


def _content(value: Any) -> tuple[bytes, Any]:
    """The bytes of a value, and the values that it contains."""
    if isinstance(value, PLAIN):
        return repr(value).encode(), ()
    if type(value) is np.ndarray:
        reduced = f"{value.dtype.str}{value.dtype.descr}{value.shape}".encode()
        return (
            (reduced, value.tolist())
            if value.dtype.hasobject
            else (reduced + np.ascontiguousarray(value).tobytes(), ())
        )
    if issparse(value) and hasattr(value, "indptr"):
        return b"", (value.shape, value.data, value.indices, value.indptr)
    if isinstance(value, dict):
        return b"", sorted(value.items(), key=lambda item: digest(item[0]))
    if isinstance(value, set | frozenset):
        return b"", sorted(map(digest, value))
    if isinstance(value, tuple | list):
        return b"", value
    if isinstance(value, ModuleType):
        return value.__name__.encode(), ()
    return _callable(value) or _object(value)


def _callable(value: Any) -> tuple[bytes, Any] | None:
    if isinstance(value, CodeType):
        names = (value.co_name, value.co_names, value.co_varnames, value.co_freevars, value.co_flags)
        return value.co_code, (*names, value.co_exceptiontable, value.co_consts)
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or () if _filled(cell)]
        parts = (value.__code__, value.__defaults__, value.__kwdefaults__, cells, vars(value))
        return f"{value.__module__}.{value.__qualname__}".encode(), parts
    if isinstance(value, MethodType):
        return b"", (value.__func__, value.__self__)
    if isinstance(value, BuiltinFunctionType):
        return str(value.__qualname__).encode(), (value.__self__,)
    if isinstance(value, partial):
        return b"", (value.func, value.args, value.keywords)
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}".encode(), [_code_of(value)]
    if hasattr(value, "py_func"):  # compiled by numba
        return b"", (value.py_func,)
    return None


def _object(value: Any) -> tuple[bytes, Any]:
    """An object by the parts from which it would be copied: its class and its state."""
    reduce: Any = copyreg.dispatch_table.get(type(value))
    try:
        reduced = reduce(value) if reduce else value.__reduce_ex__(4)
    except Exception as error:
        name = f"{type(value).__module__}.{type(value).__qualname__}"
        raise InputError(
            f"a {name} among the arguments of a pass has no content to compare, so a checkpoint cannot distinguish it "
            "from another: pass arrays, numbers and functions, or leave [checkpoint] out"
        ) from error
    if isinstance(reduced, str):
        return reduced.encode(), ()
    return b"", [list(part) if isinstance(part, Iterator) else part for part in reduced]


@lru_cache(maxsize=1024)
def _code_of(cls: type) -> str:
    """Digest of the Python methods of a class and of its base classes."""
    found = []
    for each in cls.__mro__:
        for name, member in sorted(vars(each).items()):
            function = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
            if isinstance(function, FunctionType):
                found.append((each.__qualname__, name, function.__code__, function.__defaults__))
    return digest(found)


def _filled(cell: Any) -> bool:
    try:
        return bool(cell.cell_contents is not cell)
    except ValueError:
        return False
