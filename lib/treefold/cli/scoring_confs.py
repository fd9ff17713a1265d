"""The confs of the jobs that use saved models, as frozen records."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from treefold.cli.conf_files import load
from treefold.cli.config import Name, Output, Version
from treefold.privacy.policies import Privacy


class Source(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rows that Spark reads: files at a path in a format with options of the reader, or a table.

    ``key`` are columns that are copied to the output.
    """

    path: Annotated[Name | None, Meta(description="files or a folder; name either this or `table`")] = None
    table: Annotated[Name | None, Meta(description="a table of Spark's catalog")] = None
    format: Annotated[Name, Meta(description="the format of the files, as Spark's reader names it")] = "parquet"
    options: Annotated[dict[str, Any], Meta(description="options of Spark's reader")] = {}
    schema: Annotated[Name | None, Meta(description="a schema as in `id INT, x DOUBLE`; otherwise the files'")] = None
    version: Annotated[
        Version | None,
        Meta(description="the version of `path`, the folder of a table: a number, or a time with its zone"),
    ] = None
    key: Annotated[list[Name], Meta(description="columns that go to the output as they are")] = []

    def __post_init__(self) -> None:
        if self.version is not None and (self.path is None or self.format != "parquet" or self.schema):
            raise ValueError("version is of the folder of a table, which takes neither table, format nor schema")
        if (self.path is None) == (self.table is None):
            raise ValueError("name either a path or a table")

    @property
    def name(self) -> str:
        """The path or the table."""
        return self.path or self.table or ""


def refuse_failfast(source: Source, privacy: Privacy | None) -> None:
    """Raise ValueError if Spark's reader would quote a row in its error while columns are private."""
    mode = next((value for name, value in source.options.items() if name.lower() == "mode"), "")
    if privacy is not None and str(mode).upper() == "FAILFAST":
        raise ValueError("with [privacy], data.options.mode cannot be FAILFAST, which quotes rows: leave it out")


class Scored(Source, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rows to predict.

    ``preparation`` is the output of the ``prepare`` job whose features the model was trained on; ``nulls`` says what
    becomes of rows in which a feature is null and may not be.
    """

    preparation: Annotated[
        Name | None, Meta(description="the output of `prepare`, whose preparation is applied to the rows")
    ] = None
    nulls: Annotated[
        Literal["fail", "drop", "keep"],
        Meta(description="rows with a null feature end the job, are left out, or have null predictions"),
    ] = "fail"


class SavedModel(Struct, frozen=True, forbid_unknown_fields=True):
    """The folder of a saved model, and which of its outputs are written.

    By default these are ``prediction``, ``probability`` and ``distance``, if the model has them.
    """

    path: Annotated[Name, Meta(description="the folder of a saved model, such as `out/digits/model`")]
    outputs: Annotated[
        list[Name] | None,
        Meta(
            description="columns to write; by default `prediction`, `probability` and `distance`, if the model has them"
        ),
    ] = None


class Partitions(Struct, frozen=True, forbid_unknown_fields=True):
    """The folder of the predictions, and the partition columns; by default those of the input."""

    path: Annotated[Name, Meta(description="a local or mounted folder")]
    partitionBy: Annotated[
        list[Name] | None, Meta(description="columns whose values name the folders; by default those of the input")
    ] = None


class DriftLimits(Struct, frozen=True, forbid_unknown_fields=True):
    """The largest drift of a column that is accepted."""

    maxPsi: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="the largest population stability index; beyond it the exit code is 3"),
    ] = None
    maxKs: Annotated[
        Annotated[float, Meta(gt=0, le=1)] | None,
        Meta(description="the largest Kolmogorov-Smirnov distance; beyond it the exit code is 3"),
    ] = None


class Predict(Struct, frozen=True, forbid_unknown_fields=True):
    """The conf of the ``predict`` job."""

    data: Scored
    model: SavedModel
    output: Partitions
    drift: DriftLimits = DriftLimits()
    privacy: Privacy | None = None

    def __post_init__(self) -> None:
        refuse_failfast(self.data, self.privacy)
        if self.data.nulls == "drop" and self.privacy is not None and self.privacy.kAnonymity is not None:
            raise ValueError("data.nulls = 'drop' makes groups smaller than kAnonymity counts them: take 'keep'")

    @property
    def apart(self) -> list[str]:
        """Paths that the output must be separate from."""
        return self.inputs

    @property
    def inputs(self) -> list[str]:
        """All paths that the job reads."""
        private = self.privacy.key if self.privacy else None
        return [path for path in (self.model.path, self.data.path, self.data.preparation, private) if path]

    @property
    def scoring(self) -> dict[str, Any]:
        """The settings, besides the model, on which the written columns depend."""
        return msgspec.to_builtins((self.data, self.model.outputs, self.output.partitionBy, self.privacy))


class Labelled(Source, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rows with a label; by default in the columns of the model's fit."""

    label: Annotated[Name | None, Meta(description="the label column; by default that of the fit")] = None
    weight: Annotated[Name | None, Meta(description="the column of row weights; by default that of the fit")] = None


class Evaluation(Struct, frozen=True, forbid_unknown_fields=True):
    """What is measured: scores by the values of slice columns, and intervals from bootstrap replicates (none if 0)."""

    slices: Annotated[list[Name], Meta(description="columns; scores are also given for each of their values")] = []
    replicates: Annotated[int, Meta(ge=0, le=10_000, description="bootstrap replicates; 0 for no intervals")] = 200
    seed: Annotated[int, Meta(description="the seed of the replicates")] = 1
    level: Annotated[float, Meta(gt=0, lt=1, description="the confidence level of the intervals")] = 0.95


class Champion(Struct, frozen=True, forbid_unknown_fields=True):
    """A model to compare with."""

    path: Annotated[Name, Meta(description="the folder of the saved model that is in use")]


class Threshold(Struct, frozen=True, forbid_unknown_fields=True):
    """A condition that the model must meet.

    The score is at least ``min``, or at most ``max``, or better than the champion's: with ``better = "interval"`` the
    whole interval of the difference must be better, with ``better = "value"`` the value.
    """

    metric: Annotated[Name, Meta(description="the score that must reach a limit")]
    min: Annotated[float | None, Meta(description="the least value; below it the exit code is 3")] = None
    max: Annotated[float | None, Meta(description="the greatest value; above it the exit code is 3")] = None
    better: Annotated[
        Literal["value", "interval"] | None,
        Meta(description="the score must beat the champion's: `value` by itself, `interval` by its whole interval"),
    ] = None


class Evaluate(Struct, frozen=True, forbid_unknown_fields=True):
    """The conf of the ``evaluate`` job."""

    data: Labelled
    model: SavedModel
    output: Output
    evaluation: Evaluation = Evaluation()
    champion: Champion | None = None
    threshold: Threshold | None = None
    privacy: Privacy | None = None

    def __post_init__(self) -> None:
        refuse_failfast(self.data, self.privacy)
        if self.threshold and self.threshold.better and not self.champion:
            raise ValueError("threshold.better compares with a champion: name one in [champion]")
        if self.threshold and self.threshold.better == "interval" and not self.evaluation.replicates:
            raise ValueError("threshold.better = 'interval' needs evaluation.replicates")

    @property
    def apart(self) -> list[str]:
        """Paths that the output must be separate from."""
        return self.inputs

    @property
    def inputs(self) -> list[str]:
        """All paths that the job reads."""
        champion, private = self.champion and self.champion.path, self.privacy and self.privacy.key
        named = [self.model.path, self.data.path, champion, private]
        return [path for path in named if path]


def load_evaluate(path: str, overrides: list[str]) -> Evaluate:
    """Conf of an evaluation, of the tables that :class:`Evaluate` has."""
    return load(path, overrides, Evaluate)


def load_predict(path: str, overrides: list[str]) -> Predict:
    """Conf of batch predictions, of the tables ``data``, ``model``, ``output`` and ``drift``."""
    return load(path, overrides, Predict)
