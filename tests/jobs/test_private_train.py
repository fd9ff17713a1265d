"""A differentially private model as a job: what it says of its budget, and what it does not keep of the rows."""

import json

import pytest

pytestmark = pytest.mark.spark


def test_a_job_says_its_epsilon_and_keeps_no_distribution_of_the_rows(tmp_path, in_session):
    out = tmp_path / "out"
    code, shown, err = in_session("train", "conf/digits_private.toml", "solver.maxIter=4", f"output.path={out}")
    assert code == 0, err
    assert "differentially private with epsilon 3, delta 1e-06" in err
    told = json.loads((out / "metrics.json").read_text())
    assert (round(told["epsilon"], 6), told["delta"]) == (3.0, 1e-6)
    assert "objective" not in told
    assert json.loads((out / "model/model.json").read_text())["facts"]["privacy"]["epsilon"] == told["epsilon"]
    assert "noise multiplier" in (out / "report.html").read_text()
    assert not (out / "model/reference.json").exists()
    assert json.loads(shown)["accuracy"] > 0.2
