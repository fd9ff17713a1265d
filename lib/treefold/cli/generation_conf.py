"""The conf of the ``generate`` job, as a frozen record."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from treefold.cli.conf_files import load
from treefold.cli.config import Name


class Spec(Struct, frozen=True, forbid_unknown_fields=True):
    """What rows are drawn.

    ``noise`` is the deviation of a regression's label and of a cloud; it flattens the probabilities of classes.
    ``drift`` moves the mean of every feature. ``skew`` is the exponent of the Zipf distribution of ``keys`` keys.
    """

    kind: Annotated[
        Literal["regression", "classification", "blobs", "sparse", "clicks"], Meta(description="what is drawn")
    ]
    rows: Annotated[int, Meta(ge=1, le=2**48, description="how many rows are drawn")]
    seed: Annotated[int, Meta(description="the seed of all draws")] = 1
    features: Annotated[int, Meta(ge=1, description="how many features a row has")] = 20
    classes: Annotated[int, Meta(ge=2, description="how many classes, or clouds of `blobs`, there are")] = 2
    noise: Annotated[float, Meta(ge=0, description="deviation of a label or cloud; flattens probabilities")] = 1.0
    intercept: Annotated[float, Meta(description="the intercept of the true model")] = 0.0
    entries: Annotated[int, Meta(ge=1, description="entries drawn for a row of `sparse`")] = 30
    levels: Annotated[int, Meta(ge=1, description="levels of each text column of `clicks`")] = 1000
    missing: Annotated[float, Meta(ge=0, lt=1, description="the share of missing feature values")] = 0.0
    drift: Annotated[float, Meta(description="what is added to the mean of every feature")] = 0.0
    skew: Annotated[float, Meta(ge=0, description="exponent of Zipf distributed `key`; 0 for no such column")] = 0.0
    keys: Annotated[int, Meta(ge=1, description="how many values the column `key` has")] = 100
    test: Annotated[float, Meta(ge=0, lt=1, description="the share of rows of the split `test`")] = 0.0


class Files(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the rows go, and in how many files."""

    path: Annotated[Name, Meta(description="a local folder that must not exist without `--overwrite`")]
    files: Annotated[int, Meta(ge=1, description="how many files are written")] = 8


class Generate(Struct, frozen=True, forbid_unknown_fields=True):
    """The conf of the ``generate`` job."""

    data: Spec
    output: Files

    @property
    def inputs(self) -> list[str]:
        """All paths that the job reads: none."""
        return []


def load_generate(path: str, overrides: list[str]) -> Generate:
    """Conf of synthetic data, of the tables ``data`` and ``output``."""
    return load(path, overrides, Generate)
