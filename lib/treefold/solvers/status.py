"""How the fit of one model stands."""

import numpy as np
from numpy.typing import NDArray

RUNNING, CONVERGED, MAX_ITER, NO_PROGRESS, DIVERGED = range(5)
MEANING = (
    "running",
    "converged",
    "maximum number of iterations reached",
    "no further decrease in the precision of the data",
    "diverged",
)


def running(status: NDArray) -> NDArray[np.intp]:
    """Indices of the models that are still running."""
    return np.flatnonzero(status == RUNNING)


def put(array: NDArray, models: NDArray, rows: NDArray) -> NDArray:
    """Copy of ``array`` with the rows of ``models`` replaced."""
    result = array.copy()
    result[models] = rows
    return result
