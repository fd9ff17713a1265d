"""One BLAS thread on the driver while an algorithm runs.

OpenBLAS keeps its threads spinning for some 25 ms after every product, in case another one follows. Here a pass
follows, and if driver and tasks share a machine, the spinning threads take its processors: sparse passes took half as
long again. Most products of solvers are too small to gain from threads; large ones request all threads. With one thread
the bits also do not depend on the number of cores of the driver.

The threads belong to the process: other Python threads have one BLAS thread meanwhile as well. A limit that another
thread has set with threadpoolctl is left as it is.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import OpenBLASController, ThreadpoolController

WORTH = 1000  # number of rows and columns from which threads save time

log = logging.getLogger(__name__)
_lock = threading.RLock()
_limit: Any = None  # our limit, while it applies
_holders = 0


@contextmanager
def one() -> Iterator[None]:
    """Use one thread until the last of nested or concurrent ``with`` statements ends."""
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
                _release()


@contextmanager
def all_for(size: int) -> Iterator[None]:
    """Use all threads that the user allows, to factor a matrix of ``size`` rows, if it is large enough."""
    if size < WORTH or not _holders:
        yield
        return
    with _lock:
        _release()
    try:
        yield
    finally:
        with _lock:
            if _holders:
                _hold()


def _hold() -> None:
    global _limit
    controller = ThreadpoolController().select(user_api="blas")
    limit = controller.limit(limits=1)
    if any(library.num_threads not in (1, None) for library in controller.lib_controllers):
        log.info("BLAS keeps its threads on the driver: another thread has limited them by threadpoolctl")
        limit.restore_original_limits()
        return
    _limit = limit


def _release() -> None:
    """End our limit. It may have been set by another Python thread, which threadpoolctl does not support by itself."""
    global _limit
    if _limit is not None:
        OpenBLASController.clear_controlling_thread(force=True)
        _limit.restore_original_limits()
        _limit = None
        OpenBLASController.clear_controlling_thread(force=True)
