"""A forest as a job: trained, scored out of bag and on the test rows, reported, loaded without Spark."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from treefold.persistence import model_io

pytestmark = pytest.mark.spark


def test_a_forest_on_digits(in_session, tmp_path):
    out = tmp_path / "forest"
    code, shown, err = in_session("train", "conf/digits_forest.toml", f"output.path={out}", "model.numTrees=30")
    assert code == 0, err
    metrics, result = json.loads((out / "metrics.json").read_text()), json.loads(shown)
    assert result["accuracy"] > 0.95
    assert metrics["oob_score"] > 0.9
    assert sum(each["importance"] for each in metrics["importances"]) == pytest.approx(1)
    table = pq.read_table("data/digits/split=test", partitioning=None).to_pandas()
    X = table[[name for name in table.columns if name.startswith("pixel")]].to_numpy(float)
    model = model_io.load(str(out / "model"))
    assert (model.predict(X) == np.asarray(table["digit"])).mean() == pytest.approx(result["accuracy"])
    report = (out / "report.html").read_text()
    assert report.count("<svg") == 3
    for word in ("Importance of features", "First levels of the first tree", metrics["importances"][0]["feature"]):
        assert word in report
    assert "open nodes" in err
