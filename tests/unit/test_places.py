"""Rows by their places are those of the files, in whatever order they are asked for."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from treefold.engine import places
from treefold.engine.columns import Columns
from treefold.engine.places import PlaceReader
from treefold.errors import InputError

GROUPS, COLUMNS = (700, 1, 2000, 900), Columns(("a", "b"), dtype="float64", missing=True)
ROWS = sum(GROUPS)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Two files of row groups larger and smaller than what is decoded at a time."""
    monkeypatch.setattr(places, "READ_BYTES", 1)
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
    found = list(reader(pa.array([uris[f] for f in file]), pa.array(number, pa.int64())))
    return np.concatenate([rows.matrix(slice(0, len(rows.y)), "float64", False) for rows in found])


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
    reader = PlaceReader(COLUMNS)
    for begin in range(0, len(place), 1500):
        file, number = place[begin : begin + 1500].T
        np.testing.assert_array_equal(asked(reader, files, file, number), expected(file, number))


def test_a_scan_decodes_every_row_once(files, monkeypatch):
    decoded = []

    def read(*args, really=places.read):
        for batch in really(*args):
            decoded.append(batch.num_rows)
            yield batch

    monkeypatch.setattr(places, "read", read)
    reader = PlaceReader(COLUMNS)
    for begin in range(0, ROWS, 1000):
        number = np.arange(begin, min(begin + 1000, ROWS))
        asked(reader, files, np.zeros_like(number), number)
    assert sum(decoded) == ROWS


def test_what_cannot_be_read_is_told_with_file_and_row(files):
    with pytest.raises(InputError, match=r"column 'b' holds null in row 3 of file:.*part%201"):
        asked(PlaceReader(COLUMNS._replace(missing=False)), files, [1, 1], [2, 3])
    with pytest.raises(InputError, match="has no row 3,601 any more"):
        asked(PlaceReader(COLUMNS), files, [0], [ROWS])
    with pytest.raises(InputError, match="has no column 'c'"):
        asked(PlaceReader(COLUMNS._replace(features=("c",))), files, [0], [0])
    with pytest.raises(InputError, match="is not there"):
        asked(PlaceReader(COLUMNS), [files[0] + "x"], [0], [0])


def test_no_places_are_no_rows():
    assert not list(PlaceReader(COLUMNS)(pa.array([], pa.string()), pa.array([], pa.int64())))
