"""Searches that have not been fitted, saved: the estimator, its settings and the judge, in one line of JSON."""

import json
from typing import Any

from pyspark.ml import evaluation
from pyspark.ml.evaluation import Evaluator
from pyspark.ml.param import Params
from pyspark.ml.util import MLReader, MLWriter

from treefold import store
from treefold.errors import InputError
from treefold.metrics import Metric
from treefold.ml.base import Trainable
from treefold.ml.selection.models import descendants, name_of

METADATA = "metadata/part-00000"  # where a Pipeline looks for the class


class ValidatorWriter(MLWriter):
    """Writes a search to a path or any URI of pyarrow.fs; ``overwrite()`` allows to replace one."""

    def __init__(self, search: Any) -> None:
        super().__init__()
        self.search = search

    def save(self, path: str) -> None:
        """Write the folder, whole or not at all.

        Raises
        ------
        InputError
            If the search is judged by a metric of the user's, which is code.
        """
        kept = {"class": name_of(type(self.search)), "uid": self.search.uid, "paramMap": _params(self.search)}
        line = json.dumps(kept)  # fails before anything is written
        with store.published(path, marker=METADATA, overwrite=self.shouldOverwrite) as aside:
            (aside / METADATA).parent.mkdir()
            (aside / METADATA).write_text(line + "\n")


class ValidatorReader(MLReader):
    """Reads a search from a path or any URI of pyarrow.fs."""

    def __init__(self, cls: Any) -> None:
        super().__init__()
        self.cls = cls

    def load(self, path: str) -> Any:
        """The search at ``path``."""
        kept = store.read_json(f"{path.rstrip('/')}/{METADATA}")
        if kept["class"] != name_of(self.cls):
            raise InputError(f"{path} holds a {kept['class']}: load it with that class")
        values = kept["paramMap"]
        estimator = values.get("estimator") and _instance(values["estimator"], Trainable)
        if estimator:
            values["estimator"] = estimator
        if isinstance(values.get("evaluator"), dict):
            values["evaluator"] = _instance(values["evaluator"], Evaluator)
        if "estimatorParamMaps" in values:
            maps = values["estimatorParamMaps"]
            values["estimatorParamMaps"] = [{estimator.getParam(n): v for n, v in each.items()} for each in maps]
        search = self.cls(**values)
        search._resetUid(kept["uid"])
        return search


def _params(owner: Params) -> dict[str, Any]:
    """What has been set, by name, in the values of JSON."""
    return {param.name: _plain(owner.getOrDefault(param)) for param in owner.params if owner.isSet(param)}


def _plain(value: Any) -> Any:
    if isinstance(value, Metric):
        raise InputError("a search judged by a treefold.metrics.Metric cannot be saved: use the name of a metric")
    if isinstance(value, Params):
        return {"class": name_of(type(value)), "uid": value.uid, "paramMap": _params(value)}
    if hasattr(value, "_asdict"):
        return value._asdict()
    if isinstance(value, dict):
        return {getattr(key, "name", key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _instance(kept: dict[str, Any], root: type) -> Any:
    """An estimator or evaluator that was told by :func:`_plain`."""
    if kept["class"].startswith("treefold."):
        cls = {name_of(cls): cls for cls in descendants(root)}[kept["class"]]
    else:
        cls = getattr(evaluation, kept["class"].rpartition(".")[2])
    made: Any = cls(**kept["paramMap"])
    made._resetUid(kept["uid"])
    return made
