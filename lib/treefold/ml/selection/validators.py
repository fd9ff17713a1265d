"""Estimators that choose among settings of another estimator."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.ml import Estimator
from pyspark.ml.param import TypeConverters
from pyspark.ml.util import MLReadable, MLWritable
from pyspark.sql import DataFrame

from treefold.algorithms.search import drawn, every, halvings
from treefold.blocks import Blocks, Pass
from treefold.errors import InputError
from treefold.journal import Journal
from treefold.ml.base import Batch, Progress, Trainable
from treefold.ml.options import Option, at_least
from treefold.ml.selection.contest import Contest, Heat, Heats, Rules, grouped
from treefold.ml.selection.criteria import criterion
from treefold.ml.selection.folds import Plan
from treefold.ml.selection.models import CrossValidatorModel, SelectedModel, TrainValidationSplitModel
from treefold.ml.selection.options import SearchOptions
from treefold.ml.selection.saved import ValidatorReader, ValidatorWriter
from treefold.ml.selection.search import Search, board, search_of
from treefold.solvers.status import DIVERGED, STOPPED

ALONG = 16  # trials up to which all are fitted to all rows in the passes of the folds: cheaper than passes of its own


class Validator(SearchOptions, Estimator, MLReadable, MLWritable):
    """Fits every setting without each fold, all in the same passes, and the best one to all rows."""

    _watcher: Any = None
    _journal: Journal | None = None

    def watch(self, watcher: Any) -> "Validator":
        """Call ``watcher`` after every pass; returns the estimator."""
        self._watcher = watcher
        return self

    def resume_from(self, journal: Journal | None) -> "Validator":
        """Keep the passes in a journal, if any, and go on where it ends; returns the estimator."""
        self._journal = journal
        return self

    def write(self) -> ValidatorWriter:
        """Writer of the search as it is set."""
        return ValidatorWriter(self)

    @classmethod
    def read(cls) -> ValidatorReader:
        """Reader of what :meth:`write` wrote."""
        return ValidatorReader(cls)

    def plan(self) -> Plan:
        """How rows are divided."""
        raise NotImplementedError

    def model_class(self) -> type[SelectedModel]:
        """The class of the model."""
        raise NotImplementedError

    def check(self, data: DataFrame) -> None:
        """Raise InputError for whatever in ``data`` would end a fit or an evaluation: one pass."""
        self._estimator().check(data)

    def _fit(self, dataset: DataFrame) -> SelectedModel:
        estimator, plan = self._estimator(), self.plan()
        trials, settings = self.settings()
        judged = criterion(self._required("evaluator"), estimator)
        rules, readings = self._rules(trials), _readings(trials, dataset)
        if len(readings) > 1 and (rules.at or self._journal):
            raise InputError(
                "the settings differ in the columns they read: judge them at the end only and without checkpoints, or "
                "search each choice of columns on its own"
            )
        for trial in trials:
            trial.prepare(dataset)
        blocks_of: dict[int, Blocks] = {}
        heats: Heats = {}
        passes: list[Pass] = []
        whole = len(trials) <= ALONG
        with ExitStack() as stack:
            for mine in readings:
                some = [trials[t] for t in mine]
                widest = max(some, key=lambda trial: trial.partial_rows)
                opened = stack.enter_context(widest.open(dataset, *filter(None, [plan.column])))
                blocks: Blocks = self._journal.over(opened, opened.private) if self._journal else opened
                blocks_of |= dict.fromkeys(mine, blocks)
                contest = Contest(some, grouped(some), judged, rules, 1 if plan.train_share else plan.folds, whole)
                found = self._run(contest, blocks, plan, [settings[t] for t in mine])
                heats |= {t: found[i] for i, t in enumerate(mine)}
                passes += blocks.passes
            search = search_of(trials, settings, heats, contest.folds, contest.rungs, judged, passes)
            number = self._winner(search)
            chosen, blocks = trials[number].copy(), blocks_of[number]
            batch = self._whole(heats[number], whole) or self._refitted(chosen, blocks)
            model = chosen.made(batch, list(blocks.passes)).taking(chosen, chosen.columns_of(dataset))
        made = self.model_class()(model, search, _scores_of(search))
        if self.value("collectSubModels"):
            made.subModels = self._sub_models(trials, heats, contest.folds, dataset)  # type: ignore[attr-defined]
        made.parent = self  # type: ignore[attr-defined]
        return made

    def _run(self, contest: Contest, blocks: Blocks, plan: Plan, settings: list[dict[str, Any]]) -> Heats:
        def lead(iteration: int, scores: NDArray) -> None:
            lines = board(settings, scores, contest.criterion.larger_is_better, contest.criterion.name)
            self._tell(blocks.passes, contest, (f"after {iteration} iterations:", *lines))

        contest.on_rung = lead
        return contest.run(blocks, plan, lambda: self._tell(blocks.passes, contest))

    def _winner(self, found: Search) -> int:
        simple = found.one_standard_error if self.value("rule") == "oneStandardError" else None
        return found.best if simple is None else simple

    def _whole(self, heats: list[tuple[Heat, int]], fitted: bool) -> Batch | None:
        """The trial's fit to all rows, if it was made along with the others and went to its end."""
        if not fitted:
            return None
        heat, i = heats[-1]
        batch = heat.batch.one(i)
        return batch if batch.status[0] not in (STOPPED, DIVERGED) else None

    def _refitted(self, chosen: Trainable, blocks: Blocks) -> Batch:
        """The setting that wins, fitted to all rows."""
        if self._watcher:
            chosen.watch(self._watcher)
        batch = chosen.fit_batch(blocks, [chosen])
        if batch.status[0] == DIVERGED:
            raise InputError(chosen.why_diverged())
        return batch

    def _estimator(self) -> Trainable:
        estimator = self._required("estimator")
        if not isinstance(estimator, Trainable):
            raise InputError(
                f"estimator is a {type(estimator).__name__}: it must be one of treefold.ml; in a Pipeline, put the "
                "validator in the estimator's place"
            )
        return estimator

    def _required(self, name: str) -> Any:
        if not self.isDefined(name):
            raise InputError(f"{name} is not set: set it")
        return self.getOrDefault(name)

    def settings(self) -> tuple[list[Trainable], list[dict[str, Any]]]:
        """Estimators with every setting, and the settings by name."""
        estimator = self._estimator()
        maps, space = self.value("estimatorParamMaps"), self.value("space")
        if (maps is None) == (space is None):
            raise InputError("set either estimatorParamMaps or space")
        if maps is not None:
            settings = [{param.name: value for param, value in each.items()} for each in maps]
        elif self.value("strategy") == "random" or self.isSet("trials"):
            settings = drawn(space, self.value("trials"), self.value("seed"))
        else:
            settings = every(space)
        if not settings:
            raise InputError("there are no settings to try: estimatorParamMaps is empty")
        trials = []
        for setting in settings:
            trial = estimator.copy()
            trial.setParams(**setting)
            trials.append(trial)
        return trials, settings

    def _rules(self, trials: Sequence[Trainable]) -> Rules:
        """Who goes on, and when."""
        longest = max((trial.value("maxIter") for trial in trials if trial.hasParam("maxIter")), default=0)
        if self.value("strategy") == "halving":
            at = halvings(len(trials), longest, self.value("reduction"))
            if not longest:
                raise InputError(f"{type(trials[0]).__name__} has no iterations to halve: use strategy grid or random")
            return Rules(at, self.value("reduction"))
        every_so_often = self.value("scoreEvery")
        if self.value("stopping") == "median" and not every_so_often:
            raise InputError("stopping median needs scoreEvery, the iterations after which trials are judged")
        at = tuple(range(every_so_often, longest, every_so_often)) if every_so_often else ()
        return Rules(at, None, self.value("stopping") == "median")

    def _tell(self, passes: list[Pass], contest: Contest, lines: tuple[str, ...] = ()) -> None:
        if self._watcher:
            figures: dict[str, float] = {"fits running": sum(contest.running.values())}
            self._watcher(Progress(len(passes), figures, passes[-1], "pass", lines))

    def _sub_models(self, trials: list[Trainable], heats: Heats, folds: int, data: DataFrame) -> Any:
        def made(trial: Trainable, heat: Heat, i: int) -> Any:
            batch: Batch = heat.batch.one(i)
            return trial.made(batch, []).taking(trial, trial.columns_of(data))

        return [[made(trial, *heats[t][fold]) for t, trial in enumerate(trials)] for fold in range(folds)]


class CrossValidator(Validator):
    """K-fold cross-validation: every fold of every setting in the same passes over the data.

    Folds are row weights: each row is in the fold that a hash of (seed, position) names, whatever the partitioning, or
    that ``foldCol`` names; with ``stratified``, folds hold equally many rows of every label.

    Examples
    --------
    >>> grid = ParamGridBuilder().addGrid(lr.regParam, [0.01, 0.1, 1.0]).build()  # doctest: +SKIP
    >>> CrossValidator(estimator=lr, estimatorParamMaps=grid, evaluator=evaluator).fit(frame)  # doctest: +SKIP
    """

    numFolds = Option("numFolds", "the folds, >= 2", at_least(2, TypeConverters.toInt), 3)
    foldCol = Option("foldCol", "the column of folds 0 .. numFolds - 1; drawn if empty", TypeConverters.toString, "")
    stratified = Option(
        "stratified", "whether folds hold equally many rows of every label", TypeConverters.toBoolean, False
    )

    def plan(self) -> Plan:
        """How rows are divided."""
        if self.value("stratified") and self.value("foldCol"):
            raise InputError("stratified and foldCol are both set: set one")
        if self.value("stratified") and not getattr(self._estimator(), "labels_are_classes", False):
            raise InputError("stratified needs labels that are classes: leave it out")
        return Plan(self.value("numFolds"), self.value("seed"), self.value("foldCol"), self.value("stratified"))

    def model_class(self) -> type[SelectedModel]:
        """The class of the model."""
        return CrossValidatorModel


class TrainValidationSplit(Validator):
    """One split into training and validation rows, drawn by (seed, position): every setting in the same passes."""

    trainRatio = Option("trainRatio", "the share of the rows that are trained on, in (0, 1)", at_least(1e-9), 0.75)

    def plan(self) -> Plan:
        """How rows are divided."""
        if not self.value("trainRatio") < 1:
            raise InputError(f"trainRatio = {self.value('trainRatio')} leaves no rows to validate on: it is below 1")
        return Plan(1, self.value("seed"), train_share=self.value("trainRatio"))

    def model_class(self) -> type[SelectedModel]:
        """The class of the model."""
        return TrainValidationSplitModel

    def _sub_models(self, *args: Any) -> Any:
        return super()._sub_models(*args)[0]


def validator(estimator: Trainable, metric: str, space: dict[str, Any], **params: Any) -> Validator:
    """A search over ``space``: by one split if ``trainRatio`` is among the params, else by folds.

    Raises
    ------
    InputError
        If there is no such param, or a value is not of its kind.
    """
    kind = TrainValidationSplit if "trainRatio" in params else CrossValidator
    made = kind(estimator=estimator, evaluator=metric, space=space, **params)
    made.settings()
    criterion(metric, estimator)
    return made


def _readings(trials: list[Trainable], data: DataFrame) -> list[list[int]]:
    """Trials that read the same columns, in the same type."""
    found: dict[str, list[int]] = {}
    for number, trial in enumerate(trials):
        found.setdefault(repr(trial.columns_of(data)._replace(partial_rows=1)), []).append(number)
    return list(found.values())


def _scores_of(found: Search) -> dict[str, Any]:
    scores = np.array([[np.nan if s is None else s for s in trial.scores] for trial in found.trials])
    return {"metric": found.metric, "mean": scores.mean(axis=1).tolist(), "deviation": scores.std(axis=1).tolist()}
