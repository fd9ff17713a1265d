"""Rows by their places are those of the files, in whatever order they are asked for."""

import os
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from treefold.engine.reading import row_reader
from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.engine.reading.row_reader import RowReader
from treefold.errors import InputError

GROUPS, COLUMNS = (700, 1, 2000, 900), Columns(("a", "b"), dtype="float64", missing=True)
ROWS = sum(GROUPS)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Two files of row groups larger and smaller than what is decoded at a time."""
    monkeypatch.setattr(row_reader, "READ_BYTES", 1)
    made = []
    for k in range(2):
        path = tmp_path / f"part {k}.parquet"
        a = np.arange(ROWS, dtype="f4") + 1e4 * k
        table = pa.table({"b": pa.array(np.where(a % 7, -a, np.nan), from_pandas=True), "other": a, "a": a})
        with pq.ParquetWriter(path, table.schema) as writer:
            for begin, rows in zip(np.cumsum([0, *GROUPS]), GROUPS, strict=False):
                writer.write_table(table.slice(begin, rows))
        made.append(path.as_uri())
    return made


def asked(reader, uris, file, number):
    found = list(reader(*row_locations([uris[f] for f in file], number)))
    return np.concatenate([rows.matrix(slice(0, len(rows.y)), "float64", False) for rows in found])


def row_locations(uris, number):
    """Spark's _metadata of rows; of a file that is gone, the metadata from before."""
    facts = {uri: Path(unquote(uri[7:])).stat() for uri in set(uris) if Path(unquote(uri[7:])).exists()}
    sizes = [facts[uri].st_size if uri in facts else 1 for uri in uris]
    times = [facts[uri].st_mtime_ns // 1_000_000 * 1000 if uri in facts else 0 for uri in uris]
    stamps = pa.array(times, pa.timestamp("us", "UTC"))
    return pa.array(uris, pa.string()), pa.array(number, pa.int64()), pa.array(sizes, pa.int64()), stamps


def expected(file, number):
    a = np.asarray(number) + 1e4 * np.asarray(file)
    return np.stack([a, np.where(a % 7, -a, np.nan)], axis=1)


@pytest.mark.parametrize("order", ["as in the files", "some", "shuffled", "one by one backwards"])
def test_rows_are_those_of_the_files(files, order):
    place = np.array([(f, i) for f in (0, 1) for i in range(ROWS)])
    rng = np.random.default_rng(0)
    if order == "some":
        place = place[rng.random(len(place)) < 0.1]
    if order == "shuffled":
        place = rng.permutation(place)[:200]
    if order == "one by one backwards":
        place = place[::-701]
    reader = RowReader(COLUMNS)
    for begin in range(0, len(place), 1500):
        file, number = place[begin : begin + 1500].T
        np.testing.assert_array_equal(asked(reader, files, file, number), expected(file, number))


def test_a_scan_decodes_every_row_once(files, monkeypatch):
    decoded = []

    def read(*args, really=row_reader.read):
        for batch in really(*args):
            decoded.append(batch.num_rows)
            yield batch

    monkeypatch.setattr(row_reader, "read", read)
    reader = RowReader(COLUMNS)
    for begin in range(0, ROWS, 1000):
        number = np.arange(begin, min(begin + 1000, ROWS))
        asked(reader, files, np.zeros_like(number), number)
    assert sum(decoded) == ROWS


def test_what_cannot_be_read_is_named_with_file_and_row(files):
    with pytest.raises(InputError, match=r"column 'b' holds null in row 3 of file:.*part%201"):
        asked(RowReader(COLUMNS._replace(missing=False)), files, [1, 1], [2, 3])
    with pytest.raises(InputError, match="has no row 3,601 any more"):
        asked(RowReader(COLUMNS), files, [0], [ROWS])
    with pytest.raises(InputError, match="has no column 'c'"):
        asked(RowReader(COLUMNS._replace(features=("c",))), files, [0], [0])
    with pytest.raises(InputError, match="is not there"):
        asked(RowReader(COLUMNS), [files[0] + "x"], [0], [0])


def test_no_places_are_no_rows():
    assert not list(RowReader(COLUMNS)(*row_locations([], [])))


def rewritten(path: Path) -> None:
    """Other rows in a file of the same size."""
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000))


def grown(path: Path) -> None:
    """A file of another size and the same time."""
    times = path.stat()
    path.write_bytes(path.read_bytes() + b" ")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize("change", [rewritten, grown])
def test_a_file_written_anew_since_spark_listed_it_is_refused(files, change):
    os.utime(unquote(files[1][7:]), ns=(0, 1_700_000_000_123_000_000))  # a whole second is compared in seconds
    before = row_locations([files[1]] * 5, np.arange(5))
    list(RowReader(COLUMNS)(*before))
    change(Path(unquote(files[1][7:])))
    with pytest.raises(InputError, match=r"part%201\.parquet was written anew since the DataFrame was made: read the"):
        list(RowReader(COLUMNS)(*before))


@pytest.mark.parametrize(("later", "refused"), [(999, False), (1000, True)])
def test_a_file_system_with_times_in_whole_seconds_is_compared_in_seconds(files, later, refused):
    path = Path(unquote(files[0][7:]))
    os.utime(path, ns=(0, 1_700_000_000_000_000_000))
    listed = row_locations([files[0]], [0])
    os.utime(path, ns=(0, 1_700_000_000_000_000_000 + later * 1_000_000))
    if refused:
        with pytest.raises(InputError, match="was written anew"):
            list(RowReader(COLUMNS)(*listed))
    else:
        assert len(list(RowReader(COLUMNS)(*listed))) == 1
