"""Fits and scores of all folds of all trials, in shared passes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.dataset.blocks import Blocks
from treefold.dataset.folds import Fold
from treefold.dataset.shared_passes import SharedBlocks, share_passes
from treefold.dataset.splits import Split
from treefold.ml.base import Batch, Trainable
from treefold.ml.params import plain
from treefold.ml.tuning.scoring import Criterion
from treefold.ml.tuning.search_space import upper_half, upper_part
from treefold.ml.tuning.split_plan import Plan
from treefold.optim.iterate import Rungs
from treefold.optim.status import DIVERGED, PAUSED

ALL = -1  # no fold held out


class Rules(NamedTuple):
    """Iterations at which trials are scored, and which of them continue.

    Attributes
    ----------
    at : iterations
    reduction : int, optional
        Only the best ``1 / reduction`` continue.
    median : bool
        Only trials that are no worse than the median continue.
    """

    at: tuple[int, ...] = ()
    reduction: int | None = None
    median: bool = False

    def go_on(self, scores: NDArray, larger: bool, live: NDArray) -> NDArray[np.bool_]:
        """Which of the live trials continue.

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
        """
        if self.reduction is not None:
            return upper_part(scores, larger, live, self.reduction)
        return upper_half(scores, larger, live) if self.median else live


class FoldResult(NamedTuple):
    """One fold of the trials of a batch: the result of the fit, and the scores on the held-out rows."""

    batch: Batch
    scores: NDArray


FoldResults = dict[int, list[tuple[FoldResult, int]]]  # by trial, for each fold its result and position


@dataclass
class JointTuning:
    """Fits trials over the same blocks and scores them.

    Attributes
    ----------
    trials : list of estimators
    groups : list of list of int
        Trials that are fitted as one batch.
    folds : int
        Number of folds that are held out in turn.
    whole : bool
        Whether every trial is also fitted to all rows, in the same passes.
    on_rung : callable, optional
        Called with the iteration and the scores ``(trials, folds)``.
    rungs : list of (iteration, scores)
        Scores at each rung.
    running : {(group, fold): int}
        Running fits.
    scored : (folds,) of bool
        Folds that have a score for any model.
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
    scored: NDArray[np.bool_] = field(default_factory=lambda: np.ones(0, bool))

    def run(self, blocks: Blocks, plan: Plan, on_pass: Callable[[], None]) -> FoldResults:
        """Fit and score all trials.

        Parameters
        ----------
        blocks : Blocks
            The data set.
        plan : Plan
            Split of the rows.
        on_pass : callable
            Called after every pass.

        Returns
        -------
        dict
            By trial the results of its folds, followed by the fit to all rows if ``whole``.
        """
        split = plan.split(blocks)
        self.scored = plan.check(blocks, split, self.criterion)
        folds = [*range(self.folds), *([ALL] if self.whole else [])]
        pairs = [(g, f) for g in range(len(self.groups)) for f in folds]
        jobs: list[Callable[[SharedBlocks], Any]] = [self._job(split, g, f) for g, f in pairs]
        fold_results = share_passes(blocks, jobs, on_pass)
        by_group = [fold_results[i : i + len(folds)] for i in range(0, len(fold_results), len(folds))]
        return {
            t: [(fold_result, i) for fold_result in by_group[g]]
            for g, some in enumerate(self.groups)
            for i, t in enumerate(some)
        }

    def _job(self, split: Split, group: int, fold: int) -> Callable[[SharedBlocks], FoldResult]:
        mine = self.groups[group]
        trials = [self.trials[t] for t in mine]
        lead = trials[0].copy()
        lead.watch(lambda progress: self.running.update({(group, fold): progress.figures.get("models running", 1)}))

        def job(shared_blocks: SharedBlocks) -> FoldResult:
            seen = shared_blocks if fold == ALL else Fold(shared_blocks, split, fold, False)
            unseen = None if fold == ALL else Fold(shared_blocks, split, fold, True, self.criterion.weighted)
            ahead, live = list(self.rules.at), np.ones(len(self.trials), bool)
            at_end: NDArray | None = None

            def select(batch: Batch) -> NDArray[np.bool_]:
                nonlocal live, at_end
                seen_now = self._scores(unseen, batch) if at_end is None else at_end
                if not (np.asarray(batch.status) == PAUSED).any():
                    at_end = seen_now  # models that have ended keep their scores, so the remaining rungs need no pass
                words = shared_blocks.all_gather((group, fold, seen_now))
                scores = self._table(words)[:, self.scored]
                live = self.rules.go_on(scores, self.criterion.larger_is_better, live)  # every job computes the same
                iteration = ahead.pop(0)
                if (group, fold) == (0, 0):
                    self._tell(iteration, scores)
                return live[mine]

            batch = lead.fit_batch(seen, trials, Rungs(self.rules.at, select) if ahead else None)
            while ahead:  # a solver without iterations reaches no rung
                select(batch)
            self.running[group, fold] = 0
            shared_blocks.all_gather(None)  # all are scored in one last pass
            return FoldResult(batch, self._scores(unseen, batch))

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
        """Scores of a batch; NaN for a model that diverged or was fitted to all rows."""
        sound = [i for i, status in enumerate(batch.status) if status != DIVERGED]
        scores = np.full(len(batch.numpy_models), np.nan)
        if sound and unseen is not None:
            scores[sound] = self.criterion.scores(unseen, [batch.numpy_models[i] for i in sound])
        return scores


def grouped(trials: Sequence[Trainable]) -> list[list[int]]:
    """Groups of trials that can be fitted as one batch, because they differ only in ``batched`` params."""
    groups: dict[Any, list[int]] = {}
    for number, trial in enumerate(trials):
        groups.setdefault(repr(_fixed(trial)), []).append(number)
    return list(groups.values())


def _fixed(trial: Trainable) -> list[tuple[str, Any]]:
    """The params by which trials of a batch must not differ, with their values, in the order of their names."""
    values = {p.name: trial.getOrDefault(p) for p in trial.params if trial.isDefined(p) and p.name not in trial.batched}
    return sorted((name, _fixed(v) if isinstance(v, Trainable) else plain(v)) for name, v in values.items())
