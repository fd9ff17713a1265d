"""Whether a model meets the threshold of a conf."""

from difflib import get_close_matches
from typing import Any

from treefold.errors import InputError
from treefold.scoring.intervals import SMALLER_IS_BETTER


def missed(threshold: Any, scores: dict[str, Any], comparison: list[dict[str, Any]]) -> str | None:
    """Why a model does not meet a threshold; None if it does.

    Parameters
    ----------
    threshold : treefold.cli.scoring_confs.Threshold or None
        Threshold of the conf.
    scores : {name: figure}
        Scores of the model.
    comparison : list of dict
        Records of :func:`treefold.scoring.intervals.compared`.

    Returns
    -------
    str or None

    Raises
    ------
    InputError
        If the model has no such score.
    """
    if threshold is None:
        return None
    name = threshold.metric
    value = scores.get(name)
    if not isinstance(value, int | float):
        figures = [key for key, figure in scores.items() if isinstance(figure, int | float)]
        close = get_close_matches(name, figures, 1)
        hint = f"did you mean '{close[0]}'?" if close else f"there are {', '.join(figures)}"
        raise InputError(f"threshold.metric: there is no score '{name}': {hint}")
    if threshold.min is not None and value < threshold.min:
        return f"{name} is {value:.6g}, below {threshold.min:g}"
    if threshold.max is not None and value > threshold.max:
        return f"{name} is {value:.6g}, above {threshold.max:g}"
    return _not_better(threshold.better, name, comparison) if threshold.better else None


def _not_better(how: str, name: str, comparison: list[dict[str, Any]]) -> str | None:
    found = next((record for record in comparison if record["metric"] == name), None)
    if found is None:
        raise InputError(f"threshold.metric: {name} of challenger and champion is not compared: name another score")
    smaller = name in SMALLER_IS_BETTER
    bound = found["difference"] if how == "value" else found["high" if smaller else "low"]
    if (bound < 0) if smaller else (bound > 0):
        return None
    message = f"{name} is {found['challenger']:.6g}, and the champion's is {found['champion']:.6g}"
    return message if how == "value" else f"{message}; the interval of the difference ends at {bound:.3g}"
