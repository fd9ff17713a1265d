"""Results of passes as bytes and back, without pickle.

A value is a structure in JSON over arrays in an ``npz`` file. It may contain NamedTuples and dataclasses of treefold,
by the names of their classes. The reader looks a name up among imported modules (and treefold's own) and accepts it
only if it is such a class, so a file can neither import nor call any other code.
"""

import json
import sys
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from treefold.errors import InputError
from treefold.persistence import npz

STRUCTURE = "structure"
CSR: dict[str, type] = {"csr_array": sparse.csr_array, "csr_matrix": sparse.csr_matrix}
OURS = "treefold."


def dumped(value: Any) -> bytes:
    """The value as bytes.

    Parameters
    ----------
    value : Any
        NamedTuples, tuples, lists, dicts, arrays, CSR, numbers, text and None.

    Returns
    -------
    bytes

    Raises
    ------
    InputError
        If the value contains anything else.
    """
    arrays: list[NDArray] = []
    structure = json.dumps(_encoded(value, arrays)).encode()
    members = {STRUCTURE: np.frombuffer(structure, np.uint8)}
    return npz.packed(members | {str(number): array for number, array in enumerate(arrays)})


def loaded(content: bytes) -> Any:
    """The value of such bytes.

    Raises
    ------
    ValueError
        If they were not written by :func:`dumped`, or name a class that is not there.
    """
    arrays = npz.unpacked(content)
    try:
        return _made(json.loads(arrays[STRUCTURE].tobytes()), arrays)
    except (KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise ValueError(f"no structure of values: {error}") from error


def _encoded(value: Any, arrays: list[NDArray]) -> Any:
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return {"float": value.hex()}
    if kind is bytes:
        return {"bytes": value.hex()}
    if isinstance(value, np.generic) or kind is np.ndarray:
        array = np.asarray(value)
        if not array.dtype.hasobject:
            arrays.append(array)
            return {"array" if kind is np.ndarray else "scalar": str(len(arrays) - 1)}
    if kind in CSR.values():
        parts = [_encoded(part, arrays) for part in (value.data, value.indices, value.indptr)]
        return {"csr": kind.__name__, "parts": parts, "shape": [int(n) for n in value.shape]}
    if kind in (tuple, list):
        return {kind.__name__: [_encoded(part, arrays) for part in value]}
    if kind is dict:
        return {"dict": [[_encoded(key, arrays), _encoded(part, arrays)] for key, part in value.items()]}
    name = f"{kind.__module__}:{kind.__qualname__}"
    if _is_record(kind):
        if _class(name) is not kind:
            raise InputError(f"a checkpoint cannot hold a {name}: define the class at the top of a module")
        return {"record": name, "parts": [_encoded(getattr(value, field), arrays) for field in _fields(kind)]}
    raise InputError(
        f"a checkpoint cannot hold a {name}, which a pass returned: return NamedTuples of arrays and numbers, or leave "
        "[checkpoint] out"
    )


def _made(encoded: Any, arrays: dict[str, NDArray]) -> Any:
    if not isinstance(encoded, dict):
        return encoded
    kind, content = next(iter(encoded.items()))
    if kind in ("array", "scalar"):
        return arrays[content] if kind == "array" else arrays[content][()]
    if kind in ("float", "bytes"):
        return float.fromhex(content) if kind == "float" else bytes.fromhex(content)
    if kind == "dict":
        return {_made(key, arrays): _made(part, arrays) for key, part in content}
    if kind in ("tuple", "list"):
        parts = [_made(part, arrays) for part in content]
        return tuple(parts) if kind == "tuple" else parts
    parts = [_made(part, arrays) for part in encoded["parts"]]
    if kind == "csr":
        return CSR[content](tuple(parts), shape=tuple(encoded["shape"]))
    cls: Any = _class(content)
    if kind != "record" or cls is None or len(parts) != len(_fields(cls)):
        raise ValueError(f"{content} is no class that is known here")
    return cls._make(parts) if issubclass(cls, tuple) else cls(*parts)


def _class(name: str) -> Any:
    """The NamedTuple, or dataclass of ours, of that name; None if there is none."""
    module, _, path = name.partition(":")
    if module.startswith(OURS) and module not in sys.modules:
        try:
            import_module(module)
        except ImportError:
            return None
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = vars(found).get(part) if hasattr(found, "__dict__") else None
    right = isinstance(found, type) and (found.__module__, found.__qualname__) == (module, path) and _is_record(found)
    return found if right else None


def _is_record(cls: type) -> bool:
    if is_dataclass(cls):
        return cls.__module__.startswith(OURS)
    return issubclass(cls, tuple) and isinstance(getattr(cls, "_fields", None), tuple)


def _fields(cls: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls)) if is_dataclass(cls) else cls._fields
