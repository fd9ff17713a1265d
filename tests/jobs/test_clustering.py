"""k-means as a job: from the shell to the report's pictures."""

import json
from xml.etree import ElementTree

import numpy as np
import pyarrow.parquet as pq
import pytest

from submitting import ROOT, submit
from treefold.persistence import model_io

pytestmark = pytest.mark.spark

CONF = "conf/digits_kmeans.toml"
SVG = "{http://www.w3.org/2000/svg}"


def digits(split: str) -> np.ndarray:
    table = pq.read_table(ROOT / f"data/digits/split={split}", partitioning=None).to_pandas()
    return table[[name for name in table.columns if name.startswith("pixel")]].to_numpy(float)


def pictures(out) -> list:
    text = (out / "report.html").read_text()
    return [ElementTree.fromstring(f"<svg{part.split('</svg>')[0]}</svg>") for part in text.split("<svg")[1:]]


def test_ten_clusters_of_digits_with_restarts(tmp_path):
    out = tmp_path / "digits"
    run = submit("train", CONF, f"output.path={out}")
    assert run.returncode == 0, run.stderr
    metrics, result = json.loads((out / "metrics.json").read_text()), json.loads(run.stdout)
    assert len(metrics["restart_costs"]) == 10
    assert metrics["training_cost"] == min(metrics["restart_costs"])
    assert sum(metrics["cluster_sizes"]) == 1437
    model, train, test = model_io.load(str(out / "model")), digits("train"), digits("test")
    assert (model.outputs(train)["distance"] ** 2).sum() == pytest.approx(metrics["training_cost"])
    assert (model.outputs(test)["distance"] ** 2).sum() == pytest.approx(result["cost"])
    assert list(np.bincount(model.predict(test))) == metrics["test"]["cluster_sizes"]
    for word in ("least cost", "move", "models running", "s/pass"):
        assert word in run.stderr
    assert len(pictures(out)) == 2


def test_how_many_clusters_is_answered_by_a_picture(tmp_path):
    out = tmp_path / "clusters"
    run = submit("train", "conf/digits_clusters.toml", f"output.path={out}", "model.k=[2,5,9,12]", "model.nInit=2")
    assert run.returncode == 0, run.stderr
    metrics = json.loads((out / "metrics.json").read_text())
    candidates = metrics["candidates"]
    assert [c["k"] for c in candidates] == [2, 5, 9, 12]
    assert metrics["k"] == max(candidates, key=lambda c: c["silhouette"])["k"]
    costs = [c["cost"] for c in candidates]
    assert costs == sorted(costs, reverse=True)
    drawn = pictures(out)
    words = [{"".join(text.itertext()).strip() for text in svg.iter(f"{SVG}text")} for svg in drawn]
    assert {"k", "inertia (cost)"} <= words[0]
    assert {"k", "mean silhouette", "exact", "simplified"} <= words[1]
    assert len(drawn) == 4


def test_without_a_test_set(tmp_path):
    conf = tmp_path / "a.toml"
    text = (ROOT / CONF).read_text().replace('test = "data/digits/split=test"', "").replace("nInit = 10", "nInit = 1")
    conf.write_text(text.replace('name = "KMeans"', 'name = "KMeans"\ndistanceMeasure = "cosine"'))
    run = submit("train", conf, f"output.path={tmp_path / 'o'}")
    assert run.returncode == 0, run.stderr
    assert json.loads((tmp_path / "o/metrics.json").read_text())["test"] is None
    assert json.loads(run.stdout)["training_cost"] > 0
