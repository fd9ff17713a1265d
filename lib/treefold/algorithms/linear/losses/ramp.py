"""The ramp function ``max(0, x)``, from which losses with a kink are built."""

import numpy as np
from numpy.typing import NDArray


def ramp(gap: NDArray, smoothing: float) -> tuple[NDArray, NDArray]:
    """``max(0, gap)`` and its slope, with a parabola over ``[0, smoothing]`` in place of the kink."""
    if not smoothing:
        return np.maximum(gap, 0), (gap > 0).astype(gap.dtype)
    width = gap.dtype.type(smoothing)
    slope = np.clip(gap / width, 0, 1)
    return slope * (gap - width * slope / 2), slope
