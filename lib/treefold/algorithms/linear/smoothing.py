"""Losses with a kink: fitted in stages, with the kink smoothed over a narrower and narrower interval.

A loss smoothed over a width h is at most h / 2 below the loss, so the objective at the minimum of the last stage is
within ``h / 2`` of the minimum. Each stage begins at the result of the stage before, which saves passes.

References
----------
Nesterov, "Smooth minimization of non-smooth functions", Mathematical Programming 103 (2005).
"""

from typing import NamedTuple

import numpy as np

from treefold.algorithms.linear.losses import Loss

WIDEST, FACTOR = 0.1, 10.0
LOOSE = 0.1  # ratio of gradient to width at which all stages but the last end


class Stage(NamedTuple):
    """A smooth loss, and the largest gradient element at which the stage ends."""

    loss: Loss
    tol: float


def stages(loss: Loss, finest: float, unit: float) -> list[Stage]:
    """Stages of a fit: a single one for a smooth loss, else widths from 0.1 down to ``finest`` times ``unit``.

    Parameters
    ----------
    loss : Loss
        Loss of the models.
    finest : float
        Width of the last stage.
    unit : float
        Unit of the label, by which all widths are multiplied.

    Returns
    -------
    list of Stage
    """
    chosen: float = getattr(loss, "smoothing", 0.0)
    if chosen or loss.smoothed(finest) is None:
        return [Stage(loss, 0.0)]
    number = max(1, int(np.ceil(np.log(WIDEST / finest) / np.log(FACTOR) - 1e-9)) + 1)
    widths = np.geomspace(WIDEST, finest, number) if finest < WIDEST else np.array([finest])
    rounded = [loss.smoothed(float(width * unit)) or loss for width in widths]
    return [
        *(Stage(each, LOOSE * width) for each, width in zip(rounded[:-1], widths, strict=False)),
        Stage(rounded[-1], 0.0),
    ]
