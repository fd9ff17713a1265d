"""Delta Lake tables: every version has the rows that deltalake itself reads; workers read the live files."""

import base64
import json
import shutil
import struct
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from treefold import ml
from treefold.engine.open import open_blocks
from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.engine.reading.planned_table import tables_of
from treefold.errors import InputError
from treefold.statistics.moments import moments

pytestmark = pytest.mark.spark

ODD = ["a b", "c:d/e=1", "a%20b", None]  # values that folders spell otherwise


def rows(first: int, count: int = 8, **more: pa.Array) -> pa.Table:
    """Rows ``id`` from ``first``, with features, a label and columns to partition by."""
    ids = np.arange(first, first + count)
    columns = {
        "id": pa.array(ids),
        "x": np.sin(ids),
        "label": np.cos(ids),
        "part": pa.array([ODD[i % 4] for i in ids]),
        "day": pa.array([date(2024, 1, 1 + i % 2) for i in ids.tolist()]),
        "at": pa.array([datetime(2024, 1, 1, i % 2, tzinfo=UTC) for i in ids.tolist()], pa.timestamp("us", "UTC")),
    }
    return pa.table({**columns, **more})


@pytest.fixture(params=[[], ["part"], ["day", "at"]], ids=["whole", "odd names", "dates"])
def table(request, tmp_path) -> Path:
    """A table of six versions: appended, widened by a column, rows deleted, updated, compacted, overwritten."""
    path = tmp_path / "table"
    write_deltalake(path, rows(0), partition_by=request.param or None)
    write_deltalake(path, rows(8), mode="append")
    write_deltalake(path, rows(16, z=pa.array(np.arange(8.0))), mode="append", schema_mode="merge")
    DeltaTable(path).delete("id >= 3 AND id < 10")
    DeltaTable(path).optimize.compact()
    write_deltalake(path, rows(100, z=pa.nulls(8, pa.float64())), mode="overwrite")
    assert DeltaTable(path).version() == 5
    return path.rename(tmp_path / "a table [1]")  # deltalake reads tables of such names, but does not write them


def listed(frame) -> list[dict]:
    return sorted((row.asDict() for row in frame.collect()), key=lambda row: row["id"])


def expected(path: Path, version: int | None = None) -> list[dict]:
    """What deltalake reads; PySpark has times of the machine's zone, without a zone."""
    found = pa.table(DeltaTable(path, version=version).to_pyarrow_table())
    return [
        row | {"at": row["at"].astimezone().replace(tzinfo=None)}
        for row in found.sort_by("id").to_pylist()
    ]  # fmt: skip


def test_every_version_has_the_rows_that_deltalake_reads(spark, table):
    for version in range(6):
        frame = ml.read_parquet(spark, str(table), version)
        assert listed(frame) == expected(table, version)
        said = tables_of(frame.where("x > 0").select("x"))["tables"]
        assert said == [{"path": f"file:{table}", "format": "Delta Lake", "version": version}]
    assert listed(ml.read_parquet(spark, f"file://{table}/")) == expected(table)


def test_the_parquet_reader_reads_the_live_files(spark, table, tmp_path):
    frame = ml.read_parquet(spark, str(table), 4)
    for uri in frame.inputFiles():
        live = Path(unquote(urlsplit(uri).path))
        (tmp_path / "plain").mkdir(exist_ok=True)
        shutil.copy(live, tmp_path / "plain" / f"{hash(live.parent)}{live.name}")
    columns = Columns(("x",), "label")
    with open_blocks(frame, columns, "test") as blocks:
        found = moments(blocks)
        assert (blocks.passes[-1].source, blocks.passes[-1].rows) == ("parquet", 17)
    with open_blocks(spark.read.parquet(str(tmp_path / "plain")), columns, "test") as blocks:
        whole = moments(blocks)
    np.testing.assert_allclose(found.mean, whole.mean, rtol=1e-12)
    model = ml.LinearRegression(featuresCol=["x"]).fit(frame)
    predicted = model.transform(frame).select("x", "prediction").toPandas()
    np.testing.assert_allclose(predicted.prediction, model.intercept + model.coefficients[0] * predicted.x)


def test_a_column_that_older_files_lack_is_null_there(spark, table):
    frame = ml.read_parquet(spark, str(table), 2)
    assert frame.where("z IS NULL").count() == 16
    forest = ml.RandomForestRegressor(featuresCol=["x", "z"], numTrees=2, maxDepth=2, seed=1).fit(frame)
    assert forest.transform(frame).count() == 24
    with pytest.raises(InputError, match="has no column 'z', so its rows have none"):
        ml.LinearRegression(featuresCol=["x", "z"]).fit(frame)


def test_a_time_names_the_newest_version_of_it(spark, table):
    written = {entry["version"]: entry["timestamp"] for entry in DeltaTable(table).history()}
    for asked in written.values():
        found = tables_of(ml.read_parquet(spark, str(table), datetime.fromtimestamp(asked / 1000, UTC)))["tables"]
        assert [each["version"] for each in found] == [max(v for v in written if written[v] <= asked)]
    with pytest.raises(InputError, match=r"has no version of 2001-01-01.*: its oldest is of 20"):
        ml.read_parquet(spark, str(table), datetime(2001, 1, 1, tzinfo=UTC))


def without_rows(path: Path, deleted: list[int]) -> None:
    """Commit a deletion vector for the one file of a table, as the protocol of Delta Lake describes it."""
    log = path / "_delta_log"
    add = next(e["add"] for e in map(json.loads, (log / f"{0:020}.json").read_text().splitlines()) if "add" in e)
    bitmap = struct.pack("<IIHHI", 12346, 1, 0, len(deleted) - 1, 16) + struct.pack(f"<{len(deleted)}H", *deleted)
    content = struct.pack("<IQI", 1681511377, 1, 0) + bitmap
    padded = content + bytes(-len(content) % 4)
    ours = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
    z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    inline = base64.b85encode(padded).decode().translate(str.maketrans(ours, z85))
    vector = {
        "storageType": "i", "pathOrInlineDv": inline, "sizeInBytes": len(content), "cardinality": len(deleted),
    }  # fmt: skip
    features = {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
    actions = [
        {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, **features}},
        {"remove": {"path": add["path"], "deletionTimestamp": 1, "dataChange": True}},
        {"add": {**add, "deletionVector": vector}},
        {"commitInfo": {"timestamp": 1}},
    ]
    (log / f"{1:020}.json").write_text("".join(json.dumps(action) + "\n" for action in actions))


def test_rows_of_deletion_vectors_are_left_out(spark, tmp_path):
    write_deltalake(tmp_path / "table", rows(0, 40))
    path = (tmp_path / "table").rename(tmp_path / "a table é")
    without_rows(path, [0, 7, 8, 39])
    frame = ml.read_parquet(spark, str(path))
    assert [row["id"] for row in listed(frame)] == sorted({*range(40)} - {0, 7, 8, 39})
    with open_blocks(frame, Columns(("x",), "label"), "test") as blocks:
        moments(blocks)
        assert (blocks.passes[-1].source, blocks.passes[-1].rows) == ("dataframe", 36)
    assert ml.LinearRegression(featuresCol=["x"]).fit(frame).transform(frame).count() == 36
    assert ml.read_parquet(spark, str(path), 0).count() == 40


def test_partition_values_are_those_of_the_log_whatever_the_folders_say(spark, tmp_path):
    accents = ["é b", "ü", "ж", None]  # Spark decodes such folders byte by byte
    part = pa.array([accents[i % 4] for i in range(16)])
    write_deltalake(tmp_path / "accents", rows(0, 16).set_column(3, "part", part), partition_by=["part", "day"])
    assert listed(ml.read_parquet(spark, str(tmp_path / "accents"))) == expected(tmp_path / "accents")
    write_deltalake(tmp_path / "moved", rows(0), partition_by=["day"])
    edit(tmp_path / "moved", "add", lambda it: it["partitionValues"].update(day="2031-05-05"))
    frame = ml.read_parquet(spark, str(tmp_path / "moved"))
    assert {row["day"] for row in listed(frame)} == {date(2031, 5, 5)}
    with open_blocks(frame, Columns(("x",), "label"), "test") as blocks:
        moments(blocks)
        assert (blocks.passes[-1].source, blocks.passes[-1].rows) == ("dataframe", 8)


def edit(path: Path, key: str, change) -> None:
    """Change an action of the first commit of a table."""
    file = path / "_delta_log" / f"{0:020}.json"
    actions = [json.loads(line) for line in file.read_text().splitlines()]
    for action in actions:
        if key in action:
            change(action[key])
    file.write_text("".join(json.dumps(action) + "\n" for action in actions))


def test_what_a_scan_does_not_have_is_refused_in_one_line(spark, tmp_path):
    for name in ("mapped", "broken", "vacuumed"):
        write_deltalake(tmp_path / name, rows(0), partition_by=["day"])
    edit(tmp_path / "mapped", "metaData", lambda it: it["configuration"].update({"delta.columnMapping.mode": "name"}))
    (tmp_path / "broken/_delta_log" / f"{0:020}.json").write_text("{}")
    write_deltalake(tmp_path / "vacuumed", rows(8), mode="overwrite")
    DeltaTable(tmp_path / "vacuumed").vacuum(0, dry_run=False, enforce_retention_duration=False)
    cases = [
        ("mapped", None, "with the feature columnMapping by name, which is not supported"),
        ("broken", None, "cannot be read as a table of Delta Lake: "),
        ("vacuumed", 0, "version 0 of .* names files that are gone, because they were vacuumed"),
        ("vacuumed", 9, "has no version 9: its newest is "),
    ]
    for name, version, told in cases:
        with pytest.raises(InputError, match=told) as caught:
            ml.read_parquet(spark, str(tmp_path / name), version)
        assert len(str(caught.value).splitlines()) == 1
    assert ml.read_parquet(spark, str(tmp_path / "vacuumed")).count() == 8


def test_without_the_package_one_line_names_the_extra(spark, tmp_path, monkeypatch):
    write_deltalake(tmp_path / "t", rows(0))
    monkeypatch.setitem(__import__("sys").modules, "deltalake", None)
    with pytest.raises(InputError, match="the package deltalake, which reads its log, is not installed: install the"):
        ml.read_parquet(spark, str(tmp_path / "t"))


def test_a_version_of_a_plain_folder_is_refused(spark, tmp_path):
    spark.range(3).write.parquet(str(tmp_path / "plain"))
    with pytest.raises(InputError, match=r"is the folder of no table that has versions .*: leave version out"):
        ml.read_parquet(spark, str(tmp_path / "plain"), 3)
