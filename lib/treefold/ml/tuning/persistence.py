"""Searches on disk, fitted or not.

A search that has not been fitted is ``metadata/part-00000``, one line of JSON, and a folder for each stage that JSON
cannot hold (``estimator``, ``evaluator``). A fitted search is ``bestModel``, ``subModels/fold0/0`` and so on if they
were collected (``subModels/0`` for a single split), ``search.json`` with the params, the scores and all trials, and the
metadata by which a Pipeline finds the class.
"""

import json
import logging
from collections.abc import Iterator
from typing import Any

from pyspark.ml.param import Params
from pyspark.ml.util import MLReader, MLWriter

from treefold.errors import InputError
from treefold.ml.model import SparkModel, check_class, name_of
from treefold.ml.tuning.parts import PartsReader, PartsWriter
from treefold.ml.tuning.results import Search
from treefold.persistence import output_folder, publishing

METADATA = output_folder.METADATA
SEARCH, BEST, SUB_MODELS = "search.json", "bestModel", "subModels"
FIRST = ("estimator", "evaluator")  # read before the settings, whose params belong to the estimator
log = logging.getLogger(__name__)


class ValidatorWriter(MLWriter):
    """Writes a search to a path or any URI of pyarrow.fs; ``overwrite()`` allows it to replace one."""

    def __init__(self, search: Any) -> None:
        super().__init__()
        self.search = search

    def save(self, path: str) -> None:
        """Write the folder atomically.

        Parameters
        ----------
        path : str
            Path or URI.

        Raises
        ------
        InputError
            If the metric is one of the user's, which is code, or a stage cannot be written.
        """
        with publishing.published(path, overwrite=self.shouldOverwrite) as aside:
            params = dict(_described(PartsWriter(aside, path), self.search))
            kept = {"class": name_of(type(self.search)), "uid": self.search.uid, "paramMap": params}
            (aside / METADATA).parent.mkdir()
            (aside / METADATA).write_text(json.dumps(kept) + "\n")


class ValidatorReader(MLReader):
    """Reads a search from a path or any URI of pyarrow.fs."""

    def __init__(self, cls: Any) -> None:
        super().__init__()
        self.cls = cls

    def load(self, path: str) -> Any:
        """The search at ``path``."""
        kept = _checked(path, METADATA, self.cls, ("uid", "paramMap"))
        search = self.cls(**_restored(PartsReader(path, self), kept["paramMap"]))
        search._resetUid(kept["uid"])
        return search


class SearchWriter(MLWriter):
    """Writes a selected model to a path or any URI of pyarrow.fs.

    ``overwrite()`` allows it to replace one. The option ``persistSubModels`` says whether the models of the folds are
    written; by default they are, if they were collected.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def save(self, path: str) -> None:
        """Write the folder atomically. Settings that cannot be saved are left out, which is logged."""
        model, sub_models = self.model, self._sub_models()
        with publishing.published(path, overwrite=self.shouldOverwrite) as aside:
            parts = PartsWriter(aside, path)
            parts.save(model.bestModel, BEST)
            for place, sub_model in _places(sub_models):
                parts.save(sub_model, f"{SUB_MODELS}/{place}")
            face = {"class": name_of(type(model)), "uid": model.uid}
            (aside / METADATA).parent.mkdir()
            (aside / METADATA).write_text(json.dumps({**face, "paramMap": {}}) + "\n")
            kept = {
                **face,
                "best": name_of(type(model.bestModel)) if isinstance(model.bestModel, SparkModel) else None,
                "scores": model.scores,
                SUB_MODELS: _shape(sub_models),
                "paramMap": dict(_described(parts, model, optional=True)),
                "search": parts.describe(model.search.saved(), "search") if model.search else None,
            }
            (aside / SEARCH).write_text(json.dumps(kept, indent=2) + "\n")

    def _sub_models(self) -> Any:
        """The models of the folds, if they have to be written."""
        found = self.model.subModels
        wanted = self.optionMap.get("persistsubmodels", str(found is not None)).lower()
        if wanted not in ("true", "false"):
            raise InputError(f"persistSubModels is {wanted}: it is true or false")
        if wanted == "true" and found is None:
            raise InputError("there are no subModels to save: fit with collectSubModels, or leave persistSubModels out")
        return found if wanted == "true" else None


class SearchReader(MLReader):
    """Reads a selected model from a path or any URI of pyarrow.fs."""

    def __init__(self, cls: Any) -> None:
        super().__init__()
        self.cls = cls

    def load(self, path: str) -> Any:
        """The model at ``path``."""
        kept = _checked(path, SEARCH, self.cls, ("uid", "best", "scores"))
        kept = {"search": None, "paramMap": {}, SUB_MODELS: None, **kept}  # earlier versions did not write these
        parts, best = PartsReader(path, self), kept["best"]
        search = Search.of_saved(kept["search"]) if kept["search"] else None
        made = self.cls(parts.load(BEST, best), search, kept["scores"], **_restored(parts, kept["paramMap"]))
        if kept[SUB_MODELS] is not None:
            made.subModels = [
                parts.load(f"{SUB_MODELS}/{fold}", best)
                if trials is None
                else [parts.load(f"{SUB_MODELS}/fold{fold}/{trial}", best) for trial in range(trials)]
                for fold, trials in enumerate(kept[SUB_MODELS])
            ]
        made._resetUid(kept["uid"])
        return made


def _checked(path: str, name: str, cls: type, keys: tuple[str, ...]) -> Any:
    kept = output_folder.read_json(path, name)
    if not isinstance(kept, dict) or not {"class", *keys} <= set(kept):
        raise InputError(f"{path}/{name} is damaged: restore it, or search again")
    check_class(path, kept["class"], cls)
    return kept


def _described(parts: PartsWriter, owner: Params, *, optional: bool = False) -> Iterator[tuple[str, Any]]:
    """The params that are set, by name; with ``optional``, a param that cannot be saved is left out and logged."""
    missing: set[str] = set()
    for param in sorted(owner.params, key=lambda param: param.name not in FIRST):
        if not owner.isSet(param):
            continue
        value = owner.getOrDefault(param)
        try:
            if param.name == "estimatorParamMaps":
                if "estimator" not in missing:
                    yield param.name, parts.describe_settings(value, owner.getOrDefault("estimator"))
            else:
                yield param.name, parts.describe(value, param.name)
        except InputError as error:
            if not optional:
                raise
            missing.add(param.name)
            log.warning("%s is not saved with the search: %s", param.name, error)


def _restored(parts: PartsReader, params: dict[str, Any]) -> dict[str, Any]:
    record = {name: value for name, value in params.items() if name != "estimatorParamMaps"}
    values = {name: parts.restore(value) for name, value in record.items()}
    if "estimatorParamMaps" in params:
        values["estimatorParamMaps"] = parts.restore_settings(params["estimatorParamMaps"], values["estimator"])
    return values


def _places(sub_models: Any) -> Iterator[tuple[str, Any]]:
    """The folder of each of the models of the folds."""
    for i, one in enumerate(sub_models or []):
        if isinstance(one, list):
            yield from ((f"fold{i}/{trial}", model) for trial, model in enumerate(one))
        else:
            yield str(i), one


def _shape(sub_models: Any) -> list[int | None] | None:
    """For each fold the number of models, or for each model None."""
    return None if sub_models is None else [len(one) if isinstance(one, list) else None for one in sub_models]
