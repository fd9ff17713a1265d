"""Several jobs in one application: what has not changed is left out, a threshold stops the rest."""

import json
import shutil
import sys
from contextlib import contextmanager

import pyarrow.parquet as pq
import pytest

from submitting import ROOT, job_module
from treefold.cli import spark_session

pytestmark = pytest.mark.spark


@pytest.fixture
def pipeline(monkeypatch, capfd, process_as_before, tmp_path, spark):
    """Run the pipeline of the wines in this process; returns exit code, result, and how many sessions were started."""
    text = (ROOT / "conf/wine_pipeline.toml").read_text()
    (tmp_path / "wine.toml").write_text(text.replace("out/wine_pipeline", str(tmp_path / "out")))
    starts: list[str] = []

    @contextmanager
    def started(name, say):
        starts.append(name)
        yield spark

    monkeypatch.setattr(spark_session, "_started", started)
    monkeypatch.chdir(ROOT)

    def of(*overrides):
        starts.clear()
        module = job_module("pipeline")
        monkeypatch.setattr(sys, "argv", ["pipeline.py", str(tmp_path / "wine.toml"), *overrides])
        capfd.readouterr()
        with pytest.raises(SystemExit) as caught:
            module.run(module.pipeline, module.load_pipeline, "about", "example", ("all",))
        shown = capfd.readouterr()
        return caught.value.code, json.loads(shown.out) if shown.out else shown.err, len(starts)

    return of


def unchanged(result: dict) -> list[str]:
    return [step for step, told in result.items() if told == "unchanged"]


def test_steps_run_in_one_session_and_unchanged_ones_are_left_out(pipeline, tmp_path):
    code, result, sessions = pipeline()
    assert (code, sessions, unchanged(result)) == (0, 1, [])
    assert result["evaluate"]["accuracy"] > 0.9
    assert pq.read_table(tmp_path / "out/predictions/data").num_rows == 178
    code, result, sessions = pipeline()
    assert (code, sessions, unchanged(result)) == (0, 0, ["prepare", "train", "evaluate", "predict"])
    code, result, sessions = pipeline("evaluate.threshold.min=0.999999", "train.model.regParam=10.0")
    assert (code, sessions) == (3, 1)
    assert "accuracy" in result, "the result is that of the step that missed its threshold"
    code, result, sessions = pipeline("evaluate.threshold.min=0.1", "train.model.regParam=10.0")
    assert (code, sessions, unchanged(result)) == (0, 1, ["prepare", "train"])
    shutil.rmtree(tmp_path / "out/predictions")
    code, result, _ = pipeline("evaluate.threshold.min=0.1", "train.model.regParam=10.0")
    assert (code, unchanged(result)) == (0, ["prepare", "train", "evaluate"])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["steps=['prepare','predikt']"], "steps: there is no job 'predikt': there are generate"),
        (["steps=['tune']"], "steps: there is no table [tune]"),
        (["steps=['train','train']"], "steps: 'train' is there twice"),
        (["train.data.lable=x"], "[train]: data: unknown key 'lable': did you mean 'label'"),
        (["predict.model.path=3"], "[predict]: model.path: expected `str`"),
    ],
)
def test_bad_confs_cost_no_session(pipeline, overrides, message):
    code, shown, sessions = pipeline(*overrides)
    assert (code, sessions) == (2, 0)
    assert message in shown
