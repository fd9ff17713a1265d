"""The Spark face of a fitted model: transform, and its folder on disk."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from pyspark.ml import Model
from pyspark.ml.linalg import Vector
from pyspark.ml.util import MLReadable, MLReader, MLWritable, MLWriter
from pyspark.sql import DataFrame, SparkSession

from treefold import store
from treefold.algorithms.linear import LinearModel
from treefold.engine.columns import Columns
from treefold.errors import InputError
from treefold.interchange import mllib, scikit
from treefold.interchange.onnx import exported
from treefold.ml.base import ColumnOptions
from treefold.ml.fitting import LinearOptions
from treefold.ml.predict import predicted
from treefold.ml.summaries import evaluated, trained

KEPT = (
    "featuresCol", "labelCol", "weightCol", "predictionCol", "probabilityCol", "rawPredictionCol", "fitIntercept",
    "regParam", "standardization",
)  # fmt: skip
"""Params of a linear model that pyspark.ml's has as well."""


class ModelFace(Model, ColumnOptions, MLReadable, MLWritable):
    """A pure model as a pyspark.ml Model.

    Attributes
    ----------
    pure : LinearModel or KMeansModel
        Scores NumPy arrays without Spark.
    summary : TrainingSummary, ClusteringSummary or None
        None after loading.
    """

    outputs: tuple[str, ...] = ("prediction",)

    def __init__(self, pure: Any, summary: Any = None, **values: Any) -> None:
        super().__init__(**values)
        self.pure, self.summary = pure, summary

    @property
    def hasSummary(self) -> bool:
        """Whether the training summary is at hand."""
        return self.summary is not None

    def _transform(self, dataset: DataFrame) -> DataFrame:
        """Add the output columns; one whose name is empty is left out."""
        named = {output: self.value(f"{output}Col") for output in self.outputs}
        kept = {output: name for output, name in named.items() if name}
        return predicted(dataset, self.scoring(), self.columns_of(dataset, labelled=False), kept) if kept else dataset

    def scoring(self) -> Any:
        """The pure model with what params have changed of it."""
        return self.pure

    def exporting(self) -> Any:
        """The pure model for others.

        Raises
        ------
        InputError
            If they could not predict what this model does.
        """
        return self.scoring()

    def taking(self, estimator: ColumnOptions, columns: Columns) -> Self:
        """The model with the params it shares with its estimator; a pattern of columns is replaced by their names."""
        for option in self.params:
            if estimator.hasParam(option.name) and estimator.isSet(option.name):
                self._set(**{option.name: estimator.getOrDefault(option.name)})
        if not isinstance(estimator.getOrDefault("featuresCol"), str):
            self._set(featuresCol=list(columns.features))
        self.parent = estimator
        return self

    def trained_on(self, data: DataFrame) -> Self:
        """The model, after it has been told its training data."""
        return self

    def toOnnx(self, path: str | None = None) -> Any:
        """The model as an ``onnx.ModelProto``, written as well where there is a path or URI of pyarrow.fs.

        Its input is ``features``, ``(rows, features)`` double; its outputs are ``prediction`` and so on, whatever the
        columns of this model are called.

        Raises
        ------
        InputError
            If onnx is not installed.
        """
        made = exported(self.exporting())
        if path is not None:
            store.write(path, made.SerializeToString())
        return made

    def write(self) -> "FolderWriter":
        """Writer of ``model.json`` and ``arrays.npz``."""
        return FolderWriter(self)

    @classmethod
    def read(cls) -> "FolderReader":
        """Reader of what :meth:`write` wrote."""
        return FolderReader(cls)


class LinearModelFace(ModelFace, LinearOptions):
    """A :class:`~treefold.algorithms.linear.LinearModel` as a pyspark.ml Model."""

    def scoring(self) -> LinearModel:
        """The pure model, with or without offsets."""
        return replace(self.pure, with_offset=self.with_offset)

    def exporting(self) -> LinearModel:
        """The pure model for others, which know no offsets.

        Raises
        ------
        InputError
            If rows come with an offset.
        """
        if self.with_offset:
            raise InputError("offsetCol is set, and an exported model knows no offsets: clear it to export without")
        return self.scoring()

    def predict(self, value: Vector) -> float:
        """Prediction for one vector of features."""
        return float(self.scoring().predict(value.toArray()[None])[0])

    def toSklearn(self) -> Any:
        """The model as scikit-learn's LinearRegression, LogisticRegression or LinearSVC.

        Raises
        ------
        InputError
            If scikit-learn is not installed, or has no such model.
        """
        return scikit.linear(self.exporting())

    def toSpark(self, session: SparkSession) -> Any:
        """The model as pyspark.ml's, with the same columns.

        Raises
        ------
        InputError
            If pyspark.ml has no such model, or the features are several columns: it takes one column of vectors.
        """
        if not isinstance(self.value("featuresCol"), str):
            raise InputError("pyspark.ml takes one column of vectors: setFeaturesCol to its name first")
        made = mllib.linear(self.exporting(), session)
        made._set(**{name: self.value(name) for name in KEPT if self.hasParam(name) and self.value(name) is not None})
        made._transfer_params_to_java()
        return made

    @classmethod
    def fromSpark(cls, model: Any) -> Self:
        """Our model of pyspark.ml's of the same name, with its columns and thresholds.

        Raises
        ------
        InputError
            If it is another kind of model.
        """
        if type(model).__name__ != cls.__name__:
            raise InputError(f"a {type(model).__name__} is no {cls.__name__}: load it with its own class")
        made = cls(mllib.linear_model(model))
        names = [name for name in (*KEPT, "threshold", "thresholds") if made.hasParam(name) and model.hasParam(name)]
        return made.setParams(**{name: model.getOrDefault(name) for name in names if model.isSet(name)})

    @property
    def numFeatures(self) -> int:
        """Number of features."""
        return self.pure.features

    def trained_on(self, data: DataFrame) -> Self:
        """The model with the summary of its training data, to be measured when it is asked."""
        self.summary = trained(self, data, self.summary)
        return self

    def evaluate(self, dataset: DataFrame) -> Any:
        """Summary of the model on a labelled data set: one pass. See :mod:`treefold.ml.summaries`."""
        return evaluated(self, dataset)


class FolderWriter(MLWriter):
    """Writes a model to a path or any URI of pyarrow.fs; ``overwrite()`` allows to replace one."""

    def __init__(self, model: ModelFace) -> None:
        super().__init__()
        self.model = model

    def save(self, path: str) -> None:
        """Write the folder, whole or not at all."""
        with store.published(path, marker=store.MODEL, overwrite=self.shouldOverwrite) as aside:
            fill(self.model, aside)


class FolderReader(MLReader):
    """Reads a model from a path or any URI of pyarrow.fs."""

    def __init__(self, cls: type[ModelFace]) -> None:
        super().__init__()
        self.cls = cls

    def load(self, path: str) -> ModelFace:
        """The model at ``path``."""
        saved = store.load_saved(path)
        if saved.face.get("class", _name(self.cls)) != _name(self.cls):
            raise InputError(f"{path} holds a {saved.face['class']}: load it with that class")
        model = self.cls(saved.model, **saved.face.get("params", {}))
        if "uid" in saved.face:
            model._resetUid(saved.face["uid"])
        return model


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__name__}"


def fill(model: ModelFace, folder: Path) -> None:
    """Write a model into ``folder``, with the metadata by which a pyspark.ml Pipeline finds its class."""
    face = {"class": _name(type(model)), "uid": model.uid}
    params = {param.name: value for param, value in model._paramMap.items()}
    store.save(model.scoring(), folder, {**face, "params": params})
    (folder / "metadata").mkdir()
    (folder / "metadata" / "part-00000").write_text(json.dumps({**face, "paramMap": {}}) + "\n")
