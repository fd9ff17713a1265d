"""Synthetic data sets as Parquet: the same rows for any number of tasks, read by the estimators."""

import json

import pyarrow.parquet as pq
import pytest

from submitting import ROOT
from treefold import ml
from treefold.cli.generation_conf import Spec
from treefold.generation.write import write_generated

pytestmark = pytest.mark.spark

CONF = str(ROOT / "conf/generated_classes.toml")


def test_rows_are_the_same_for_any_number_of_files(spark, tmp_path):
    spec = Spec(kind="clicks", rows=2000, features=6, missing=0.1, seed=5)
    for files in (1, 3):
        write_generated(spark, spec, files, tmp_path / str(files))
        assert len(list((tmp_path / str(files)).glob("*.parquet"))) == files
    one, three = (pq.read_table(tmp_path / name).sort_by("id") for name in ("1", "3"))
    assert one.equals(three)
    assert one["word_0"].null_count > 0


def test_sparse_vectors_are_those_of_spark(spark, tmp_path):
    spec = Spec(kind="sparse", rows=600, features=5000, entries=12)
    write_generated(spark, spec, 2, tmp_path / "sparse")
    rows = spark.read.parquet(str(tmp_path / "sparse"))
    assert rows.schema["features"].dataType.simpleString() == "vector"
    assert rows.first()["features"].size == 5000
    model = ml.LogisticRegression(regParam=0.01, maxIter=20).fit(rows)
    assert model.evaluate(rows).accuracy > 0.8


def test_the_job_publishes_two_parts_and_what_they_were_made_of(tmp_path, in_session, refused_without_jvm):
    out = tmp_path / "out"
    code, shown, err = in_session("generate", CONF, f"output.path={out}", "data.rows=3000")
    assert code == 0, err
    assert json.loads(shown)["rows"] == 3000
    assert pq.read_table(out / "split=train").num_rows + pq.read_table(out / "split=test").num_rows == 3000
    assert len(json.loads((out / "_truth.json").read_text())["coefficients"]) == 3
    assert "exists: choose another path" in refused_without_jvm("generate", CONF, f"output.path={out}")
    assert "data.kind" in refused_without_jvm("generate", CONF, "data.kind=moons", f"output.path={tmp_path / 'o'}")
    assert "no local or mounted disk" in refused_without_jvm("generate", CONF, "output.path=s3://b/o")
