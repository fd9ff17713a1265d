"""Hyper-parameter search: which settings are tried, which continue, which is chosen. Scores are ``(trials, folds)``."""

from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.dataset.random import substream, uniform
from treefold.errors import InputError


class Range(NamedTuple):
    """Numbers between ``low`` and ``high``, uniformly distributed; with ``log`` their logarithms are."""

    low: float
    high: float
    log: bool = False

    def at(self, u: float) -> float:
        """The quantile of the distribution at ``u``."""
        if self.log:
            return float(np.exp(np.log(self.low) + u * (np.log(self.high) - np.log(self.low))))
        return float(self.low + u * (self.high - self.low))


Space = dict[str, Any]  # by name a Range, or a list of values


def every(space: Space) -> list[dict[str, Any]]:
    """All combinations of the values of a space; the last name varies fastest.

    Parameters
    ----------
    space : {name: list of values}
        Standardisation of the features.

    Returns
    -------
    list of dict

    Raises
    ------
    InputError
        If there is a range, which cannot be enumerated.
    """
    for name, values in space.items():
        if isinstance(values, Range):
            raise InputError(f"{name} is a range, which a grid cannot exhaust: list values, or use strategy random")
    return [dict(zip(space, values, strict=True)) for values in product(*space.values())]


def size(space: Space) -> float:
    """The number of combinations; infinite if there is a range."""
    return float(np.prod([np.inf if isinstance(values, Range) else len(values) for values in space.values()]))


def drawn(space: Space, trials: int, seed: int) -> list[dict[str, Any]]:
    """Points of a space, drawn independently.

    Parameters
    ----------
    space : Space
        Values or range of each param.
    trials : int
        Number of points.
    seed : int
        Seed of the draws.

    Returns
    -------
    list of dict
        Value by name of param.
    """
    points: list[dict[str, Any]] = []
    for trial in range(trials):
        point = {}
        for i, (name, values) in enumerate(space.items()):
            (u,) = uniform(np.array([trial], np.uint64), substream(seed, i))
            point[name] = values.at(u) if isinstance(values, Range) else values[int(u * len(values))]
        points.append(point)
    return points


def halvings(trials: int, max_iter: int, reduction: int) -> tuple[int, ...]:
    """Iterations after which the best ``1 / reduction`` of the trials continue; the last one ends at ``max_iter``.

    Parameters
    ----------
    trials : int
        Number of trials at the start.
    max_iter : int
        Greatest number of iterations of a fit.
    reduction : int
        Factor by which the number of trials falls.

    Returns
    -------
    tuple of int
        Increasing numbers of iterations.

    References
    ----------
    Jamieson & Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016.
    """
    times = int(np.log(max(1, trials)) / np.log(reduction) + 1e-9)
    at = {max(1, round(max_iter / reduction**i)) for i in range(1, times + 1)}
    return tuple(sorted(iteration for iteration in at if iteration < max_iter))


def mean_scores(scores: NDArray) -> NDArray:
    """Mean over the folds, ``(trials,)``; NaN if a fold has no score."""
    return scores.mean(axis=1)


def standard_errors(scores: NDArray) -> NDArray:
    """Standard error of the mean over the folds, ``(trials,)``; NaN for a single fold."""
    folds = scores.shape[1]
    if folds < 2:
        return np.full(len(scores), np.nan)
    return scores.std(axis=1, ddof=1) / np.sqrt(folds)


def ranked(scores: NDArray, larger: bool) -> NDArray[np.intp]:
    """Trials from the best mean to the worst; trials without a mean are last."""
    mean = mean_scores(scores)
    return np.argsort(np.where(np.isnan(mean), np.inf, -mean if larger else mean), kind="stable")


def upper_part(scores: NDArray, larger: bool, live: NDArray, reduction: int) -> NDArray[np.bool_]:
    """The best ``1 / reduction`` of the ``live`` trials: at least one, and none without a score.

    Parameters
    ----------
    scores : (trials, folds)
        Scores so far; NaN if there is none.
    larger : bool
        Whether larger scores are better.
    live : (trials,) bool
        Trials that still run.
    reduction : int
        Inverse of the share that continues.

    Returns
    -------
    (trials,) bool
    """
    order = [trial for trial in ranked(scores, larger) if live[trial]]
    kept = np.zeros(len(scores), bool)
    kept[order[: max(1, len(order) // reduction)]] = True
    return kept & ~np.isnan(mean_scores(scores))


def upper_half(scores: NDArray, larger: bool, live: NDArray) -> NDArray[np.bool_]:
    """The ``live`` trials that are no worse than the median of all trials with a score.

    Parameters
    ----------
    scores : (trials, folds)
        Scores so far; NaN if there is none.
    larger : bool
        Whether larger scores are better.
    live : (trials,) bool
        Trials that still run.

    Returns
    -------
    (trials,) bool

    References
    ----------
    Golovin et al., "Google Vizier: a service for black-box optimization", KDD 2017, sec. 3.2.2: median stopping rule.
    """
    mean = mean_scores(scores)
    middle = np.nanmedian(mean) if (~np.isnan(mean)).any() else np.nan
    return live & (mean >= middle if larger else mean <= middle)


def within_one_error(scores: NDArray, larger: bool, simplicity: NDArray) -> int | None:
    """The simplest trial whose mean is within one standard error of the best one's.

    Parameters
    ----------
    scores : (trials, folds)
        Score of each trial on each fold.
    larger : bool
        Whether larger scores are better.
    simplicity : (trials, keys)
        Compared key by key; a greater key is simpler.

    Returns
    -------
    int or None
        None without keys.

    References
    ----------
    Breiman, Friedman, Olshen & Stone, "Classification and Regression Trees", 1984, sec. 3.4.3.
    """
    best = int(ranked(scores, larger)[0])
    mean, error = mean_scores(scores), standard_errors(scores)[best]
    if not simplicity.shape[1] or np.isnan(error) or np.isnan(mean[best]):
        return None
    near = np.flatnonzero(mean >= mean[best] - error if larger else mean <= mean[best] + error)
    return int(max(near, key=lambda trial: (tuple(simplicity[trial]), -trial)))
