"""Digests: short words for values of any kind, by their content."""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.sparse import issparse


def digest(value: Any) -> str:
    """Digest of a value by its content: equal values have equal digests, in whatever process."""
    taken = hashlib.sha256()
    _take(value, taken.update)
    return taken.hexdigest()


def _take(value: Any, update: Callable[[bytes], None]) -> None:
    update(f"{type(value).__module__}.{type(value).__qualname__}:".encode())
    if isinstance(value, np.ndarray):
        update(f"{value.dtype.str}{value.shape}".encode())
        parts: Any = value.tolist() if value.dtype.hasobject else ()
        if not value.dtype.hasobject:
            update(np.ascontiguousarray(value).tobytes())
    elif issparse(value):
        parts = (value.shape, value.data, value.indices, value.indptr)
    elif isinstance(value, dict):
        parts = sorted(value.items(), key=repr)
    elif isinstance(value, tuple | list):
        parts = value
    elif isinstance(value, partial):
        parts = (value.func, value.args, value.keywords)
    elif isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        update(f"{value.__module__}.{value.__qualname__}".encode())
        parts = ()
    elif hasattr(value, "__dict__"):
        parts = sorted(vars(value).items())
    else:
        update(repr(value).encode())
        parts = ()
    update(f"{len(parts)};".encode())
    for part in parts:
        _take(part, update)
