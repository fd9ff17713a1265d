"""All folds of all trials, fitted and judged together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.search import upper_half, upper_part
from treefold.algorithms.splits import Fold, Split
from treefold.blocks import Blocks
from treefold.iterate import Rungs
from treefold.ml.base import Batch, Trainable
from treefold.ml.selection.criteria import Criterion
from treefold.ml.selection.folds import Plan
from treefold.solvers.status import DIVERGED
from treefold.together import Seat, together

ALL = -1  # no fold held out


class Rules(NamedTuple):
    """When trials are judged on the way, and who goes on.

    Attributes
    ----------
    at : iterations
    reduction : int, optional
        Only the best ``1 / reduction`` go on.
    median : bool
        Only those no worse than the median go on.
    """

    at: tuple[int, ...] = ()
    reduction: int | None = None
    median: bool = False

    def go_on(self, scores: NDArray, larger: bool, live: NDArray) -> NDArray[np.bool_]:
        """Which of the live trials go on."""
        if self.reduction is not None:
            return upper_part(scores, larger, live, self.reduction)
        return upper_half(scores, larger, live) if self.median else live


class Heat(NamedTuple):
    """One fold of the trials of one batch: what came of it, and their scores on the rows held out."""

    batch: Batch
    scores: NDArray


Heats = dict[int, list[tuple[Heat, int]]]  # by trial, for each fold the heat and the place in it


@dataclass
class Contest:
    """Trials that compete over the same blocks.

    Attributes
    ----------
    trials : list of estimators
    groups : list of list of int
        Trials that are fitted as one batch.
    folds : int
        Folds that are held out in turn.
    whole : bool
        Whether every trial is fitted to all rows as well, in the same passes.
    on_rung : callable, optional
        Called with the iteration and the scores ``(trials, folds)``.
    rungs : list of (iteration, scores)
        What was seen on the way.
    running : {(group, fold): int}
        Fits under way.
    """

    trials: Sequence[Trainable]
    groups: list[list[int]]
    criterion: Criterion
    rules: Rules
    folds: int
    whole: bool
    on_rung: Callable[[int, NDArray], None] | None = None
    rungs: list[tuple[int, NDArray]] = field(default_factory=list)
    running: dict[tuple[int, int], float] = field(default_factory=dict)

    def run(self, blocks: Blocks, plan: Plan, on_pass: Callable[[], None]) -> Heats:
        """Fit and judge everything; the last fold of each trial is that of all rows, if those are fitted."""
        split = plan.split(blocks)
        folds = [*range(self.folds), *([ALL] if self.whole else [])]
        pairs = [(g, f) for g in range(len(self.groups)) for f in folds]
        jobs: list[Callable[[Seat], Any]] = [self._job(split, g, f) for g, f in pairs]
        jobs.append(lambda seat: plan.check(seat, split))
        *heats, _ = together(blocks, jobs, on_pass)
        by_group = [heats[i : i + len(folds)] for i in range(0, len(heats), len(folds))]
        return {
            t: [(heat, i) for heat in by_group[g]] for g, some in enumerate(self.groups) for i, t in enumerate(some)
        }

    def _job(self, split: Split, group: int, fold: int) -> Callable[[Seat], Heat]:
        mine = self.groups[group]
        trials = [self.trials[t] for t in mine]
        lead = trials[0].copy()
        lead.watch(lambda progress: self.running.update({(group, fold): progress.figures.get("models running", 1)}))

        def job(seat: Seat) -> Heat:
            seen = seat if fold == ALL else Fold(seat, split, fold, False)
            unseen = None if fold == ALL else Fold(seat, split, fold, True, self.criterion.weighted)
            ahead, live = list(self.rules.at), np.ones(len(self.trials), bool)

            def judge(batch: Batch) -> NDArray[np.bool_]:
                nonlocal live
                words = seat.confer((group, fold, self._scores(unseen, batch)))
                scores = self._table(words)
                live = self.rules.go_on(scores, self.criterion.larger_is_better, live)  # every job finds the same
                iteration = ahead.pop(0)
                if (group, fold) == (0, 0):
                    self._tell(iteration, scores)
                return live[mine]

            batch = lead.fit_batch(seen, trials, Rungs(self.rules.at, judge) if ahead else None)
            while ahead:  # a solver without iterations is at its end at once
                judge(batch)
            self.running[group, fold] = 0
            seat.confer(None)  # all are judged in one last pass
            return Heat(batch, self._scores(unseen, batch))

        return job

    def _table(self, words: list[tuple[int, int, NDArray]]) -> NDArray:
        scores = np.full((len(self.trials), self.folds), np.nan)
        for group, fold, some in words:
            if fold != ALL:
                scores[self.groups[group], fold] = some
        return scores

    def _tell(self, iteration: int, scores: NDArray) -> None:
        self.rungs.append((iteration, scores))
        if self.on_rung:
            self.on_rung(iteration, scores)

    def _scores(self, unseen: Fold | None, batch: Batch) -> NDArray:
        """Scores of a batch; NaN of a model that diverged, or that has seen all rows."""
        sound = [i for i, status in enumerate(batch.status) if status != DIVERGED]
        scores = np.full(len(batch.pures), np.nan)
        if sound and unseen is not None:
            scores[sound] = self.criterion.scores(unseen, [batch.pures[i] for i in sound])
        return scores


def grouped(trials: Sequence[Trainable]) -> list[list[int]]:
    """Trials that can be fitted as one batch: those that differ in ``batched`` params alone."""
    groups: dict[Any, list[int]] = {}
    for number, trial in enumerate(trials):
        fixed = {
            p.name: trial.getOrDefault(p) for p in trial.params if trial.isDefined(p) and p.name not in trial.batched
        }
        groups.setdefault(repr(sorted(fixed.items())), []).append(number)
    return list(groups.values())
