"""A calibrated classifier as a job: trained, scored on the test rows, reported, loaded without Spark."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import log_loss

from treefold.persistence import model_io

pytestmark = pytest.mark.spark


def test_the_machines_of_ten_digits_have_probabilities(in_session, tmp_path):
    out = tmp_path / "calibrated"
    code, shown, err = in_session("train", "conf/digits_calibrated.toml", f"output.path={out}", "model.folds=3")
    assert code == 0, err
    metrics, result = json.loads((out / "metrics.json").read_text()), json.loads(shown)
    assert metrics["run"]["params"]["estimator"]["name"] == "SVC"
    table = pq.read_table("data/digits/split=test", partitioning=None).to_pandas()
    X = table[[name for name in table.columns if name.startswith("pixel")]].to_numpy(float)
    found = model_io.load(str(out / "model")).outputs(X)
    assert (found["prediction"] == np.asarray(table["digit"])).mean() == pytest.approx(result["accuracy"])
    assert log_loss(table["digit"], found["probability"]) == pytest.approx(result["log_loss"], rel=1e-4)
    assert result["log_loss"] < 0.15
    assert "<svg" in (out / "report.html").read_text()
    assert "fits 4" in err
