"""The conf of the ``prepare`` job, as a frozen record."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from treefold.cli.conf_files import load
from treefold.cli.config import Name
from treefold.cli.scoring_confs import Source, refuse_failfast
from treefold.privacy.policies import Privacy

Share = Annotated[float, Meta(ge=0, lt=1)]


class Raw(Source, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Raw rows.

    ``checks`` are SQL conditions by name. A row is rejected if it does not meet a condition, cannot be read, or has no
    label. The job fails if there are more than ``maxRejects`` such rows (a share of all rows if below 1).
    """

    label: Annotated[Name | None, Meta(description="the label column")] = None
    weight: Annotated[Name | None, Meta(description="the column of row weights")] = None
    checks: Annotated[dict[str, Name], Meta(description="SQL conditions by name; rows that fail one are rejected")] = {}
    maxRejects: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        Meta(description="the most rejected rows, or below 1 their greatest share; beyond it the job fails"),
    ] = None


class Features(Struct, frozen=True, forbid_unknown_fields=True):
    """The encoding of each column; a ``*`` in a name matches any letters.

    By default numbers are ``numeric``, text is ``onehot`` and times are ``dates``.
    """

    numeric: Annotated[list[Name], Meta(description="columns that become numbers")] = []
    onehot: Annotated[list[Name], Meta(description="columns that become 0 and 1 for each level")] = []
    ordinal: Annotated[list[Name], Meta(description="columns that become the index of their level")] = []
    target: Annotated[list[Name], Meta(description="columns that become the mean label of their level")] = []
    hashing: Annotated[list[Name], Meta(description="columns that become one hashed sparse vector")] = []
    dates: Annotated[list[Name], Meta(description="columns that become year, month, day, weekday and hour")] = []
    text: Annotated[list[Name], Meta(description="columns that become sparse vectors of word counts")] = []


class Encoding(Struct, frozen=True, forbid_unknown_fields=True):
    """How values become numbers.

    ``minCount``: levels of fewer training rows are one level, the others. ``unseen``: what a level is that the training
    rows do not have. ``folds`` and ``smoothing``: of target encoding, see docs/data.md.
    """

    standardize: Annotated[bool, Meta(description="whether numeric columns are standardised")] = True
    imputation: Annotated[
        Literal["median", "mean"], Meta(description="what missing numbers become, of the training rows")
    ] = "median"
    indicators: Annotated[bool, Meta(description="whether missing numbers get a column of 0 and 1")] = True
    minCount: Annotated[int, Meta(ge=1, description="levels of fewer training rows are one level, the others")] = 10
    maxLevels: Annotated[int, Meta(ge=1, le=5000, description="the most levels of a column")] = 200
    unseen: Annotated[
        Literal["other", "error"], Meta(description="what a level is that the training rows do not have")
    ] = "other"
    numFeatures: Annotated[int, Meta(ge=1, description="the length of a hashed vector")] = 2**18
    folds: Annotated[int, Meta(ge=2, description="folds of target encoding")] = 5
    smoothing: Annotated[float, Meta(ge=0, description="rows that the overall mean counts for, in target encoding")] = (
        10.0
    )


class Split(Struct, frozen=True, forbid_unknown_fields=True):
    """Shares of rows for validation and test.

    Rows are drawn by a hash of the ``key`` columns, so that all rows of a key are on one side, or they are the last
    ones by the column ``time``. Or the side is in a ``column``, whose training rows say ``train``.
    """

    key: Annotated[list[Name], Meta(description="columns whose hash decides; rows of one key stay together")] = []
    time: Annotated[Name | None, Meta(description="a column by which the last rows are held out")] = None
    column: Annotated[Name | None, Meta(description="a column that says the side, `train` for training rows")] = None
    validation: Annotated[Share, Meta(description="the share of rows for validation")] = 0.0
    test: Annotated[Share, Meta(description="the share of rows for the test")] = 0.0
    seed: Annotated[int, Meta(description="the seed of the hash")] = 1

    def __post_init__(self) -> None:
        if self.validation + self.test >= 1:
            raise ValueError("split.validation and split.test leave no rows for training")
        if self.key and self.time:
            raise ValueError("split by key or by time, not by both")
        if self.column and (self.time or self.validation or self.test):
            raise ValueError("split.column has the sides: leave split.time, split.validation and split.test out")
        if (self.validation or self.test) and not (self.key or self.time):
            raise ValueError("name what splits the rows: split.key or split.time")


class Prepared(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the rows go; ``files`` of each side, as Spark makes them if unset."""

    path: Annotated[Name, Meta(description="a local or mounted folder")]
    files: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="files of each side; as many as Spark makes if unset")
    ] = None
    rowsPerFile: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="the most rows of a file")] = None
    rowGroupBytes: Annotated[int, Meta(ge=2**16, description="bytes of a row group of Parquet")] = 32 * 2**20


class Prepare(Struct, frozen=True, forbid_unknown_fields=True):
    """The conf of the ``prepare`` job."""

    data: Raw
    output: Prepared
    features: Features = Features()
    encoding: Encoding = Encoding()
    split: Split = Split()
    privacy: Privacy | None = None

    def __post_init__(self) -> None:
        refuse_failfast(self.data, self.privacy)
        for name in self.privacy.random if self.privacy else []:
            if name in (*self.split.key, self.split.time, self.split.column, self.data.label, self.data.weight):
                raise ValueError(
                    f"column '{name}' is encrypted at random, so it cannot split rows or be a label or weight: set "
                    "deterministic"
                )

    @property
    def apart(self) -> list[str]:
        """Paths that the output must be separate from."""
        return self.inputs

    @property
    def inputs(self) -> list[str]:
        """All paths that the job reads."""
        return [path for path in (self.data.path, self.privacy and self.privacy.key) if path]


def load_prepare(path: str, overrides: list[str]) -> Prepare:
    """Conf of a preparation, of the tables ``data``, ``features``, ``encoding``, ``split`` and ``output``."""
    return load(path, overrides, Prepare)
