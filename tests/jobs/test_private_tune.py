"""Searches and evaluations over private columns: they see what the policies leave."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.chaos.disk_files import bytes_of, files_below

pytestmark = pytest.mark.spark

ROWS = 60
TUNE = """
[data]
train = "{path}"
features = ["age"]
label = "bought"

[model]
name = "LogisticRegression"

[solver]
maxIter = 5

[search]
metric = "logLoss"
numFolds = 2
seed = 1

[search.space]
regParam = [0.0, 1.0]

[output]
path = "{out}"
"""
EVALUATE = """
[data]
path = "{path}"
label = "bought"

[model]
path = "{model}"

[evaluation]
slices = ["town"]
replicates = 0

[output]
path = "{out}"
"""
POLICIES = """
[privacy]
quasiIdentifiers = ["age"]
kAnonymity = {k}

[privacy.columns]
town = {{ policy = "mask", prefix = 1 }}
age = {{ policy = "generalise", width = 30.0 }}
"""


@pytest.fixture
def people(tmp_path) -> dict[str, Path]:
    """Files with private columns, and with what the policies make of them."""
    age = np.arange(20.0, 20.0 + ROWS)
    told = {"town": [f"Townsecret{i % 3}" for i in range(ROWS)], "age": age, "bought": np.arange(ROWS) % 2.0}
    protected = told | {"town": ["T**********"] * ROWS, "age": age // 30 * 30}
    for name, columns in (("private", told), ("protected", protected)):
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    return {name: tmp_path / f"{name}.parquet" for name in ("private", "protected")}


def test_tune_and_evaluate_see_what_the_policies_leave(people, tmp_path, in_session):
    """Their results are those of a file to which the policies were applied before."""

    def run(job, conf, out, code=0):
        (tmp_path / "conf.toml").write_text(conf)
        ended, shown, err = in_session(job, tmp_path / "conf.toml")
        assert ended == code, err
        assert "Townsecret" not in shown + err
        assert not any(b"Townsecret" in bytes_of(file) for file in files_below(out)), "found in what the job left"
        return err

    results = {}
    for name, policies in (("private", POLICIES.format(k=10)), ("protected", "")):
        tuned, found = tmp_path / f"{name}_tuned", tmp_path / f"{name}_found"
        run("tune", TUNE.format(path=people[name], out=tuned) + policies, tuned)
        run("evaluate", EVALUATE.format(path=people[name], model=tuned / "model", out=found) + policies, found)
        trials = json.loads((tuned / "trials.json").read_text())["trials"]
        metrics = json.loads((found / "metrics.json").read_text())
        results[name] = [trial["mean"] for trial in trials], metrics["scores"], metrics["slices"]
    assert results["private"] == results["protected"]
    assert [each["value"] for each in results["private"][2]] == ["T**********"]
    assert json.loads((tmp_path / "private_tuned/metrics.json").read_text())["k_anonymity"] == 10
    none, policies = tmp_path / "none", POLICIES.format(k=11)
    assert "fewer than 11" in run("tune", TUNE.format(path=people["private"], out=none) + policies, none, code=2)
    evaluated = EVALUATE.format(path=people["private"], model=tmp_path / "private_tuned/model", out=none)
    assert "fewer than 11" in run("evaluate", evaluated + policies, none, code=2)
    assert not none.exists()
