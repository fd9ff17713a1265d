"""Results of a search: all trials, fold by fold."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from treefold.dataset.blocks import Pass
from treefold.ml.tuning.leaderboard import short
from treefold.ml.tuning.search_space import ranked
from treefold.optim.status import MEANING, STOPPED

LEADERS = 20  # trials in a report's table


@dataclass(frozen=True)
class Trial:
    """One setting, fitted without each of the folds in turn.

    Attributes
    ----------
    number : int
    params : {name: value}
    scores : list of float
        By fold, on the held-out rows; None for a fit that diverged, and for an area if only one class occurs.
    mean, standard_error : float or None
        Over the folds that have a score for any model; a fold with one class has no area.
    outcomes, iterations : list
        By fold, why the fit ended, and after how many iterations.
    objectives : list of list of float
        By fold, the objective at the start and after every iteration.
    on_the_way : list of (int, float or None)
        Iterations after which the trial was scored, and its mean score.
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
        """Whether it was stopped because other trials were better."""
        return MEANING[STOPPED] in self.outcomes


@dataclass(frozen=True)
class Search:
    """All trials of a search, and the chosen one.

    Attributes
    ----------
    metric : str
    larger_is_better : bool
    trials : list of Trial
    best : int
        The trial of best mean score among those that were fitted to the end.
    one_standard_error : int or None
        The simplest trial whose mean is within one standard error of the best one's.
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
        """Trials from the best to the worst; trials that were stopped, diverged or have no score are last."""
        means = np.array([[np.nan if t.mean is None or t.stopped else t.mean] for t in self.trials])
        return [int(trial) for trial in ranked(means, self.larger_is_better)]

    @property
    def varied(self) -> list[str]:
        """The params that differ between trials."""
        names = dict.fromkeys(name for trial in self.trials for name in trial.params)
        return [name for name in names if len({repr(trial.params.get(name)) for trial in self.trials}) > 1]

    def to_dict(self) -> dict[str, Any]:
        """What a job writes about the search."""
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
        """The best trial, and the simplest one within one standard error of it."""
        return {
            "metric": self.metric,
            "larger_is_better": self.larger_is_better,
            "best": self.best,
            "one_standard_error": self.one_standard_error,
        }

    def line(self) -> str:
        """The result as a line for a person."""
        best = self.trials[self.best]
        error = "" if best.standard_error is None else f" +- {best.standard_error:.2g}"
        params = ", ".join(f"{name} {short(value)}" for name, value in best.params.items())
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
        """Every trial as a dict in types of JSON."""
        return [asdict(trial) for trial in self.trials]

    def scores(self) -> dict[str, Any]:
        """Name of the metric, and for each trial the mean and standard deviation over the folds that have a score."""
        scores = np.array([[np.nan if s is None else s for s in trial.scores] for trial in self.trials])
        scores = scores[:, ~np.isnan(scores).all(axis=0)]  # a fold with one class has no area, whatever the model
        return {"metric": self.metric, "mean": scores.mean(axis=1).tolist(), "deviation": scores.std(axis=1).tolist()}

    def saved(self) -> dict[str, Any]:
        """Everything except the passes, in types of JSON."""
        return {**self.choice(), "trials": self.records()}

    @classmethod
    def of_saved(cls, kept: dict[str, Any]) -> "Search":
        """The search that :meth:`saved` has described, without passes."""
        trials = [
            Trial(**{**each, "on_the_way": [(i, score) for i, score in each["on_the_way"]]}) for each in kept["trials"]
        ]
        return cls(**{**kept, "trials": trials, "passes": []})

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
