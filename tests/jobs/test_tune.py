"""A search as a job: what it publishes, and how it resumes after it was killed."""

import glob
import json
import os
import subprocess
import time

import numpy as np
import pyarrow.parquet as pq
import pytest

from submitting import ROOT, kill, submit
from treefold.persistence import model_io

pytestmark = pytest.mark.spark

CONF = "conf/digits_tune.toml"
SMALL = [
    "search.space.stepSize=[0.1,1.0]",
    "search.space.regParam=[0.001,0.1]",
    "search.numFolds=3",
    "solver.maxIter=30",
]


def test_a_search_publishes_the_best_model_and_every_trial(tmp_path, in_session):
    out = tmp_path / "tuned"
    code, shown, err = in_session("tune", CONF, *SMALL, f"output.path={out}")
    assert code == 0, err
    found, table = json.loads((out / "trials.json").read_text()), pq.read_table(out / "trials.parquet").to_pandas()
    assert len(found["trials"]) == len(table) == 4
    best = found["trials"][found["best"]]
    assert best["mean"] == min(trial["mean"] for trial in found["trials"])
    np.testing.assert_allclose(table[["fold_0", "fold_1", "fold_2"]].mean(axis=1), table["mean"])
    assert [entry[0] for entry in best["on_the_way"]] == [20]
    metrics, result = json.loads((out / "metrics.json").read_text()), json.loads(shown)
    assert metrics["best_stepSize"] == best["params"]["stepSize"]
    assert result["accuracy"] > 0.9
    assert model_io.load(str(out / "model")).classes == 10
    assert "after 20 iterations:" in err
    assert "1. logLoss" in err
    report = (out / "report.html").read_text()
    for word in ("logLoss by stepSize", "logLoss by regParam", "Learning curves", "<svg"):
        assert word in report
    for outside in ("src=", 'href="http', "@import", "url(http"):
        assert outside not in report
    assert not (tmp_path / "tuned.checkpoint").exists()


@pytest.mark.processes
def test_a_killed_search_leaves_no_blocks_and_resumes_to_the_same_result(tmp_path, in_session, refused_without_jvm):
    whole, out, disk = tmp_path / "whole", tmp_path / "killed", tmp_path / "disk"
    assert in_session("tune", CONF, *SMALL, f"output.path={whole}")[0] == 0
    command = ["./spark-submit.sh", "tune", CONF, *SMALL, f"output.path={out}", "checkpoint.every=4"]
    job = subprocess.Popen(
        command, cwd=ROOT, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=os.environ | {"SPARK_LOCAL_DIRS": str(disk)},
    )  # fmt: skip
    kept = tmp_path / "killed.checkpoint"
    while not (kept / "000003").exists():
        assert job.poll() is None, "ended before it could be killed"
        time.sleep(0.05)
    assert list(disk.glob("*/treefold/*"))
    kill(job)
    assert not out.exists()
    deadline = time.monotonic() + 60
    while glob.glob("*/treefold/*", root_dir=disk) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert list(disk.glob("*/treefold*")) == []
    again = ["tune", CONF, *SMALL, f"output.path={out}", "checkpoint.every=4", "--resume"]
    assert "was written by a job with another conf" in refused_without_jvm(*again, "solver.maxIter=31")
    run = submit(*again)
    assert run.returncode == 0, run.stderr
    assert "continuing after the" in run.stderr
    assert (out / "trials.json").read_text() == (whole / "trials.json").read_text()
    models = [model_io.load(str(folder / "model")) for folder in (whole, out)]
    np.testing.assert_array_equal(models[0].coef, models[1].coef)
    assert not kept.exists()
