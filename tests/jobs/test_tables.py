"""Jobs over the folder of a Delta Lake table: the version that was read is recorded, deleted rows are not read."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from submitting import one_line
from treefold import ml
from treefold.cli.scoring_confs import load_predict
from treefold.persistence import model_io
from treefold.scoring.batch import Batch

pytestmark = pytest.mark.spark

CONFS = {
    "train": '[model]\nname = "LinearRegression"\n[data]\ntrain = "{table}"\nfeatures = ["x"]\nlabel = "y"\n',
    "evaluate": '[model]\npath = "{model}"\n[data]\npath = "{table}"\n[evaluation]\nreplicates = 0\n',
    "predict": '[model]\npath = "{model}"\n[data]\npath = "{table}"\nkey = ["id"]\n',
}


def rows(first: int, part: int, slope: float) -> pa.Table:
    ids = np.arange(first, first + 20)
    return pa.table({"id": ids, "x": np.sin(ids), "y": slope * np.sin(ids), "part": np.full(20, part)})


@pytest.fixture
def run(in_session, tmp_path):
    """Run a job in the session of all tests; returns its exit code, stdout and stderr."""

    def of(job, *arguments):
        conf = tmp_path / f"{job}.toml"
        paths = {"table": tmp_path / "table", "model": tmp_path / "fitted/model"}
        conf.write_text(CONFS[job].format(**paths) + '[output]\npath = "unset"\n')
        return in_session(job, conf, *arguments)

    return of


def recorded(file) -> list[int]:
    return [each["version"] for each in json.loads(file.read_text())["tables"]]


def test_jobs_read_live_rows_and_record_the_version(run, tmp_path):
    table, fitted = tmp_path / "table", tmp_path / "fitted"
    write_deltalake(table, rows(0, 0, 2.0), partition_by=["part"])
    write_deltalake(table, rows(20, 1, 3.0), mode="overwrite")
    write_deltalake(table, rows(40, 0, 3.0), mode="append")
    assert run("train", f"output.path={fitted}", f"data.test={table}", "data.testVersion=0")[0] == 0
    metrics = json.loads((fitted / "metrics.json").read_text())
    assert recorded(fitted / "metrics.json") == [2, 0]
    assert metrics["test"]["rows"] == 20
    assert model_io.load(str(fitted / "model")).coef[0, 0] == pytest.approx(3)  # the slope of the live rows

    assert run("evaluate", f"output.path={tmp_path / 'scores'}", "data.version=0")[0] == 0
    scores = json.loads((tmp_path / "scores/metrics.json").read_text())
    assert recorded(tmp_path / "scores/metrics.json") == [0]
    assert scores["scores"]["rows"] == 20


def test_predictions_of_partitions_whose_live_files_changed_are_written_anew(run, spark, tmp_path):
    table, out = tmp_path / "table", tmp_path / "predictions"
    write_deltalake(table, rows(0, 0, 2.0), partition_by=["part"])
    write_deltalake(table, rows(20, 1, 2.0), mode="append")
    assert run("train", f"output.path={tmp_path / 'fitted'}")[0] == 0

    text = CONFS["predict"].format(table=table, model=tmp_path / "fitted/model") + f'[output]\npath = "{out}"\n'
    (tmp_path / "predict.toml").write_text(text)
    conf = load_predict(str(tmp_path / "predict.toml"), [])

    def predicted() -> tuple[int, list[str], list[int]]:
        manifest = Batch(conf, ml.load_model(conf.model.path)).run(spark, True, print)
        return manifest["rows"], manifest["written_partitions"], recorded(out / "_manifest.json")

    assert predicted() == (40, ["part=0", "part=1"], [1])
    assert predicted()[1:] == ([], [1])
    DeltaTable(table).delete("part = 1 AND id < 25")
    assert predicted() == (15, ["part=1"], [2])
    assert sorted(pq.read_table(out)["id"].to_pylist()) == [*range(20), *range(25, 40)]


def test_a_version_that_is_not_there_is_one_line(run, tmp_path):
    write_deltalake(tmp_path / "table", rows(0, 0, 2.0))
    code, told, shown = run("train", f"output.path={tmp_path / 'fitted'}", "data.version=7")
    assert (code, told) == (2, "")
    assert "has no version 7: its newest is 0" in one_line(shown)
    code, told, shown = run("train", f"output.path={tmp_path / 'fitted'}", "data.version=2026-01-01")
    assert (code, told) == (2, "")
    assert "data.version" in one_line(shown)
