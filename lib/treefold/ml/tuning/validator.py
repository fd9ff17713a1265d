"""The base of the estimators that choose among settings of another estimator."""

import logging
from collections.abc import Sequence
from typing import Any

from pyspark.ml import Estimator, Pipeline
from pyspark.ml.evaluation import Evaluator
from pyspark.ml.param import Params
from pyspark.ml.util import MLReadable, MLWritable
from pyspark.sql import DataFrame

from treefold.errors import InputError
from treefold.ml.base import Trainable
from treefold.ml.tuning.candidates import Candidate, ParamMap, by_name, candidates, check_owners, param_of
from treefold.ml.tuning.joint_fit import Rules
from treefold.ml.tuning.joint_search import JointSearch
from treefold.ml.tuning.models import SelectedModel
from treefold.ml.tuning.params import SearchOptions
from treefold.ml.tuning.persistence import ValidatorReader, ValidatorWriter
from treefold.ml.tuning.results import Search
from treefold.ml.tuning.scoring import EVALUATORS, criterion
from treefold.ml.tuning.search_space import Space, drawn, every, halvings, size
from treefold.ml.tuning.spark_search import search_by_spark
from treefold.ml.tuning.split_plan import Plan
from treefold.persistence.checkpoint import Checkpoint

log = logging.getLogger(__name__)


class Validator(SearchOptions, Estimator, MLReadable, MLWritable):
    """Fits every setting without each fold, all in the same passes, and the best one to all rows."""

    _watcher: Any = None
    _checkpoint: Checkpoint | None = None

    def watch(self, watcher: Any) -> "Validator":
        """Call ``watcher`` after every pass; returns the estimator."""
        self._watcher = watcher
        return self

    def resume_from(self, checkpoint: Checkpoint | None) -> "Validator":
        """Record the passes in a checkpoint, if any, and resume from it; returns the estimator."""
        self._checkpoint = checkpoint
        return self

    def copy(self, extra: Any = None) -> "Validator":
        """A search with copies of the estimator and the evaluator, which also take ``extra``."""
        that = super().copy(extra)
        for name in ("estimator", "evaluator"):
            if self.isSet(name) and isinstance(self.getOrDefault(name), Params):
                that._set(**{name: self.getOrDefault(name).copy(extra)})
        return that

    def write(self) -> ValidatorWriter:
        """Writer of the search, not fitted."""
        return ValidatorWriter(self)

    @classmethod
    def read(cls) -> ValidatorReader:
        """Reader of what :meth:`write` wrote."""
        return ValidatorReader(cls)

    def plan(self) -> Plan:
        """How rows are split."""
        raise NotImplementedError

    def model_class(self) -> type[SelectedModel]:
        """The class of the model."""
        raise NotImplementedError

    def check(self, data: DataFrame) -> None:
        """Raise InputError for data with which a fit or an evaluation would fail: one pass."""
        self._required("estimator").check(data)

    def _fit(self, dataset: DataFrame) -> SelectedModel:
        estimator, evaluator = self._required("estimator"), self._required("evaluator")
        maps = self.param_maps()
        tried, search = candidates(estimator, maps), None
        if tried is None or (isinstance(evaluator, Evaluator) and type(evaluator) not in EVALUATORS):
            what = type(estimator if tried is None else evaluator).__name__
            why = f"{what} has no shared passes, so each setting is fitted and scored on its own, as pyspark.ml does"
            log.warning(why)
            model, scores, sub_models = search_by_spark(self, maps, dataset, why)
        else:
            model, search, sub_models = self._searched(tried, by_name(maps), dataset)
            scores = search.scores()
        made = self._copyValues(self.model_class()(model, search, scores)).setParams(estimatorParamMaps=maps)
        made.subModels = sub_models
        made.parent = self  # type: ignore[attr-defined]
        return made

    def _searched(
        self, tried: list[Candidate], settings: list[dict[str, Any]], data: DataFrame
    ) -> tuple[Any, Search, Any]:
        """The best model, all trials, and the models of the folds if they are collected."""
        trials = [candidate.estimator for candidate in tried]
        plan = self.plan()
        if plan.stratified and not getattr(trials[0], "labels_are_classes", False):
            raise InputError("stratified needs labels that are classes: leave it out")
        running = JointSearch(
            tried, settings, criterion(self.getOrDefault("evaluator"), trials[0]), self._rules(trials), plan,
            simplest=self.value("rule") == "oneStandardError", pipeline=isinstance(self.value("estimator"), Pipeline),
            checkpoint=self._checkpoint, watcher=self._watcher,
        )  # fmt: skip
        model, search = running.run(data)
        if not self.value("collectSubModels"):
            return model, search, None
        sub_models = running.sub_models()
        return model, search, sub_models if self.hasParam("numFolds") else sub_models[0]

    def _required(self, name: str) -> Any:
        if not self.isDefined(name):
            raise InputError(f"{name} is not set: set it")
        return self.getOrDefault(name)

    def param_maps(self) -> list[ParamMap]:
        """The settings that are tried; InputError if there are none, or a param in them does not exist."""
        estimator = self._required("estimator")
        maps, space = self.value("estimatorParamMaps"), self.value("space")
        if (maps is None) == (space is None):
            raise InputError("set either estimatorParamMaps or space")
        if maps is None:
            draws = self._draws(space)
            named = drawn(space, self.value("trials"), self.value("seed")) if draws else every(space)
            maps = [{param_of(estimator, name): value for name, value in each.items()} for each in named]
        if not maps:
            raise InputError("there are no settings to try: estimatorParamMaps is empty")
        check_owners(estimator, maps)
        return maps

    def _draws(self, space: Space) -> bool:
        """Whether settings are drawn; otherwise every combination is tried once."""
        if self.value("strategy") != "random" and not self.isSet("trials"):
            return False
        combinations, trials = size(space), self.value("trials")
        if combinations <= trials:
            log.warning(
                "the space has %.0f combinations, no more than trials = %d: each is tried once", combinations, trials
            )
        return combinations > trials

    def _rules(self, trials: Sequence[Trainable]) -> Rules:
        """Iterations at which trials are scored, and which of them continue."""
        longest = max((trial.value("maxIter") for trial in trials if trial.hasParam("maxIter")), default=0)
        if self.value("strategy") == "halving":
            at = halvings(len(trials), longest, self.value("reduction"))
            if not longest:
                raise InputError(f"{type(trials[0]).__name__} has no iterations to halve: use strategy grid or random")
            return Rules(at, self.value("reduction"))
        every_so_often = self.value("scoreEvery")
        if self.value("stopping") == "median" and not every_so_often:
            raise InputError("stopping median needs scoreEvery, the iterations after which trials are scored")
        at = tuple(range(every_so_often, longest, every_so_often)) if every_so_often else ()
        return Rules(at, None, self.value("stopping") == "median")
