"""Losses with a kink: fitted with the kink rounded off, ever more narrowly.

Nesterov, "Smooth minimization of non-smooth functions", Mathematical Programming 103 (2005). A loss rounded over a
width h is at most h / 2 below the loss, so the objective at the minimum of the last stage is within ``h / 2`` of the
least. Each stage begins where the one before ended, which keeps the passes few.
"""

from typing import NamedTuple

import numpy as np

from treefold.losses import Loss

WIDEST, FACTOR = 0.1, 10.0
LOOSE = 0.1  # gradient left by all stages but the last, of their width


class Stage(NamedTuple):
    """A smooth loss, and the largest gradient element at which its minimum is near enough for the next."""

    loss: Loss
    tol: float


def stages(loss: Loss, finest: float, unit: float) -> list[Stage]:
    """Stages of a fit, of one for a smooth loss; widths from 0.1 down to ``finest``, in ``unit`` s of the label."""
    if getattr(loss, "smoothing", None) != 0:
        return [Stage(loss, 0.0)]
    number = max(1, int(np.ceil(np.log(WIDEST / finest) / np.log(FACTOR) - 1e-9)) + 1)
    widths = np.geomspace(WIDEST, finest, number) if finest < WIDEST else np.array([finest])
    rounded = [loss._replace(smoothing=float(width * unit)) for width in widths]  # type: ignore[attr-defined]
    return [
        *(Stage(each, LOOSE * width) for each, width in zip(rounded[:-1], widths, strict=False)),
        Stage(rounded[-1], 0.0),
    ]
