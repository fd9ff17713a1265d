"""The results of a search, from the fits over its folds."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from treefold.dataset.blocks import Pass
from treefold.errors import InputError
from treefold.ml.base import Trainable
from treefold.ml.tuning.joint_fit import FoldResult, FoldResults
from treefold.ml.tuning.results import Search, Trial
from treefold.ml.tuning.scoring import Criterion
from treefold.ml.tuning.search_space import mean_scores, ranked, standard_errors, within_one_error
from treefold.optim.status import MEANING


def search_of(
    trials: list[Trainable],
    settings: list[dict[str, Any]],
    fold_results: FoldResults,
    folds: int,
    rungs: list[tuple[int, NDArray]],
    criterion: Criterion,
    passes: list[Pass],
    scored: NDArray[np.bool_],
) -> Search:
    """The results of a search, from the fits over all folds.

    Parameters
    ----------
    trials : list of Trainable
        The trials, in order.
    settings : list of dict
        Settings of the trials by name.
    fold_results : FoldResults
        By trial the results of its folds.
    folds : int
        Number of folds.
    rungs : list of (int, (trials, folds))
        Iterations at which trials were scored, and the scores.
    criterion : Criterion
        Score of the trials.
    passes : list of Pass
        Passes of the search.
    scored : (folds,) of bool
        The folds that have a score for any model; means and errors are taken over these.

    Returns
    -------
    Search

    Raises
    ------
    InputError
        If no trial has a score.
    """
    if not scored.any():
        raise InputError(
            f"no fold has rows of both classes, so there is no {criterion.name}: name other folds by foldCol"
        )
    scores = np.array(
        [[fold_result.scores[i] for fold_result, i in fold_results[t][:folds]] for t in range(len(trials))]
    )
    means, errors = mean_scores(scores[:, scored]), standard_errors(scores[:, scored])
    made = [
        _trial(number, settings[number], scores[number], own, fold_results[number][:folds], rungs)
        for number, own in enumerate(zip(means, errors, strict=True))
    ]
    larger = criterion.larger_is_better
    of_finished = np.where(np.array([trial.stopped for trial in made])[:, None], np.nan, scores[:, scored])
    best = int(ranked(of_finished, larger)[0])
    if np.isnan(mean_scores(of_finished)[best]):
        raise InputError("no trial has a score: every fit diverged, or its metric is NaN; try smaller steps")
    simple = within_one_error(of_finished, larger, _simplicity(trials))
    return Search(criterion.name, larger, made, best, simple, passes)


def _trial(
    number: int,
    params: dict[str, Any],
    scores: NDArray,
    mean_and_error: tuple[float, float],
    found: list[tuple[FoldResult, int]],
    rungs: list[tuple[int, NDArray]],
) -> Trial:
    """The results of one trial."""
    mean, error = mean_and_error
    return Trial(
        number,
        params,
        [_or_none(score) for score in scores],
        _or_none(mean),
        _or_none(error),
        [MEANING[int(each.batch.status[i])] for each, i in found],
        [int(each.batch.iterations[i]) for each, i in found],
        [list(each.batch.histories[i]) for each, i in found],
        [(iteration, _or_none(mean_scores(table)[number])) for iteration, table in rungs],
    )


def _simplicity(trials: list[Trainable]) -> NDArray:
    names = [name for name in trials[0].simpler if len({repr(trial.value(name)) for trial in trials}) > 1]
    sign = trials[0].simpler
    return np.array([[sign[name] * float(trial.value(name)) for name in names] for trial in trials]).reshape(
        len(trials), len(names)
    )


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
