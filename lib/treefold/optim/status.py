"""Status of a model during and after its fit."""

import numpy as np
from numpy.typing import NDArray

RUNNING, CONVERGED, MAX_ITER, NO_PROGRESS, DIVERGED, PAUSED, STOPPED, HALTED = range(8)
MEANING = (
    "running",
    "converged",
    "maximum number of iterations reached",
    "no further decrease in the precision of the data",
    "diverged",
    "waiting for the other models",
    "stopped: other models are better",
    "stopped: the loss of held-out rows no longer decreases",
)


def running(status: NDArray) -> NDArray[np.intp]:
    """Indices of the models that are still running."""
    return np.flatnonzero(status == RUNNING)


def put(array: NDArray, models: NDArray, rows: NDArray) -> NDArray:
    """A copy of an array with the rows of some models replaced.

    Parameters
    ----------
    array : (models, ...)
        One row for each model; not changed.
    models : (m,) int
        Models whose rows are replaced.
    rows : (m, ...)
        The new rows.

    Returns
    -------
    (models, ...)
        ``rows`` itself if all rows are replaced.
    """
    if len(models) == len(array):
        return np.asarray(rows, array.dtype)
    result = array.copy()
    result[models] = rows
    return result
