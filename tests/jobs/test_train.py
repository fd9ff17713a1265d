"""The main job as a user runs it: ./spark-submit.sh in a process of its own, from the shell to the files."""

import io
import json
import re

import numpy as np
import pyarrow.parquet as pq
import pytest

from submitting import ROOT, submit
from treefold.persistence import model_io

pytestmark = pytest.mark.spark

CONF = "conf/digits.toml"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("train") / "digits"
    run = submit("train", CONF, f"output.path={out}")
    assert run.returncode == 0, run.stderr
    return out, run


def test_the_last_line_on_stdout_is_json_and_stderr_shows_progress(trained):
    out, run = trained
    (only,) = run.stdout.splitlines()
    result = json.loads(only)
    assert result["output"] == str(out)
    assert result["accuracy"] > 0.95
    first, *_ = [line for line in run.stderr.splitlines() if "iteration " in line]
    assert re.match(r"\d\d:\d\d:\d\d   iteration +0   objective \S+   gradient \S+   \S+ s/pass", first)
    assert not [line for line in run.stderr.splitlines() if " WARN " in line or " INFO " in line or " ERROR " in line]


def test_it_publishes_model_metrics_and_passes(trained):
    out, run = trained
    files = ["_treefold.json", "metrics.json", "model", "passes.jsonl", "report.html"]
    assert sorted(path.name for path in out.iterdir()) == files
    assert [path.name for path in out.parent.iterdir()] == ["digits"]
    metrics = json.loads((out / "metrics.json").read_text())
    test, cost = metrics["test"], metrics["cost"]
    assert test["rows"] == 360
    confusion = np.array(test["confusion"])
    assert confusion.shape == (10, 10)
    assert confusion.sum() == 360
    assert test["accuracy"] == pytest.approx(np.trace(confusion) / 360) == json.loads(run.stdout)["accuracy"]
    assert test["recall"] == pytest.approx(np.diag(confusion) / confusion.sum(axis=1))
    assert test["precision"] == pytest.approx(np.diag(confusion) / confusion.sum(axis=0))
    passes = [json.loads(line) for line in (out / "passes.jsonl").read_text().splitlines()]
    assert cost["rows"] == 1437
    assert cost["passes"] == len(passes)
    assert cost["bytes_up"] == sum(p["bytes_up"] for p in passes) > 0
    assert cost["bytes_down"] == sum(p["bytes_down"] for p in passes) > 0
    assert cost["seconds"] >= cost["fit_seconds"] > 0
    assert {p["source"] for p in passes} == {"parquet"}
    assert [p["of"] for p in passes] == ["fit"] * (len(passes) - 1) + ["test"]
    assert {p["rows"] for p in passes} == {1437, 360}


def test_the_published_model_has_without_spark_the_scores_of_the_metrics(trained):
    out, _ = trained
    rows = pq.read_table(ROOT / "data/digits/split=test").to_pandas()
    model = model_io.load(str(out / "model"))
    pixels = rows[[name for name in rows if name.startswith("pixel_")]].to_numpy()
    accuracy = (model.predict(pixels) == rows.digit).mean()
    assert accuracy == json.loads((out / "metrics.json").read_text())["test"]["accuracy"]


def test_an_output_that_exists_is_kept_unless_overwrite_is_given_and_a_rerun_is_the_same(
    trained, refused_without_jvm, in_session
):
    out, _ = trained
    before = (out / "model" / "arrays.npz").read_bytes(), (out / "metrics.json").stat().st_mtime_ns
    line = refused_without_jvm("train", CONF, f"output.path={out}")
    assert "exists: choose another path, or replace it with --overwrite" in line
    assert (out / "metrics.json").stat().st_mtime_ns == before[1]
    assert in_session("train", CONF, f"output.path={out}", "--overwrite")[0] == 0
    assert (out / "metrics.json").stat().st_mtime_ns != before[1]
    first, second = (np.load(source)["coef"] for source in (out / "model/arrays.npz", io.BytesIO(before[0])))
    np.testing.assert_array_equal(first, second)
