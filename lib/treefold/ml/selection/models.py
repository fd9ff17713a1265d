"""Models that won a search."""

import json
from typing import Any, Self

from pyspark.ml import Model
from pyspark.ml.util import MLReadable, MLReader, MLWritable, MLWriter
from pyspark.sql import DataFrame

from treefold import store
from treefold.errors import InputError
from treefold.ml.model import ModelFace, fill
from treefold.ml.selection.search import Search

SEARCH, BEST = "search.json", "bestModel"


class SelectedModel(Model, MLReadable, MLWritable):
    """The best model of a search, fitted to all rows.

    Attributes
    ----------
    bestModel : ModelFace
    search : Search or None
        Every trial; None after loading.
    """

    def __init__(
        self, bestModel: ModelFace, search: Search | None = None, scores: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        self.bestModel, self.search = bestModel, search
        self.scores = scores or {}

    def _transform(self, dataset: DataFrame) -> DataFrame:
        return self.bestModel.transform(dataset)

    @property
    def summary(self) -> Any:
        """Of the fit of the best model."""
        return self.bestModel.summary

    def evaluate(self, dataset: DataFrame) -> Any:
        """See the best model's."""
        return self.bestModel.evaluate(dataset)  # type: ignore[attr-defined]

    def copy(self, extra: Any = None) -> Self:
        """A model over a copy of the best one."""
        that = super().copy(extra)
        that.bestModel = self.bestModel.copy(extra)
        return that

    def write(self) -> "SearchWriter":
        """Writer of the best model and the scores."""
        return SearchWriter(self)

    @classmethod
    def read(cls) -> "SearchReader":
        """Reader of what :meth:`write` wrote."""
        return SearchReader(cls)


class CrossValidatorModel(SelectedModel):
    """Fitted :class:`CrossValidator`.

    Attributes
    ----------
    avgMetrics, stdMetrics : list of float
        Mean over the folds of each trial's score, and its standard deviation; NaN of a trial that diverged.
    subModels : list of list of ModelFace, or None
        By fold and trial, if they were to be collected.
    """

    subModels: list[list[ModelFace]] | None = None

    @property
    def avgMetrics(self) -> list[float]:
        """Mean score of each trial."""
        return list(self.scores["mean"])

    @property
    def stdMetrics(self) -> list[float]:
        """Standard deviation over the folds of each trial's score."""
        return list(self.scores["deviation"])


class TrainValidationSplitModel(SelectedModel):
    """Fitted :class:`TrainValidationSplit`.

    Attributes
    ----------
    validationMetrics : list of float
        Score of each trial; NaN of a trial that diverged.
    subModels : list of ModelFace, or None
        By trial, if they were to be collected.
    """

    subModels: list[ModelFace] | None = None

    @property
    def validationMetrics(self) -> list[float]:
        """Score of each trial."""
        return list(self.scores["mean"])


class SearchWriter(MLWriter):
    """Writes a selected model to a path or any URI of pyarrow.fs; ``overwrite()`` allows to replace one."""

    def __init__(self, model: SelectedModel) -> None:
        super().__init__()
        self.model = model

    def save(self, path: str) -> None:
        """Write the folder, whole or not at all."""
        with store.published(path, marker=SEARCH, overwrite=self.shouldOverwrite) as aside:
            fill(self.model.bestModel, aside / BEST)
            face = {"class": name_of(type(self.model)), "uid": self.model.uid}
            (aside / "metadata").mkdir()
            (aside / "metadata" / "part-00000").write_text(json.dumps({**face, "paramMap": {}}) + "\n")
            kept = {**face, "best": name_of(type(self.model.bestModel)), "scores": self.model.scores}
            (aside / SEARCH).write_text(json.dumps(kept, indent=2) + "\n")


class SearchReader(MLReader):
    """Reads a selected model from a path or any URI of pyarrow.fs."""

    def __init__(self, cls: type[SelectedModel]) -> None:
        super().__init__()
        self.cls = cls

    def load(self, path: str) -> SelectedModel:
        """The model at ``path``."""
        kept = store.read_json(f"{path.rstrip('/')}/{SEARCH}")
        if kept["class"] != name_of(self.cls):
            raise InputError(f"{path} holds a {kept['class']}: load it with that class")
        model = self.cls(_class_of(kept["best"]).load(f"{path.rstrip('/')}/{BEST}"), None, kept["scores"])
        model._resetUid(kept["uid"])
        return model


def _class_of(name: str) -> Any:
    """The face of that name."""
    faces = {name_of(face): face for face in descendants(ModelFace)}
    return faces[name]


def descendants(cls: type) -> list[type]:
    """All classes below ``cls``."""
    children: list[type] = cls.__subclasses__()
    return [each for child in children for each in (child, *descendants(child))]


def name_of(cls: type) -> str:
    """Name by which a class is saved."""
    return f"{cls.__module__}.{cls.__name__}"
