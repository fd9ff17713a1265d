"""Fitted models as pyspark.ml Models: transform, and their folder on disk."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from pyspark.ml import Model
from pyspark.ml.util import HasTrainingSummary, MLReadable, MLReader, MLWritable, MLWriter
from pyspark.sql import DataFrame

from treefold.errors import InputError
from treefold.interchange.onnx import exported
from treefold.ml.attributes import known_names
from treefold.ml.base import ColumnOptions
from treefold.ml.predict import predicted
from treefold.persistence import model_io, publishing


class SparkModel(Model, ColumnOptions, HasTrainingSummary, MLReadable, MLWritable):
    """A NumPy model as a pyspark.ml Model.

    Parameters
    ----------
    numpy_model : LinearModel, KMeansModel, ForestModel, PerceptronModel or SvmModel
        Scores NumPy arrays without Spark.
    training_summary : Any, default None
        Summary of the fit.
    **values : Any
        Params by name.

    Attributes
    ----------
    numpy_model : LinearModel, KMeansModel, ForestModel or PerceptronModel
        Scores NumPy arrays without Spark.
    training_summary : optional
        Summary of the fit; None after loading.
    """

    outputs: tuple[str, ...] = ("prediction",)

    def __init__(self, numpy_model: Any, training_summary: Any = None, **values: Any) -> None:
        super().__init__(**values)
        self.numpy_model, self.training_summary = numpy_model, training_summary

    def about(self) -> dict[str, Any]:
        """What pyspark.ml's text of such a model says beside its class and uid."""
        return {"numFeatures": self.numpy_model.features}

    def __repr__(self) -> str:
        """The text that pyspark.ml has, ``LinearRegressionModel: uid=..., numFeatures=3``."""
        return f"{type(self).__name__}: uid={self.uid}" + "".join(f", {k}={v}" for k, v in self.about().items())

    @property
    def hasSummary(self) -> bool:
        """Whether there is a training summary."""
        return self.training_summary is not None

    @property
    def summary(self) -> Any:
        """Summary of the fit, and of the model on its training data.

        Raises
        ------
        RuntimeError
            If the model was loaded: summaries are not saved.
        """
        if self.training_summary is None:
            raise RuntimeError(f"No training summary available for this {type(self).__name__}")
        return self.training_summary

    def _transform(self, dataset: DataFrame) -> DataFrame:
        """Add the output columns; an output whose column name is empty is left out."""
        named = {output: self.value(f"{output}Col") for output in self.outputs}
        kept = {output: name for output, name in named.items() if name}
        if not kept:
            return dataset
        columns = self.columns_of(dataset, labelled=False)
        return predicted(dataset, self.scoring(), columns, kept, self.attributes())

    def attributes(self) -> dict[str, dict[str, Any]]:
        """pyspark.ml's attributes of the outputs, by output."""
        return {}

    def scoring(self) -> Any:
        """The NumPy model with the params that change its predictions."""
        return self.numpy_model

    def exporting(self) -> Any:
        """The NumPy model for an export; InputError if the export could not predict the same."""
        return self.scoring()

    def with_params_of(self, estimator: ColumnOptions, data: DataFrame) -> Self:
        """The model with the uid and the params of its estimator.

        It also stores the names of the features. Patterns of columns are replaced by the columns of ``data`` that they
        match.
        """
        columns = estimator.columns_of(data, labelled=False)
        self.numpy_model = replace(
            self.numpy_model, feature_names=known_names(data, columns, self.numpy_model.features)
        )
        for option in self.params:
            if estimator.hasParam(option.name) and estimator.isSet(option.name):
                self._set(**{option.name: estimator.getOrDefault(option.name)})
        if not isinstance(estimator.getOrDefault("featuresCol"), str):
            self._set(featuresCol=list(columns.features))
        self.parent = estimator
        return self._resetUid(estimator.uid)

    def trained_on(self, data: DataFrame) -> Self:
        """The model, after its training data have been set for its summary."""
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
            publishing.write(path, made.SerializeToString())
        return made

    def write(self) -> "FolderWriter":
        """Writer of ``model.json`` and ``arrays.npz``."""
        return FolderWriter(self)

    @classmethod
    def read(cls) -> "FolderReader":
        """Reader of what :meth:`write` wrote."""
        return FolderReader(cls)


class FolderWriter(MLWriter):
    """Writes a model to a path or any URI of pyarrow.fs; ``overwrite()`` allows it to replace one."""

    def __init__(self, model: SparkModel) -> None:
        super().__init__()
        self.model = model

    def format(self, source: str) -> Self:
        """The writer itself, for ``internal``: there is no other format.

        Raises
        ------
        InputError
            For a format that pyspark.ml's writers know besides, such as ``pmml``.
        """
        if source.lower() != "internal":
            raise InputError(
                f"models are not written as {source}: toOnnx(path) writes ONNX, and the writer of toSpark(spark) "
                "has the formats of pyspark.ml"
            )
        return self

    def save(self, path: str) -> None:
        """Write the folder atomically."""
        with publishing.published(path, overwrite=self.shouldOverwrite) as aside:
            fill(self.model, aside)


class FolderReader(MLReader):
    """Reads a model from a path or any URI of pyarrow.fs."""

    def __init__(self, cls: type[SparkModel]) -> None:
        super().__init__()
        self.cls = cls

    def load(self, path: str) -> SparkModel:
        """The model at ``path``."""
        saved = model_io.load_saved(path)
        check_class(path, saved.face.get("class", self.cls.__name__), self.cls)
        return made_of(saved, self.cls)


def made_of(saved: model_io.Saved, cls: type[SparkModel]) -> SparkModel:
    """The model of a class from what was saved."""
    model = cls(saved.model, **saved.face.get("params", {}))
    if "uid" in saved.face:
        model._resetUid(saved.face["uid"])
    return model


def name_of(cls: type) -> str:
    """Name under which a class is saved."""
    return f"{cls.__module__}.{cls.__name__}"


def check_class(path: str, name: Any, cls: type) -> None:
    """Check that the class that was saved is ``cls``.

    Modules are not compared: classes have moved, and models saved before that still load.

    Parameters
    ----------
    path : str
        The folder, for the message.
    name : str or anything
        Class that the folder says it holds.
    cls : type
        Class that loads it.

    Raises
    ------
    InputError
        If they differ.
    """
    if not isinstance(name, str) or name.rpartition(".")[2] != cls.__name__:
        raise InputError(f"{path} holds a {name}: load it with that class")


def fill(model: SparkModel, folder: Path) -> None:
    """Write a model into ``folder``, with the metadata by which a pyspark.ml Pipeline finds its class."""
    face = {"class": name_of(type(model)), "uid": model.uid}
    model_io.save(model.scoring(), folder, {**face, "params": model.plain_params()})
    (folder / "metadata").mkdir()
    (folder / "metadata" / "part-00000").write_text(json.dumps({**face, "paramMap": {}}) + "\n")
