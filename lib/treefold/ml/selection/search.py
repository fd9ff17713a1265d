"""What a search has found: every trial, fold by fold."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from treefold.algorithms.search import mean_scores, ranked, standard_errors, within_one_error
from treefold.blocks import Pass
from treefold.errors import InputError
from treefold.ml.base import Trainable, chart
from treefold.ml.selection.contest import Heats
from treefold.ml.selection.criteria import Criterion
from treefold.solvers.status import MEANING, STOPPED

SHOWN = 5  # trials of a leader board
LEADERS = 20  # trials in a report's table
CURVES = 6  # trials whose learning curves are drawn


@dataclass(frozen=True)
class Trial:
    """One setting, fitted without each of the folds in turn.

    Attributes
    ----------
    number : int
    params : {name: value}
    scores : list of float
        By fold, on the rows held out; None of a fit that diverged.
    mean, standard_error : float or None
        Over the folds.
    outcomes, iterations : by fold, why the fit ended, and after how many iterations
    objectives : list of list of float
        By fold, what the fit minimises, at the start and after every iteration.
    on_the_way : list of (int, float or None)
        Iterations after which it was judged, and its mean score then.
    """

    number: int
    params: dict[str, Any]
    scores: list[float | None]
    mean: float | None
    standard_error: float | None
    outcomes: list[str]
    iterations: list[int]
    objectives: list[list[float]] = field(repr=False)
    on_the_way: list[tuple[int, float | None]] = field(repr=False)

    @property
    def stopped(self) -> bool:
        """Whether it was stopped because others did better."""
        return MEANING[STOPPED] in self.outcomes


@dataclass(frozen=True)
class Search:
    """All trials of a search, and the one that wins.

    Attributes
    ----------
    metric : str
    larger_is_better : bool
    trials : list of Trial
    best : int
        The trial of best mean score among those fitted to the end.
    one_standard_error : int or None
        The simplest trial whose mean is within one standard error of the best's.
    passes : list of Pass
    """

    metric: str
    larger_is_better: bool
    trials: list[Trial]
    best: int
    one_standard_error: int | None
    passes: list[Pass] = field(repr=False)

    @property
    def order(self) -> list[int]:
        """Trials from the best to the worst; those that were stopped, diverged or have no score come last."""
        means = np.array([[np.nan if t.mean is None or t.stopped else t.mean] for t in self.trials])
        return [int(trial) for trial in ranked(means, self.larger_is_better)]

    @property
    def varied(self) -> list[str]:
        """The params that differ between trials."""
        names = dict.fromkeys(name for trial in self.trials for name in trial.params)
        return [name for name in names if len({repr(trial.params.get(name)) for trial in self.trials}) > 1]

    def facts(self) -> dict[str, Any]:
        """What a job writes down."""
        best = self.trials[self.best]
        simple = None if self.one_standard_error is None else self.trials[self.one_standard_error]
        return {
            "metric": self.metric,
            "best_score": best.mean,
            "best_standard_error": best.standard_error,
            **{f"best_{name}": value for name, value in best.params.items()},
            **({f"one_standard_error_{name}": value for name, value in simple.params.items()} if simple else {}),
            "trials": len(self.trials),
            "folds": len(best.scores),
        }

    def choice(self) -> dict[str, Any]:
        """Which trial is best, and which is the simplest within one standard error of it."""
        return {
            "metric": self.metric,
            "larger_is_better": self.larger_is_better,
            "best": self.best,
            "one_standard_error": self.one_standard_error,
        }

    def line(self) -> str:
        """The outcome in a line for a person."""
        best = self.trials[self.best]
        error = "" if best.standard_error is None else f" +- {best.standard_error:.2g}"
        params = ", ".join(f"{name} {_short(value)}" for name, value in best.params.items())
        counted = f"best of {len(self.trials)} trials over {len(best.scores)} folds"
        return f"{counted}: {self.metric} {best.mean:.6g}{error}, {params}"

    def leaders(self) -> list[dict[str, Any]]:
        """The best trials as rows of a report."""
        return [
            {
                "trial": trial.number,
                **trial.params,
                self.metric: trial.mean,
                "standard error": trial.standard_error,
                "outcome": "; ".join(dict.fromkeys(trial.outcomes)),
            }
            for trial in (self.trials[number] for number in self.order[:LEADERS])
        ]

    def records(self) -> list[dict[str, Any]]:
        """Every trial as a plain dict."""
        return [asdict(trial) for trial in self.trials]

    def table(self) -> pa.Table:
        """Every trial as a row: params, score of every fold, mean, standard error, outcome, iterations."""
        return pa.Table.from_pylist(
            [
                {
                    "trial": trial.number,
                    **trial.params,
                    **{f"fold_{fold}": score for fold, score in enumerate(trial.scores)},
                    "mean": trial.mean,
                    "standard_error": trial.standard_error,
                    "outcome": "; ".join(dict.fromkeys(trial.outcomes)),
                    "iterations": max(trial.iterations),
                }
                for trial in self.trials
            ]
        )

    def charts(self) -> list[dict[str, Any]]:
        """What a report draws: score against every param that varies, and how the trials learnt."""
        drawn = [self._validation(name) for name in self.varied if self._is_number(name)]
        leaders = [self.trials[t] for t in self.order[:CURVES]]
        objectives = {_name(trial, self.varied): _mean_curve(trial.objectives) for trial in leaders}
        drawn.append(chart(f"Learning curves of the best {len(leaders)}", "iteration", "objective", objectives))
        judged = {_name(t, self.varied): _points(t.on_the_way) for t in leaders if t.on_the_way}
        if judged:
            drawn.append(chart("Score on the way", "iteration", self.metric, judged))
        return drawn

    def _is_number(self, name: str) -> bool:
        return all(isinstance(t.params.get(name), int | float) for t in self.trials if name in t.params)

    def _validation(self, name: str) -> dict[str, Any]:
        """Score against one param, a line for each setting of the others."""
        others = [other for other in self.varied if other != name]
        lines: dict[str, list[Trial]] = {}
        for trial in self.trials:
            if trial.mean is not None:
                lines.setdefault(_name(trial, others) if others else self.metric, []).append(trial)
        values = [float(t.params[name]) for t in self.trials if name in t.params]
        log = min(values) > 0 and max(values) / min(values) >= 50
        points = {
            label: tuple(
                zip(*sorted((t.params[name], t.mean, t.standard_error or 0.0) for t in some), strict=True)
            )
            for label, some in lines.items()
        }  # fmt: skip
        return chart(f"{self.metric} by {name}", name, self.metric, points, log=log, window=self._window())

    def _window(self) -> tuple[float, float] | None:
        """What of the scores to show, where a few are so bad that nothing could be seen of the others."""
        means = np.array([trial.mean for trial in self.trials if trial.mean is not None])
        losses = -means if self.larger_is_better else means
        least, most = losses.min(), 4 * np.quantile(losses, 0.75) - 3 * losses.min()
        if losses.max() <= most:
            return None
        margin = (most - least) / 20
        low, high = least - margin, most + margin
        return (-high, -low) if self.larger_is_better else (low, high)


def search_of(
    trials: list[Trainable],
    settings: list[dict[str, Any]],
    heats: Heats,
    folds: int,
    rungs: list[tuple[int, NDArray]],
    judged: Criterion,
    passes: list[Pass],
) -> Search:
    """The search that fits over all folds came to.

    Raises
    ------
    InputError
        If no trial has a score.
    """
    larger = judged.larger_is_better
    scores = np.array([[heat.scores[i] for heat, i in heats[t][:folds]] for t in range(len(trials))])
    means, errors = mean_scores(scores), standard_errors(scores)
    made = [
        Trial(
            number,
            settings[number],
            [_or_none(score) for score in scores[number]],
            _or_none(means[number]),
            _or_none(errors[number]),
            [MEANING[int(heat.batch.status[i])] for heat, i in heats[number][:folds]],
            [int(heat.batch.iterations[i]) for heat, i in heats[number][:folds]],
            [list(heat.batch.histories[i]) for heat, i in heats[number][:folds]],
            [(iteration, _or_none(mean_scores(table)[number])) for iteration, table in rungs],
        )
        for number in range(len(trials))
    ]
    standing = np.where(np.array([trial.stopped for trial in made])[:, None], np.nan, scores)
    best = int(ranked(standing, larger)[0])
    if np.isnan(mean_scores(standing)[best]):
        raise InputError("no trial has a score: every fit diverged, or a fold lacks a class; try smaller steps")
    simple = within_one_error(standing, larger, _simplicity(trials))
    return Search(judged.name, larger, made, best, simple, passes)


def board(settings: list[dict[str, Any]], scores: NDArray, larger: bool, metric: str) -> tuple[str, ...]:
    """The leading trials, a line each."""
    means, errors = mean_scores(scores), standard_errors(scores)
    lines = []
    for place, trial in enumerate(ranked(scores, larger)[:SHOWN], 1):
        params = "  ".join(f"{name}={_short(value)}" for name, value in settings[trial].items())
        error = "" if np.isnan(errors[trial]) else f" +- {errors[trial]:.2g}"
        lines.append(f"  {place}. {metric} {means[trial]:.6g}{error}   {params}")
    return tuple(lines)


def _simplicity(trials: list[Trainable]) -> NDArray:
    names = [name for name in trials[0].simpler if len({repr(trial.value(name)) for trial in trials}) > 1]
    sign = trials[0].simpler
    return np.array([[sign[name] * float(trial.value(name)) for name in names] for trial in trials]).reshape(
        len(trials), len(names)
    )


def _name(trial: Trial, names: list[str]) -> str:
    return ", ".join(f"{name} {_short(trial.params.get(name))}" for name in names) or f"trial {trial.number}"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _mean_curve(histories: list[list[float]]) -> list[float]:
    """Mean over the folds as far as all of them went."""
    length = min(len(history) for history in histories)
    return [float(np.mean([history[i] for history in histories])) for i in range(length)]


def _points(on_the_way: list[tuple[int, float | None]]) -> tuple[list[int], list[float | None]]:
    return [iteration for iteration, _ in on_the_way], [score for _, score in on_the_way]


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
