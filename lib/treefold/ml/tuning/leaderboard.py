"""The leading trials of a search as lines of text."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from treefold.ml.tuning.search_space import mean_scores, ranked, standard_errors

SHOWN = 5  # trials of a leaderboard


def board(settings: list[dict[str, Any]], scores: NDArray, larger: bool, metric: str) -> tuple[str, ...]:
    """The leading trials as text.

    Parameters
    ----------
    settings : list of dict[str, Any]
        Params of each trial.
    scores : (trials, folds)
        Scores of the trials.
    larger : bool
        Whether larger scores are better.
    metric : str
        Name of the metric.

    Returns
    -------
    tuple of str
        One line for each trial shown.
    """
    means, errors = mean_scores(scores), standard_errors(scores)
    lines = []
    for place, trial in enumerate(ranked(scores, larger)[:SHOWN], 1):
        params = "  ".join(f"{name}={short(value)}" for name, value in settings[trial].items())
        error = "" if np.isnan(errors[trial]) else f" +- {errors[trial]:.2g}"
        lines.append(f"  {place}. {metric} {means[trial]:.6g}{error}   {params}")
    return tuple(lines)


def short(value: Any) -> str:
    """A value for a person."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
