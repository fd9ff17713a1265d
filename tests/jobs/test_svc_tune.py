"""A search over C and gamma as a job."""

import json

import pyarrow.dataset as ds
import pytest
from sklearn.svm import SVC

from submitting import ROOT
from treefold.persistence import model_io

pytestmark = pytest.mark.spark

SMALL = ["search.numFolds=2", "search.space.C=[0.01,10.0]", "search.space.gamma=[0.001,0.1]"]


def test_a_search_chooses_c_and_gamma_and_refits_the_machine_of_scikit_learn(tmp_path, in_session):
    out = tmp_path / "tuned"
    code, shown, err = in_session("tune", "conf/digits_svc_tune.toml", *SMALL, f"output.path={out}")
    assert code == 0, err
    found = json.loads((out / "trials.json").read_text())
    means = [trial["mean"] for trial in found["trials"]]
    assert len(means) == 4
    best = found["trials"][found["best"]]
    assert best["mean"] == max(means)
    assert best["params"] == {"C": 10.0, "gamma": 0.001}
    assert model_io.load(str(out / "model")).kernel.gamma == 0.001
    train, test = (_digits(split) for split in ("train", "test"))
    oracle = SVC(C=10.0, gamma=0.001).fit(*train).score(*test)
    assert json.loads(shown)["accuracy"] == pytest.approx(oracle, abs=1.01 / len(test[1]))


def _digits(split):
    rows = ds.dataset(ROOT / f"data/digits/split={split}").to_table().to_pandas()
    pixels = [name for name in rows.columns if name.startswith("pixel_")]
    return rows[pixels].to_numpy(), rows["digit"].to_numpy()
