"""The confs of the jobs that fit models, as frozen records."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from treefold.cli.conf_files import load
from treefold.privacy.policies import Privacy

Name = Annotated[str, Meta(min_length=1)]
Version = Annotated[int, Meta(ge=0)] | Annotated[datetime, Meta(tz=True)]


class Data(Struct, frozen=True, forbid_unknown_fields=True):
    """Parquet folders with the rows, and the columns that take part."""

    train: Annotated[Name, Meta(description="the folder or file of Parquet with the training rows")]
    features: Annotated[
        Name | Annotated[list[Name], Meta(min_length=1)],
        Meta(description="feature columns: a name, or names and patterns such as `pixel_*`; a column may hold vectors"),
    ]
    test: Annotated[Name | None, Meta(description="Parquet with the rows on which the model is tested")] = None
    label: Annotated[Name | None, Meta(description="the label column, where the estimator takes one")] = None
    weight: Annotated[Name | None, Meta(description="the column of row weights")] = None
    version: Annotated[
        Version | None,
        Meta(description="the version of `train`, the folder of a table: a number, or a time with its zone"),
    ] = None
    testVersion: Annotated[Version | None, Meta(description="the same of `test`")] = None

    def __post_init__(self) -> None:
        if self.testVersion is not None and self.test is None:
            raise ValueError("testVersion is of test, which is not named")

    def params(self) -> dict[str, Any]:
        """The estimator's params for the columns that are named."""
        named = {"featuresCol": self.features, "labelCol": self.label, "weightCol": self.weight}
        return {name: value for name, value in named.items() if value is not None}


class Model(Struct, frozen=True):
    """The name of the estimator, and its params, which the estimator checks itself."""

    name: Annotated[Name, Meta(description="the estimator, such as `LogisticRegression`")]
    params: Annotated[dict[str, Any], Meta(description="every other key is a param of the estimator")]


class Checkpoint(Struct, frozen=True, forbid_unknown_fields=True):
    """The checkpoint of a job: its path, and how often it is written, in passes or in seconds such as ``"60 s"``.

    ``key`` is the file of a key that encrypts it.
    """

    every: Annotated[
        Annotated[int, Meta(ge=1)] | Annotated[str, Meta(pattern=r"^\d+(\.\d+)? ?s$")],
        Meta(description='passes between two files of the checkpoint, or seconds as in `"60 s"`'),
    ] = 10
    path: Annotated[
        Name | None,
        Meta(description="the folder of the checkpoint; without it, `output.path` with `.checkpoint` added"),
    ] = None
    key: Annotated[Name | None, Meta(description="the file of a Fernet key; with it the checkpoint is encrypted")] = (
        None
    )

    @property
    def passes(self) -> int:
        """Number of passes in a file, if the interval is given in passes."""
        return self.every if isinstance(self.every, int) else 1

    @property
    def seconds(self) -> float | None:
        """Seconds between files, if the interval is given in seconds."""
        return float(self.every.rstrip("s ")) if isinstance(self.every, str) else None


class Search(Struct, frozen=True):
    """The metric of a search, the settings that are tried, and the validator's params, which it checks itself."""

    metric: Annotated[Name, Meta(description="the metric that ranks settings, by pyspark.ml's name")]
    space: Annotated[
        dict[str, Any],
        Meta(description="for each param a list of values, or a range `{low = 1e-4, high = 1.0, log = true}`"),
    ]
    params: Annotated[dict[str, Any], Meta(description="every other key is a param of `CrossValidator`")]


class Output(Struct, frozen=True, forbid_unknown_fields=True):
    """The folder of the results, which must not exist."""

    path: Annotated[Name, Meta(description="a folder, local or a URI, that must not exist without `--overwrite`")]


class Train(Struct, frozen=True, forbid_unknown_fields=True):
    """The conf of the ``train`` job."""

    data: Data
    model: Model
    output: Output
    checkpoint: Checkpoint | None = None
    privacy: Privacy | None = None

    @classmethod
    def gather(cls, tables: dict[str, Any]) -> None:
        """Turn the tables ``model`` and ``solver`` into a :class:`Model`: every key except ``name`` is a param."""
        found = {}
        for table, name in (("model", "name"), ("solver", "solver")):
            keys = tables.pop(table, {})
            if not isinstance(keys, dict):
                raise msgspec.ValidationError(f"Expected `object`, got `{type(keys).__name__}` - at `$.{table}`")
            found.update({name if key == "name" else key: value for key, value in keys.items()})
        named = {"name": found.pop("name")} if "name" in found else {}
        tables["model"] = {**named, "params": found}

    @property
    def job(self) -> str:
        """Description of the job, for its checkpoint."""
        return repr((self.data, self.model, self.privacy))

    @property
    def inputs(self) -> list[str]:
        """All paths that the job reads."""
        key = self.checkpoint.key if self.checkpoint else None
        private = self.privacy.key if self.privacy else None
        named = (self.data.train, self.data.test, self.model.params.get("initialModel"), key, private)
        return [path for path in named if isinstance(path, str)]

    @property
    def apart(self) -> list[str]:
        """Paths that the output must be separate from: all that the job reads, and its checkpoint."""
        return [*self.inputs, *([self.checkpoint_path] if self.checkpoint else [])]

    @property
    def checkpoint_path(self) -> str:
        """Path of the checkpoint: next to the output unless the conf has one."""
        named = self.checkpoint.path if self.checkpoint else None
        return named or f"{self.output.path.rstrip('/')}.checkpoint"


class Tune(Train, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The conf of the ``tune`` job."""

    search: Search

    @classmethod
    def gather(cls, tables: dict[str, Any]) -> None:
        """The same, and the table ``search`` into a :class:`Search`."""
        super().gather(tables)
        if isinstance(tables.get("search"), dict):
            fixed = {key: tables["search"].pop(key) for key in ("metric", "space") if key in tables["search"]}
            tables["search"] = {**fixed, "params": tables["search"]}

    @property
    def job(self) -> str:
        """Description of the job, for its checkpoint."""
        return repr((self.data, self.model, self.search, self.privacy))


def load_train(path: str, overrides: list[str]) -> Train:
    """Conf of a training job, of the tables ``data``, ``model``, ``solver`` and ``output``.

    See :func:`treefold.cli.conf_files.load`.
    """
    return load(path, overrides, Train)


def load_tune(path: str, overrides: list[str]) -> Tune:
    """Conf of a search: that of a training job with one more table, ``search``."""
    return load(path, overrides, Tune)
