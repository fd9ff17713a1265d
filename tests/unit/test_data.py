"""The data sets of the repository are those that data/make.py makes, and their confs name columns that they have."""

import importlib.util
import tomllib

import pyarrow.parquet as pq
import pytest

from submitting import ROOT
from treefold.ml.feature_patterns import features_named


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    spec = importlib.util.spec_from_file_location("make_data", ROOT / "data/make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("data")
    module.main(folder)
    return folder


def test_the_files_are_those_of_the_repository(made):
    files = sorted(file.relative_to(made) for file in made.rglob("*.*") if file.is_file())
    assert len(files) == 5
    for file in files:
        if file.suffix == ".csv":
            assert (made / file).read_text() == (ROOT / "data" / file).read_text()
        else:
            one, other = (pq.read_table(folder / file, partitioning=None) for folder in (made, ROOT / "data"))
            assert one.equals(other), file


@pytest.mark.parametrize(("name", "features"), [("diabetes", 10), ("breast_cancer", 30)])
def test_the_confs_name_all_features(name, features):
    data = tomllib.loads((ROOT / f"conf/{name}.toml").read_text())["data"]
    there = pq.read_schema(next((ROOT / data["train"]).glob("*.parquet"))).names
    found = features_named(data["features"], there, {data["label"]})
    assert len(found) == features
    assert sorted([*found, data["label"]]) == sorted(there)
