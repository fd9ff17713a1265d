"""k-means as a job: from the conf to the report's pictures."""

import json
from xml.etree import ElementTree

import numpy as np
import pyarrow.parquet as pq
import pytest

from submitting import ROOT
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


def test_ten_clusters_of_digits_with_restarts(in_session, tmp_path):
    out = tmp_path / "digits"
    code, shown, err = in_session("train", CONF, f"output.path={out}")
    assert code == 0, err
    metrics, result = json.loads((out / "metrics.json").read_text()), json.loads(shown)
    assert len(metrics["restart_costs"]) == 10
    assert metrics["training_cost"] == min(metrics["restart_costs"])
    assert sum(metrics["cluster_sizes"]) == 1437
    model, train, test = model_io.load(str(out / "model")), digits("train"), digits("test")
    assert (model.outputs(train)["distance"] ** 2).sum() == pytest.approx(metrics["training_cost"])
    assert (model.outputs(test)["distance"] ** 2).sum() == pytest.approx(result["cost"])
    assert list(np.bincount(model.predict(test))) == metrics["test"]["cluster_sizes"]
    for word in ("least cost", "move", "models running", "s/pass"):
        assert word in err
    assert len(pictures(out)) == 2


def test_how_many_clusters_is_answered_by_a_picture(in_session, tmp_path):
    out = tmp_path / "clusters"
    few = ["model.k=[2,5,9,12]", "model.nInit=2"]
    code, _, err = in_session("train", "conf/digits_clusters.toml", f"output.path={out}", *few)
    assert code == 0, err
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


def test_without_a_test_set(in_session, tmp_path):
    conf = tmp_path / "a.toml"
    text = (ROOT / CONF).read_text().replace('test = "data/digits/split=test"', "").replace("nInit = 10", "nInit = 1")
    conf.write_text(text.replace('name = "KMeans"', 'name = "KMeans"\ndistanceMeasure = "cosine"'))
    code, shown, err = in_session("train", conf, f"output.path={tmp_path / 'o'}")
    assert code == 0, err
    assert json.loads((tmp_path / "o/metrics.json").read_text())["test"] is None
    assert json.loads(shown)["training_cost"] > 0
