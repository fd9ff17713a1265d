"""The conf of the ``runs`` job, as a frozen record."""

from typing import Annotated

from msgspec import Meta, Struct

from treefold.cli.conf_files import load
from treefold.cli.config import Name, Output


class Searched(Struct, frozen=True, forbid_unknown_fields=True):
    """The local folder that is searched for runs, and the runs that are compared, by their paths below it."""

    path: Annotated[Name, Meta(description="the local folder that is searched for published runs")]
    compare: Annotated[list[Name], Meta(description="runs to compare, by their paths below that folder")] = []


class Runs(Struct, frozen=True, forbid_unknown_fields=True):
    """The conf of the ``runs`` job."""

    data: Searched
    output: Output


def load_runs(path: str, overrides: list[str]) -> Runs:
    """Conf of an index of runs, of the tables ``data`` and ``output``."""
    return load(path, overrides, Runs)
