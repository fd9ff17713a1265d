"""Threads of BLAS on the driver: one, while blocks are open.

OpenBLAS keeps its threads spinning for some 25 ms after every product, in case another follows. Here a pass follows,
and where driver and tasks share a machine the spinning takes its processors: sparse passes took half as long again. The
products of solvers are mostly too small to gain by threads; those that are not ask for them. One thread also gives the
same bits on drivers with any number of cores.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import OpenBLASController, ThreadpoolController

WORTH = 1000  # rows and columns from which threads pay

_lock = threading.RLock()
_limit: Any = None  # while anyone holds it
_holders = 0


@contextmanager
def one() -> Iterator[None]:
    """One thread until the last of those who want so, in whatever thread of Python, has come to an end."""
    global _holders
    with _lock:
        if not _holders:
            _hold()
        _holders += 1
    try:
        yield
    finally:
        with _lock:
            _holders -= 1
            if not _holders:
                _let_go()


@contextmanager
def all_for(size: int) -> Iterator[None]:
    """All threads that the user allows, for the factors of a matrix of ``size`` rows, if that is worth them."""
    if size < WORTH or not _holders:
        yield
        return
    with _lock:
        _let_go()
    try:
        yield
    finally:
        with _lock:
            if _holders:
                _hold()


def _hold() -> None:
    global _limit
    _free()
    _limit = ThreadpoolController().limit(limits=1, user_api="blas")


def _let_go() -> None:
    global _limit
    _free()
    if _limit is not None:
        _limit.restore_original_limits()
        _limit = None
    _free()


def _free() -> None:
    """Let any thread of Python set limits: threadpoolctl listens to the first alone, and we count for ourselves."""
    OpenBLASController.clear_controlling_thread(force=True)
