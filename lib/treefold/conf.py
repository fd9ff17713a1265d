"""Conf: a TOML file and overrides from the command line, checked into frozen records."""

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from treefold.errors import InputError

Name = Annotated[str, Meta(min_length=1)]
T = TypeVar("T")


class Data(Struct, frozen=True, forbid_unknown_fields=True):
    """Where rows come from: Parquet folders and the columns that take part."""

    train: Name
    features: Name | Annotated[list[Name], Meta(min_length=1)]
    test: Name | None = None
    label: Name | None = None
    weight: Name | None = None

    def params(self) -> dict[str, Any]:
        """The estimator's params for the columns that are named."""
        named = {"featuresCol": self.features, "labelCol": self.label, "weightCol": self.weight}
        return {name: value for name, value in named.items() if value is not None}


class Model(Struct, frozen=True):
    """The estimator's name and its params, which the estimator checks itself."""

    name: Name
    params: dict[str, Any]


class Checkpoint(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the passes of a job are kept until it ends, so that it can go on after it was killed, and how often: every
    so many passes, or seconds, as in ``"60 s"``. ``key`` is the file of a key that encrypts them.
    """

    every: Annotated[int, Meta(ge=1)] | Annotated[str, Meta(pattern=r"^\d+(\.\d+)? ?s$")] = 10
    path: Name | None = None
    key: Name | None = None

    @property
    def passes(self) -> int:
        """Passes in a file, where they are counted."""
        return self.every if isinstance(self.every, int) else 1

    @property
    def seconds(self) -> float | None:
        """Seconds between files, if it is they that count."""
        return float(self.every.rstrip("s ")) if isinstance(self.every, str) else None


class Search(Struct, frozen=True):
    """What settings are judged by, what is tried, and the validator's params, which it checks itself."""

    metric: Name
    space: dict[str, Any]
    params: dict[str, Any]


class Output(Struct, frozen=True, forbid_unknown_fields=True):
    """Where results go: a folder that must not exist."""

    path: Name


class Train(Struct, frozen=True, forbid_unknown_fields=True):
    """The conf of the ``train`` job."""

    data: Data
    model: Model
    output: Output
    checkpoint: Checkpoint | None = None

    @property
    def job(self) -> str:
        """What the job is to do, for its checkpoint."""
        return repr((self.data, self.model))

    @property
    def checkpoint_path(self) -> str:
        """Where the checkpoint is: beside the output unless it is named."""
        named = self.checkpoint.path if self.checkpoint else None
        return named or f"{self.output.path.rstrip('/')}.checkpoint"


class Tune(Train, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The conf of the ``tune`` job."""

    search: Search

    @property
    def job(self) -> str:
        """What the job is to do, for its checkpoint."""
        return repr((self.data, self.model, self.search))


def load_train(path: str, overrides: list[str]) -> Train:
    """Conf of a training job.

    Parameters
    ----------
    path : str
        A TOML file with the tables ``data``, ``model``, ``solver`` and ``output``.
    overrides : list of ``table.key=value``
        Applied over the file; a value that is no TOML is taken as text.

    Raises
    ------
    InputError
        If the file is missing or no TOML, a key is unknown, missing or of the wrong type, or an override has no ``=``.
    """
    return _load(path, overrides, Train)


def load_tune(path: str, overrides: list[str]) -> Tune:
    """Conf of a search: that of a training job with one more table, ``search``. See :func:`load_train`."""
    return _load(path, overrides, Tune)


def _load(path: str, overrides: list[str], kind: type[T]) -> T:
    tables = _read(path)
    for override in overrides:
        _apply(tables, override)
    try:
        _gather_params(tables)
        if isinstance(tables.get("search"), dict):
            fixed = {key: tables["search"].pop(key) for key in ("metric", "space") if key in tables["search"]}
            tables["search"] = {**fixed, "params": tables["search"]}
        return msgspec.convert(tables, kind)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: {_explain(str(error), kind)}") from error


def _read(path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text())
    except FileNotFoundError as error:
        raise InputError(f"there is no conf {path}: name one of {_confs()}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no TOML: {error}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _confs() -> str:
    return ", ".join(sorted(str(file) for file in Path("conf").glob("*.toml"))) or "your own (conf/ holds none)"


def _apply(tables: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    names = key.split(".")
    if not equals or not all(names):
        raise InputError(f"'{override}' is no override: write table.key=value, such as solver.maxIter=50")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    table = tables
    for name in names[:-1]:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise InputError(f"'{override}': {name} is no table")
    table[names[-1]] = value


def _gather_params(tables: dict[str, Any]) -> None:
    """Turn the tables ``model`` and ``solver`` into a :class:`Model`: whatever is no name is a param."""
    found = {}
    for table, name in (("model", "name"), ("solver", "solver")):
        keys = tables.pop(table, {})
        if not isinstance(keys, dict):
            raise msgspec.ValidationError(f"Expected `object`, got `{type(keys).__name__}` - at `$.{table}`")
        found.update({name if key == "name" else key: value for key, value in keys.items()})
    named = {"name": found.pop("name")} if "name" in found else {}
    tables["model"] = {**named, "params": found}


def _explain(message: str, kind: type) -> str:
    """The checker's message with the place first, and the nearest key there is."""
    text, _, place = message.partition(" - at `$")
    where = place.rstrip("`").lstrip(".") or "the file"
    unknown = re.search(r"unknown field `(.*)`", text)
    if not unknown:
        return f"{where}: {text[0].lower()}{text[1:]}"
    known: Any = {"the file": kind, "data": Data, "output": Output, "checkpoint": Checkpoint}[where]
    fields = [field.name for field in msgspec.structs.fields(known)] + (["solver"] if known is kind else [])
    close = difflib.get_close_matches(unknown[1], fields, 1)
    hint = f"did you mean '{close[0]}'?" if close else f"it takes {', '.join(fields)}"
    return f"{where}: unknown key '{unknown[1]}': {hint}"
