"""A search in shared passes.

Every setting is fitted without each fold and scored on it, and the best setting is fitted to all rows.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyspark.ml import Pipeline, PipelineModel
from pyspark.sql import DataFrame

from treefold.dataset.blocks import Blocks, Pass
from treefold.errors import InputError
from treefold.ml.base import Batch, Trainable
from treefold.ml.progress import Progress
from treefold.ml.tuning.candidates import Candidate
from treefold.ml.tuning.fold_results import search_of
from treefold.ml.tuning.fold_rows import FoldRows, divided, fold_rows, learns
from treefold.ml.tuning.joint_fit import FoldResult, FoldResults, JointTuning, Rules, grouped
from treefold.ml.tuning.leaderboard import board
from treefold.ml.tuning.results import Search
from treefold.ml.tuning.scoring import Criterion
from treefold.ml.tuning.split_plan import Plan
from treefold.optim.status import DIVERGED, STOPPED
from treefold.persistence.checkpoint import Checkpoint

ALONG = 16  # most trials for which fitting all of them to all rows with the folds is cheaper than refitting the best


class Fitted(NamedTuple):
    """A trial fitted without a fold or to all rows: the estimator, its rows, and its position in its batch."""

    estimator: Trainable
    rows: FoldRows
    fold_result: FoldResult
    place: int

    @property
    def batch(self) -> Batch:
        """The result of the fit."""
        return self.fold_result.batch.one(self.place)


class JointSearch:
    """A search of candidates that end in estimators of treefold.

    Parameters
    ----------
    candidates : list of Candidate
    settings : list of dict
        The candidates' settings by name.
    criterion : Criterion
        Score of the trials.
    rules : Rules
        Iterations at which trials are scored, and which of them continue.
    plan : Plan
        Split of the rows.
    simplest : bool
        Whether the simplest trial within one standard error of the best is chosen.
    pipeline : bool
        Whether models are PipelineModels.
    checkpoint, watcher : optional
        See :class:`~treefold.ml.tuning.Validator`.
    """

    def __init__(
        self,
        candidates: list[Candidate],
        settings: list[dict[str, Any]],
        criterion: Criterion,
        rules: Rules,
        plan: Plan,
        *,
        simplest: bool,
        pipeline: bool,
        checkpoint: Checkpoint | None,
        watcher: Callable[[Progress], None] | None,
    ) -> None:
        self.candidates, self.settings, self.criterion, self.rules, self.plan = (
            candidates,
            settings,
            criterion,
            rules,
            plan,
        )
        self.simplest, self.pipeline, self.checkpoint, self.watcher = simplest, pipeline, checkpoint, watcher
        self.whole = len(candidates) <= ALONG
        self.scored = np.ones(plan.held_out, bool)
        self.rungs: list[tuple[int, NDArray]] = []
        self.passes: list[Pass] = []
        self.blocks_of: dict[int, Blocks] = {}  # by trial, blocks of all rows
        self.fitted: list[list[Fitted]] = [
            [] for _ in candidates
        ]  # by trial and fold; the last one is fitted to all rows

    def run(self, data: DataFrame) -> tuple[Any, Search]:
        """The best model, fitted to all rows, and the results of all trials."""
        groups: dict[str, list[int]] = {}
        for number, candidate in enumerate(self.candidates):
            groups.setdefault(candidate.key, []).append(number)
        learning = any(learns(candidate.before) for candidate in self.candidates)
        if len(groups) > 1 or learning:
            self._refuse_rules("stages before the estimator are fitted for each fold, or differ between settings")
        if learning and self.plan.stratified:
            raise InputError("stratified is set, but stages before the estimator are fitted: name folds by foldCol")
        with ExitStack() as stack:
            rows = stack.enter_context(divided(data, self.plan)) if learning else data
            for mine in groups.values():
                for part in fold_rows(self.candidates[mine[0]].before, rows, self.plan):
                    self._fit_part(part, mine, stack)
            found = self._found()
            simple = found.one_standard_error if self.simplest else None
            return self._winner(found.best if simple is None else simple, data), found

    def _refuse_rules(self, reason: str) -> None:
        if self.rules.at or self.checkpoint:
            raise InputError(f"{reason}: score at the end only, and without checkpoints")

    def _fit_part(self, part: FoldRows, mine: list[int], stack: ExitStack) -> None:
        """Fit and score trials on the folds of the rows; blocks of all rows stay open."""
        trials = {t: _ready(self.candidates[t].estimator, part) for t in mine}
        readings = _readings(trials, part.data)
        if len(readings) > 1:
            self._refuse_rules("the settings differ in the columns they read")
        for numbers in readings:
            some = [trials[t] for t in numbers]
            with ExitStack() as closing:
                widest = max(some, key=lambda trial: (trial.shuffled, trial.partial_rows))
                holder = stack if part.whole else closing
                opened = holder.enter_context(widest.open(part.data, *filter(None, [part.plan.column])))
                blocks: Blocks = self.checkpoint.over(opened, opened.private) if self.checkpoint else opened
                contest = JointTuning(
                    some, grouped(some), self.criterion, self.rules, len(part.folds), self.whole and part.whole
                )
                fold_results = self._run(contest, blocks, part.plan, [self.settings[t] for t in numbers])
                for i, t in enumerate(numbers):
                    self.fitted[t] += [
                        Fitted(some[i], part, fold_result, place) for fold_result, place in fold_results[i]
                    ]
                self.scored[part.folds], self.rungs = contest.scored, contest.rungs
                self.passes += blocks.passes
                if part.whole:
                    self.blocks_of |= dict.fromkeys(numbers, blocks)

    def _run(self, contest: JointTuning, blocks: Blocks, plan: Plan, settings: list[dict[str, Any]]) -> FoldResults:
        def lead(iteration: int, scores: NDArray) -> None:
            lines = board(settings, scores, contest.criterion.larger_is_better, contest.criterion.name)
            self._tell(blocks.passes, contest, (f"after {iteration} iterations:", *lines))

        contest.on_rung = lead
        return contest.run(blocks, plan, lambda: self._tell(blocks.passes, contest))

    def _tell(self, passes: list[Pass], contest: JointTuning, lines: tuple[str, ...] = ()) -> None:
        if self.watcher:
            figures: dict[str, float] = {"fits running": sum(contest.running.values())}
            self.watcher(Progress(len(passes), figures, passes[-1], "pass", lines))

    def _found(self) -> Search:
        trials = [candidate.estimator for candidate in self.candidates]
        fold_results = {t: [(each.fold_result, each.place) for each in fitted] for t, fitted in enumerate(self.fitted)}
        return search_of(
            trials,
            self.settings,
            fold_results,
            self.plan.held_out,
            self.rungs,
            self.criterion,
            self.passes,
            self.scored,
        )

    def _winner(self, number: int, data: DataFrame) -> Any:
        """The model of a trial, fitted to all rows."""
        if number not in self.blocks_of:
            before = Pipeline(stages=self.candidates[number].before).fit(data)
            rows = FoldRows(before.transform(data), self.plan, [], before)
            chosen = _ready(self.candidates[number].estimator, rows)
            with chosen.open(rows.data) as opened:
                return self._model(chosen, rows, self._refitted(chosen, opened), opened.passes)
        last, blocks = self.fitted[number][-1], self.blocks_of[number]
        along = last.batch if self.whole and last.batch.status[0] not in (STOPPED, DIVERGED) else None
        chosen = last.estimator.copy()
        return self._model(chosen, last.rows, along or self._refitted(chosen, blocks), blocks.passes)

    def _refitted(self, chosen: Trainable, blocks: Blocks) -> Batch:
        if self.watcher:
            chosen.watch(self.watcher)
        batch = chosen.fit_batch(blocks, [chosen])
        if batch.status[0] == DIVERGED:
            raise InputError(chosen.why_diverged())
        return batch

    def _model(self, estimator: Trainable, rows: FoldRows, batch: Batch, passes: list[Pass]) -> Any:
        made = estimator.build_model(batch, list(passes)).with_params_of(estimator, rows.data)
        if passes:  # a model of a fold was not fitted to all of these rows, so it has no summary
            made = made.trained_on(rows.data)
        return PipelineModel([*rows.before.stages, made]) if self.pipeline else made

    def sub_models(self) -> list[list[Any]]:
        """The models by fold and trial."""
        return [
            [self._model(each[fold].estimator, each[fold].rows, each[fold].batch, []) for each in self.fitted]
            for fold in range(self.plan.held_out)
        ]


def _ready(estimator: Trainable, rows: FoldRows) -> Trainable:
    """A copy of the estimator that has read the metadata of the rows."""
    trial = estimator.copy()
    trial.name_features(rows.data, [rows.plan.column])
    return trial.prepared(rows.data)


def _readings(trials: dict[int, Trainable], data: DataFrame) -> list[list[int]]:
    """Groups of trials that read the same columns in the same type."""
    found: dict[str, list[int]] = {}
    for number, trial in trials.items():
        found.setdefault(repr(trial.columns_of(data)._replace(partial_rows=1)), []).append(number)
    return list(found.values())
