"""Footers of Parquet files: row groups, schemas, and whether the files have the columns as Spark reads them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import FileSystem

from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.engine.reading.parquet_types import column_types
from treefold.engine.reading.read_errors import UseSpark, is_empty_file, read_error
from treefold.errors import InputError

FOOTERS_AT_ONCE = 16


class RowGroups(NamedTuple):
    """Consecutive row groups of one file; ``first_row`` is the row of the file at which they begin."""

    uri: str
    groups: tuple[int, ...]
    first_row: int


class Footer(NamedTuple):
    """The footer of a file: row groups that have rows, their numbers of rows, and schemas.

    ``schema`` is None for a file of no bytes, which some stores keep in place of a folder.
    """

    uri: str
    groups: list[tuple[RowGroups, int]]
    schema: pq.ParquetSchema | None
    arrow: pa.Schema


def footer(uri: str) -> Footer:
    """Footer of a file.

    Raises
    ------
    UseSpark
        If pyarrow cannot read it, but Spark may.
    InputError
        If the file is missing or damaged.
    """
    system, path = opened(uri)
    try:
        found = pq.read_metadata(path, filesystem=system)
    except (pa.ArrowException, OSError) as error:
        if is_empty_file(error):
            return Footer(uri, [], None, pa.schema([]))
        meant = read_error(uri, error)
        if meant is error:  # on the driver there is no retry except by Spark
            meant = UseSpark(f"pyarrow cannot read {uri}: {error}")
        raise meant from error
    try:
        arrow = found.schema.to_arrow_schema()
    except (pa.ArrowException, OSError) as error:
        raise UseSpark(f"pyarrow cannot read the schema of {uri}: {error}") from error
    rows = [found.row_group(i).num_rows for i in range(found.num_row_groups)]
    before = [0, *accumulate(rows)]
    groups = [(RowGroups(uri, (i,), before[i]), n) for i, n in enumerate(rows) if n]
    return Footer(uri, groups, found.schema, arrow.remove_metadata())


def footers(uris: Sequence[str]) -> list[Footer]:
    """Footers of files, in the order of their paths; raises what :func:`footer` does."""
    with ThreadPoolExecutor(FOOTERS_AT_ONCE) as pool:
        return list(pool.map(footer, sorted(uris)))


def check_columns(found: Iterable[Footer], columns: Columns, *, nulls: bool) -> None:
    """Check that every file with rows has the columns.

    Parameters
    ----------
    found : iterable of Footer
        Footers of the files.
    columns : Columns
        The columns that take part.
    nulls : bool
        Whether rows may lack a value. If so, a file without a column is left to Spark, which reads nulls.

    Raises
    ------
    UseSpark
        If a column has a name in other case, or is missing and ``nulls``.
    InputError
        If a column is missing.
    """
    for each in _distinct(found):
        here = set(each.arrow.names)
        folded = [name.lower() for name in each.arrow.names]
        for name in columns.names:
            if folded.count(name.lower()) > (name in here):
                raise UseSpark(f"{each.uri} has a column '{name}' of other case")
            if name in here:
                continue
            if nulls:
                raise UseSpark(f"{each.uri} has no column '{name}', and Spark reads null there")
            some = ", ".join(each.arrow.names[:20])
            raise InputError(f"{each.uri} has no column '{name}', so its rows have none: it has {some}")


def check_types(found: Iterable[Footer], types: Mapping[str, str]) -> None:
    """Raise UseSpark if a column of a file has another type than Spark reads."""
    for each in _distinct(found):
        assert each.schema is not None
        for name, kind in column_types(each.schema, each.arrow, types).items():
            if kind != types[name]:
                raise UseSpark(f"column '{name}' of {each.uri} is {kind}, and Spark reads {types[name]}")


def opened(uri: str) -> tuple[FileSystem, str]:
    """File system and path of a URI.

    Raises
    ------
    UseSpark
        If pyarrow cannot open the file system.
    """
    try:
        return FileSystem.from_uri(uri)
    except (pa.ArrowException, OSError, ImportError) as error:
        raise UseSpark(f"pyarrow cannot open {uri}: {error}") from error


def _distinct(found: Iterable[Footer]) -> Iterator[Footer]:
    """The first file with rows of each schema; the files of one data set mostly have the same."""
    seen: list[Footer] = []
    for each in found:
        if not each.groups or any(each.schema == one.schema and each.arrow == one.arrow for one in seen):
            continue
        seen.append(each)
        yield each
