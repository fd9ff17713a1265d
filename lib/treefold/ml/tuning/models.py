"""Models chosen by a search."""

from typing import Any, Self

from pyspark.ml import Model
from pyspark.ml.util import MLReadable, MLWritable
from pyspark.sql import DataFrame

from treefold.ml.tuning.params import FoldOptions, SearchOptions, SplitOptions
from treefold.ml.tuning.persistence import SearchReader, SearchWriter
from treefold.ml.tuning.results import Search


class SelectedModel(Model, SearchOptions, MLReadable, MLWritable):
    """The best model of a search, fitted to all rows, with the params of the search.

    ``getEstimatorParamMaps`` returns the settings in the order of the scores, whether they were given or come from a
    ``space``.

    Parameters
    ----------
    bestModel : Model
        The best model, fitted to all rows.
    search : Search or None, default None
        The search that found it.
    scores : dict[str, Any] or None, default None
        What pyspark.ml's models keep of the scores, such as ``avgMetrics``.
    **values : Any
        Params by name.

    Attributes
    ----------
    bestModel : Model
    search : Search or None
        Results of all trials; without passes after loading.
    subModels : list or None
        The models of the folds, if ``collectSubModels``.
    """

    subModels: Any = None

    def __init__(
        self, bestModel: Any, search: Search | None = None, scores: dict[str, Any] | None = None, **values: Any
    ) -> None:
        super().__init__(**values)
        self.bestModel, self.search = bestModel, search
        self.scores = scores or {}

    def _transform(self, dataset: DataFrame) -> DataFrame:
        return self.bestModel.transform(dataset)

    @property
    def summary(self) -> Any:
        """Summary of the best model."""
        return self.bestModel.training_summary

    def evaluate(self, dataset: DataFrame) -> Any:
        """Evaluate the best model."""
        return self.bestModel.evaluate(dataset)

    def copy(self, extra: Any = None) -> Self:
        """A model with copies of the best model, which takes ``extra``, and of the models of the folds."""
        that = super().copy(extra)
        that.bestModel = self.bestModel.copy(extra)
        that.subModels = _copies(self.subModels)
        return that

    def write(self) -> SearchWriter:
        """Writer of the best model, the models of the folds, the params and all trials."""
        return SearchWriter(self)

    @classmethod
    def read(cls) -> SearchReader:
        """Reader of what :meth:`write` wrote."""
        return SearchReader(cls)


class CrossValidatorModel(SelectedModel, FoldOptions):
    """Fitted :class:`CrossValidator`.

    Attributes
    ----------
    avgMetrics, stdMetrics : list of float
        Mean and standard deviation over the folds of each trial's score; NaN for a trial that diverged.
    subModels : list of list of Model, or None
        By fold and trial, if ``collectSubModels``.
    """

    @property
    def avgMetrics(self) -> list[float]:
        """Mean score of each trial."""
        return list(self.scores["mean"])

    @property
    def stdMetrics(self) -> list[float]:
        """Standard deviation over the folds of each trial's score."""
        return list(self.scores["deviation"])


class TrainValidationSplitModel(SelectedModel, SplitOptions):
    """Fitted :class:`TrainValidationSplit`.

    Attributes
    ----------
    validationMetrics : list of float
        Score of each trial; NaN for a trial that diverged.
    subModels : list of Model, or None
        By trial, if ``collectSubModels``.
    """

    @property
    def validationMetrics(self) -> list[float]:
        """Score of each trial."""
        return list(self.scores["mean"])


def _copies(models: Any) -> Any:
    return [_copies(one) for one in models] if isinstance(models, list) else models and models.copy()
