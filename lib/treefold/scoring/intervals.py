"""Confidence intervals of scores and of differences of scores, from bootstrap replicates."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SMALLER_IS_BETTER = frozenset({"log_loss", "rmse", "mae"})


def intervals(scores: dict[str, NDArray], level: float) -> dict[str, dict[str, float | None]]:
    """Percentile intervals by score.

    Parameters
    ----------
    scores : {name: (1 + replicates,)}
        The first is that of the rows themselves.
    level : float
        Share of the replicates within an interval.

    References
    ----------
    B. Efron & R. J. Tibshirani, An Introduction to the Bootstrap, Chapman & Hall 1993, sec. 13.3.
    """
    return {name: _interval(values, level) for name, values in scores.items()}


def compared(challenger: dict[str, NDArray], champion: dict[str, NDArray], level: float) -> list[dict[str, Any]]:
    """A record for each score that both models have.

    It has their values, the difference, its interval, and the share of replicates in which the challenger is better.

    Parameters
    ----------
    challenger, champion : dict of (1 + replicates,)
        Scores by name: of the rows, then of each replicate.
    level : float
        Level of the intervals, such as 0.95.

    Returns
    -------
    list of dict
    """
    records = []
    for name in challenger:
        if name in champion:
            difference = challenger[name] - champion[name]
            better = -difference if name in SMALLER_IS_BETTER else difference
            found = _interval(difference, level)
            records.append(
                {
                    "metric": name,
                    "challenger": float(challenger[name][0]),
                    "champion": float(champion[name][0]),
                    "difference": float(difference[0]),
                    "low": found["low"],
                    "high": found["high"],
                    "better_in": float((better[1:] > 0).mean()) if len(better) > 1 else None,
                }
            )
    return records


def _interval(values: NDArray, level: float) -> dict[str, float | None]:
    drawn = values[1:][~np.isnan(values[1:])]
    if len(drawn) < 2:
        return {"low": None, "high": None, "standard_error": None}
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return {"low": float(low), "high": float(high), "standard_error": float(drawn.std(ddof=1))}
