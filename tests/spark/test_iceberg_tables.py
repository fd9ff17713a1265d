"""Apache Iceberg tables: every snapshot has the rows that pyiceberg itself reads; workers read the live files."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import StaticTable
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import DoubleType

from treefold import ml
from treefold.engine.open import open_blocks
from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.engine.reading.planned_table import tables_of
from treefold.errors import InputError
from treefold.statistics.moments import moments

pytestmark = pytest.mark.spark


def rows(first: int, **more: pa.Array) -> pa.Table:
    ids = np.arange(first, first + 8)
    parts = pa.array([["a b", "c:d/é", "a%20b", None][i % 4] for i in ids])
    days = pa.array([datetime(2024, 1, 1 + i % 2) for i in ids.tolist()], pa.timestamp("us"))
    return pa.table({"id": pa.array(ids), "x": np.sin(ids), "label": np.cos(ids), "part": parts, "day": days, **more})


@pytest.fixture
def catalog(tmp_path) -> SqlCatalog:
    """A catalog in SQLite whose tables are below ``tmp_path / "n"``."""
    found = SqlCatalog("test", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}")
    found.create_namespace("n")
    return found


@pytest.fixture(params=[[], ["part"], ["day"]], ids=["whole", "by text", "by time"])
def table(request, catalog):
    """A table of some snapshots: appended, widened by a column, rows deleted, overwritten."""
    made = catalog.create_table("n.t", rows(0).schema)
    with made.update_spec() as spec:
        for name in request.param:
            spec.add_field(name, IdentityTransform(), name)
    made.append(rows(0))
    made.append(rows(8))
    with made.update_schema() as update:
        update.add_column("z", DoubleType())
    made.append(rows(16, z=pa.array(np.arange(8.0))))
    made.delete("id >= 3 and id < 10")
    made.overwrite(rows(100, z=pa.nulls(8, pa.float64())))
    return made


def folder(table) -> str:
    return table.location().removeprefix("file://")


def listed(frame) -> list[dict]:
    return sorted((row.asDict() for row in frame.collect()), key=lambda row: row["id"])


def expected(table, snapshot: int | None = None) -> list[dict]:
    return table.scan(snapshot_id=snapshot).to_arrow().sort_by("id").to_pylist()


def test_every_snapshot_has_the_rows_that_pyiceberg_reads(spark, table):
    for snapshot in table.metadata.snapshots:
        frame = ml.read_parquet(spark, folder(table), snapshot.snapshot_id)
        assert listed(frame) == expected(table, snapshot.snapshot_id)
    frame = ml.read_parquet(spark, table.location())
    assert listed(frame) == expected(table)
    said = {"path": f"file:{folder(table)}", "format": "Apache Iceberg", "version": snapshot.snapshot_id}
    assert tables_of(frame.select("x"))["tables"] == [said]
    with open_blocks(frame, Columns(("x",), "label"), "test") as blocks:
        assert moments(blocks).rows == 8
        assert blocks.passes[-1].source == "parquet"
    model = ml.LinearRegression(featuresCol=["x"]).fit(frame)
    assert model.transform(frame).count() == 8


def test_a_time_names_the_snapshot_that_was_current(spark, table):
    for snapshot in (each for each in table.metadata.snapshots if expected(table, each.snapshot_id)):
        at = datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC)
        found = tables_of(ml.read_parquet(spark, folder(table), at))["tables"]
        assert found[0]["version"] == table.snapshot_as_of_timestamp(snapshot.timestamp_ms).snapshot_id
    for never in (datetime(2001, 1, 1, tzinfo=UTC), 7):
        with pytest.raises(InputError, match=r"has no snapshot of .*: its last ones are"):
            ml.read_parquet(spark, folder(table), never)


def test_what_a_scan_by_name_does_not_have_is_refused_in_one_line(spark, catalog, tmp_path, monkeypatch):
    renamed = catalog.create_table("n.renamed", rows(0).schema)
    renamed.append(rows(0))
    with renamed.update_schema() as update:
        update.rename_column("x", "w")
    empty = catalog.create_table("n.empty", rows(0).schema)
    twice = catalog.create_table("n.twice", rows(0).schema)
    twice.append(rows(0))
    newest = Path(twice.metadata_location.removeprefix("file://"))
    shutil.copy(newest, newest.with_name("00001-left-behind.metadata.json"))
    cases = [
        (renamed, "column 'w' of .* was renamed"),
        (empty, "has no snapshot yet"),
        (twice, "has two newest versions, 00001-"),
    ]
    for table, told in cases:
        with pytest.raises(InputError, match=told) as caught:
            ml.read_parquet(spark, folder(table))
        assert len(str(caught.value).splitlines()) == 1
    monkeypatch.setitem(__import__("sys").modules, "pyiceberg.table", None)
    with pytest.raises(InputError, match="the package pyiceberg, which reads its metadata, is not installed: install"):
        ml.read_parquet(spark, folder(renamed))


def test_deletes_of_merge_on_read_are_refused(spark, catalog, monkeypatch):
    table = catalog.create_table("n.t", rows(0).schema)
    table.append(rows(0))
    plan = StaticTable.scan

    def with_deletes(self, **arguments):
        scan = plan(self, **arguments)
        tasks = list(scan.plan_files())
        tasks[0].delete_files.add(tasks[0].file)
        monkeypatch.setattr(scan, "plan_files", lambda: tasks)
        return scan

    monkeypatch.setattr(StaticTable, "scan", with_deletes)
    with pytest.raises(InputError, match=r"deleted without writing their files anew \(merge on read\)"):
        ml.read_parquet(spark, folder(table))
