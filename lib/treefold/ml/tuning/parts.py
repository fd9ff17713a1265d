"""Parts of a saved search: values in JSON, and models and stages in folders of their own.

An estimator of treefold or an evaluator of pyspark.ml is saved as its class, uid and params in JSON. Any other object
with params (a Pipeline, a stage of another library) is written and read by its own writer and reader.
"""

import json
import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from pyarrow.fs import FileType, LocalFileSystem, copy_files
from pyspark.ml import evaluation
from pyspark.ml.param import Param, Params
from pyspark.ml.util import DefaultParamsReader, MLReader, MLWritable

from treefold import locations
from treefold.errors import InputError
from treefold.metrics import Metric
from treefold.ml.base import Trainable
from treefold.ml.model import SparkModel, fill, name_of
from treefold.ml.tuning.class_names import class_named
from treefold.ml.tuning.stages import stages_of
from treefold.persistence import output_folder

Settings = list[dict[Param, Any]]

EVALUATORS: dict[str, type] = {
    name_of(cls): cls
    for cls in (
        evaluation.BinaryClassificationEvaluator,
        evaluation.ClusteringEvaluator,
        evaluation.MulticlassClassificationEvaluator,
        evaluation.MultilabelClassificationEvaluator,
        evaluation.RankingEvaluator,
        evaluation.RegressionEvaluator,
    )
}


class PartsWriter:
    """Writes the parts of a search.

    Parameters
    ----------
    folder : Path
        A local folder, which is published when it is complete.
    uri : str
        Where it will be published.
    """

    def __init__(self, folder: Path, uri: str) -> None:
        self.folder, self.uri = folder, uri

    def save(self, part: Any, name: str) -> None:
        """Write a model or a stage into a sub-folder; InputError if it cannot be written."""
        if isinstance(part, SparkModel):
            fill(part, self.folder / name)
            return
        if not isinstance(part, MLWritable):
            raise InputError(f"{type(part).__name__} cannot be saved: it is no MLWritable")
        try:
            self._save_by_spark(part, name)
        except ValueError as error:  # a stage inside is not MLWritable
            shutil.rmtree(self.folder / name, ignore_errors=True)
            raise InputError(f"{type(part).__name__} cannot be saved: {error}") from error

    def _save_by_spark(self, part: MLWritable, name: str) -> None:
        """Write with Spark; for a file system that is not local, next to the target, from which it is copied."""
        target = self.folder / name
        system, _ = locations.opened(self.uri)
        if isinstance(system, LocalFileSystem):
            part.write().save(target.as_uri())
        else:
            beside = f"{self.uri.rstrip('/')}.{uuid4().hex}"
            _, path = locations.opened(beside)
            try:
                part.write().save(beside)
                target.mkdir(parents=True)
                copy_files(path, str(target), source_filesystem=system, destination_filesystem=LocalFileSystem())
            finally:
                if system.get_file_info(path).type == FileType.Directory:
                    system.delete_dir(path)
        if not any(file.stat().st_size for file in (target / "metadata").glob("part-*")):
            raise InputError(
                f"{self.uri} is a folder of this machine, which Spark's executors cannot write to: save to a path that "
                "all machines see"
            )

    def describe(self, value: Any, name: str) -> Any:
        """A value of a param in types of JSON; what JSON cannot hold is saved in the folder ``name``.

        Parameters
        ----------
        value : Any
            The value.
        name : str
            Name of the folder.

        Returns
        -------
        JSON value

        Raises
        ------
        InputError
            If the value can be saved in neither way.
        """
        if isinstance(value, Metric):
            raise InputError("a search scored by a treefold.metrics.Metric cannot be saved: use the name of a metric")
        if isinstance(value, Trainable) or type(value) in EVALUATORS.values():
            params = {p.name: self.describe(value.getOrDefault(p), p.name) for p in value.params if value.isSet(p)}
            return {"class": name_of(type(value)), "uid": value.uid, "paramMap": params}
        if isinstance(value, Params):
            self.save(value, name)
            return {"part": name}
        if hasattr(value, "_asdict"):
            return value._asdict()
        if isinstance(value, dict):
            return {key: self.describe(one, f"{name}/{key}") for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.describe(one, f"{name}/{i}") for i, one in enumerate(value)]
        if isinstance(value, np.generic) or hasattr(value, "toArray"):
            return value.item() if isinstance(value, np.generic) else value.toArray().tolist()
        return _plain(value, name)

    def describe_settings(self, settings: Settings, estimator: Params) -> list[list[dict[str, Any]]]:
        """Param maps in types of JSON: for each entry the stage, the name of its param and the value."""
        known = stages_of(estimator)
        description = []
        for number, setting in enumerate(settings):
            for param in setting:
                if param.parent not in known:
                    raise InputError(f"the settings name {param}, which is of no stage of the estimator")
            description.append(
                [
                    {"parent": p.parent, "name": p.name, "value": self.describe(v, f"settings/{number}/{p.name}")}
                    for p, v in setting.items()
                ]
            )
        return description


class PartsReader:
    """Reads the parts of a search from a path or URI.

    Parameters
    ----------
    uri : str
    reader : MLReader
        Its session reads what other writers have written; otherwise no session is started.
    """

    def __init__(self, uri: str, reader: MLReader) -> None:
        self.uri, self.reader = uri.rstrip("/"), reader

    def load(self, name: str, face: str | None = None) -> Any:
        """What the folder ``name`` has: a model of treefold by the name of its class, or anything else by Spark."""
        if face is not None:
            return class_named(face, SparkModel).load(f"{self.uri}/{name}")
        system, path = locations.opened(self.uri)
        where = output_folder.content(system, path)
        base = Path(where).as_uri() if isinstance(system, LocalFileSystem) else self.uri + where.removeprefix(path)
        uri = f"{base}/{name}"
        return DefaultParamsReader.loadParamsInstance(uri, self.reader.sparkSession)

    def restore(self, description: Any) -> Any:
        """The value that :meth:`PartsWriter.describe` has described."""
        if isinstance(description, list):
            return [self.restore(one) for one in description]
        if not isinstance(description, dict):
            return description
        if set(description) == {"part"}:
            return self.load(description["part"])
        values = {key: self.restore(one) for key, one in description.items()}
        return self._instance(**values) if set(description) == {"class", "uid", "paramMap"} else values

    def restore_settings(self, description: list[list[dict[str, Any]]], estimator: Params) -> Settings:
        """The param maps that :meth:`PartsWriter.describe_settings` has described."""
        known = stages_of(estimator)
        return [
            # Earlier versions wrote a name and a value; all params belonged to the estimator itself.
            {estimator.getParam(name): value for name, value in each.items()}
            if isinstance(each, dict)
            else {known[e["parent"]].getParam(e["name"]): self.restore(e["value"]) for e in each}
            for each in description
        ]

    def _instance(self, uid: str, paramMap: dict[str, Any], **kind: str) -> Any:
        name = kind["class"]
        if name not in EVALUATORS and not name.startswith("treefold."):
            raise InputError(f"{self.uri} names a {name}, which is neither treefold's nor pyspark.ml's")
        made: Any = (EVALUATORS.get(name) or class_named(name, Trainable))(**paramMap)
        made._resetUid(uid)
        return made


def _plain(value: Any, name: str) -> Any:
    try:
        json.dumps(value)
    except TypeError as error:
        raise InputError(f"{name} holds a {type(value).__name__}, which cannot be saved") from error
    return value
