"""How the fit of one model stands."""

import numpy as np
from numpy.typing import NDArray

RUNNING, CONVERGED, MAX_ITER, NO_PROGRESS, DIVERGED, PAUSED, STOPPED, HALTED = range(8)
MEANING = (
    "running",
    "converged",
    "maximum number of iterations reached",
    "no further decrease in the precision of the data",
    "diverged",
    "waiting for the others",
    "stopped: others do better",
    "stopped: rows held out gain nothing more",
)


def running(status: NDArray) -> NDArray[np.intp]:
    """Indices of the models that are still running."""
    return np.flatnonzero(status == RUNNING)


def put(array: NDArray, models: NDArray, rows: NDArray) -> NDArray:
    """Copy of ``array`` with the rows of ``models``, in order, replaced; ``rows`` themselves where that is all."""
    if len(models) == len(array):
        return np.asarray(rows, array.dtype)
    result = array.copy()
    result[models] = rows
    return result
