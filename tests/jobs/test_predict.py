"""Batch predictions: what is written, what is left out on a rerun, drift, and what is refused."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from submitting import ROOT
from treefold import ml
from treefold.cli.scoring_confs import load_predict
from treefold.errors import InputError, ThresholdNotMet
from treefold.persistence import model_io
from treefold.scoring.batch import Batch
from treefold.scoring.reference import reference_on

pytestmark = pytest.mark.spark

CONF = str(ROOT / "conf/digits_predict.toml")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, spark) -> str:
    """A model of digits with its reference, as the job publishes one."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    rows = spark.read.parquet(str(ROOT / "data/digits/split=train"))
    model = ml.LogisticRegression(featuresCol=["pixel_*"], labelCol="digit", regParam=0.01, maxIter=15).fit(rows)
    model.save(str(folder))
    reference_on(model, rows).write(folder)
    return str(folder)


@pytest.fixture
def predict(trained, tmp_path, spark):
    """Run the job's work in the session of all tests; returns the manifest, or with ``batch`` that and the batch."""

    def of(data, *overrides, incremental=False, model=trained):
        given = [f"data.path={data}", f"model.path={model}", f"output.path={tmp_path / 'out'}", *overrides]
        conf = load_predict(CONF, given)
        batch = Batch(conf, ml.load_model(conf.model.path))
        said: list[str] = []
        return SimpleNamespace(told=batch.run(spark, incremental, said.append), batch=batch, said=said)

    return of


def days(folder, *numbers: int, shift: int = 0) -> None:
    """The test rows as files of partitions ``day=...``."""
    table = pq.read_table(ROOT / "data/digits/split=test", partitioning=None)
    if shift:
        table = table.set_column(27, "pixel_33", pa.array(np.asarray(table["pixel_33"]) + shift))
    for day in numbers:
        (folder / f"day={day}").mkdir(parents=True, exist_ok=True)
        pq.write_table(table.slice(100 * day, 100), folder / f"day={day}/a.parquet")


def test_predictions_are_those_of_the_model_with_keys_and_partitions(predict, tmp_path, trained):
    days(tmp_path / "in", 0, 1)
    told = predict(tmp_path / "in").told
    written = pq.read_table(tmp_path / "out").to_pandas()
    assert list(written.columns) == ["digit", "prediction", "probability", "day"]
    assert told["rows"] == len(written) == 200
    assert {name: part["rows"] for name, part in told["partitions"].items()} == {"day=0": 100, "day=1": 100}
    rows = pq.read_table(tmp_path / "in/day=0/a.parquet", partitioning=None)
    model = model_io.load(trained)
    day = written[written.day == 0]
    np.testing.assert_array_equal(day.digit, rows["digit"])
    np.testing.assert_array_equal(day.prediction, model.predict(rows))
    assert model.outputs(rows)["probability"].tolist() == [list(row) for row in day.probability]
    assert told["version"] == json.loads((tmp_path / "out/_manifest.json").read_text())["version"]


def test_a_rerun_writes_new_and_changed_partitions_alone(predict, tmp_path):
    days(tmp_path / "in", 0, 1)
    predict(tmp_path / "in")
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").rglob("*.parquet")}
    again = predict(tmp_path / "in", incremental=True)
    assert again.told["rows"] == 0
    days(tmp_path / "in", 1, 2, shift=3)
    run = predict(tmp_path / "in", incremental=True)
    assert run.said == ["1 of 3 partitions are unchanged since they were written"]
    assert run.told["written_partitions"] == ["day=1", "day=2"]
    assert sorted(run.told["partitions"]) == ["day=0", "day=1", "day=2"]
    kept = [file for file in before if file.exists()]
    assert [file.parent.name for file in kept] == ["day=0"]
    assert pq.read_table(tmp_path / "out").num_rows == 300
    assert predict(tmp_path / "in", "model.outputs=['prediction']", incremental=True).told["rows"] == 300
    assert predict(tmp_path / "in").told["rows"] == 300, "without --incremental everything is written again"


def test_drift_is_none_on_the_training_rows_and_found_where_a_column_is_shifted(predict, tmp_path):
    same = predict(ROOT / "data/digits/split=train").told["drift"]
    features = [each for each in same if each["column"].startswith("pixel")]
    assert len(features) == 64
    assert max(each["psi"] for each in features) == max(each["ks"] for each in features) == 0
    assert max(each["ks"] for each in same) < 1e-3, "scores of float32 and float64 rows differ in rounding alone"
    days(tmp_path / "in", 0, 1, 2, shift=5)
    run = predict(tmp_path / "in", f"output.path={tmp_path / 'other'}", "drift.maxKs=0.5")
    worst = max(run.told["drift"], key=lambda each: each["ks"])
    assert worst["column"] == "pixel_33"
    with pytest.raises(ThresholdNotMet, match=r"psi of column '.*' is .*, above 0.25"):
        run.batch.check_drift(run.told, {})
    assert (tmp_path / "other/day=1").exists()


def test_rows_of_any_table_are_scored_into_folders_of_any_column(predict, tmp_path, spark):
    days(tmp_path / "in", 0)
    spark.read.parquet(str(tmp_path / "in/day=0")).createOrReplaceTempView("digits_of_a_day")
    conf = load_predict(CONF, [])
    assert conf.data.table is None
    table = tmp_path / "table.toml"
    text = (ROOT / "conf/digits_predict.toml").read_text().replace('path = "data/digits"', 'table = "digits_of_a_day"')
    table.write_text(text.replace('key = ["digit"]', ""))
    model = predict(tmp_path / "in", f"output.path={tmp_path / 'first'}").batch.conf.model.path
    given = [f"model.path={model}", f"output.path={tmp_path / 'out'}", "output.partitionBy=['digit']"]
    conf = load_predict(str(table), given)
    told = Batch(conf, ml.load_model(model)).run(spark, False, print)
    digits = np.unique(pq.read_table(tmp_path / "in/day=0/a.parquet", partitioning=None)["digit"])
    assert told["written_partitions"] == sorted(f"digit={digit}" for digit in digits)
    with pytest.raises(InputError, match="new files cannot be found"):
        Batch(conf, ml.load_model(model)).run(spark, True, print)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.key=['digits']"], "data.key: there is no column 'digits': did you mean 'digit'"),
        (["output.partitionBy=['dy']"], "output.partitionBy: there is no column 'dy': did you mean 'day'"),
        (["data.path=/nowhere/at/all"], "there is nothing at /nowhere/at/all"),
        (["model.outputs=['prob']"], "model.outputs: the model has no 'prob': it has"),
    ],
)
def test_bad_input_is_named_and_nothing_is_published(predict, tmp_path, overrides, message):
    days(tmp_path / "in", 0)
    with pytest.raises(InputError, match=message):
        predict(tmp_path / "in", *overrides)
    assert not list((tmp_path / "out").rglob("*.parquet"))


def test_a_null_feature_is_named_by_its_column(predict, tmp_path):
    days(tmp_path / "in", 0)
    file = tmp_path / "in/day=0/a.parquet"
    table = pq.read_table(file, partitioning=None)
    pq.write_table(table.set_column(0, "pixel_00", pa.array([None] * 100, pa.int8())), file)
    with pytest.raises(InputError, match="column 'pixel_00' holds null in row 0 of"):
        predict(tmp_path / "in")
    assert not list((tmp_path / "out").rglob("*.parquet"))


def test_rows_with_a_null_are_named_left_out_or_kept(predict, tmp_path, trained):
    table = pq.read_table(ROOT / "data/digits/split=test/part-00000.parquet", partitioning=None).slice(0, 100)
    table = table.append_column("id", pa.array(range(100)))
    values = table["pixel_33"].to_pylist()
    values[7] = values[50] = None
    table = table.set_column(table.column_names.index("pixel_33"), "pixel_33", pa.array(values, pa.int8()))
    (tmp_path / "in").mkdir()
    table.to_pandas().to_csv(tmp_path / "in/a.csv", index=False)
    given = ["data.format=csv", "data.options={header=true,inferSchema=true}", "data.key=['id']"]
    with pytest.raises(InputError) as caught:
        predict(tmp_path / "in", *given)
    assert str(caught.value) == (
        f"column 'pixel_33' holds null in the row with id = 7 of file:{tmp_path}/in/a.csv: "
        "set data.nulls to 'drop' or 'keep'"
    )
    expected = model_io.load(trained).predict(table.slice(8, 42))

    def written():
        return pq.read_table(tmp_path / "out").to_pandas().sort_values("id").set_index("id")

    ran = predict(tmp_path / "in", *given, "data.nulls=drop")
    assert (ran.told["rows"], ran.told["rows_with_null"]) == (98, 2)
    assert ran.said == ["2 rows have a null feature: they are left out"]
    dropped = written()
    assert list(dropped.index) == [row for row in range(100) if row not in (7, 50)]
    np.testing.assert_array_equal(dropped.loc[8:49].prediction, expected)

    pq.write_table(table, tmp_path / "in.parquet")
    ran = predict(tmp_path / "in.parquet", "data.key=['id']", "data.nulls=keep")
    assert (ran.told["rows"], ran.told["rows_with_null"]) == (100, 2)
    kept = written()
    assert list(kept.index[kept.prediction.isna()]) == list(kept.index[kept.probability.isna()]) == [7, 50]
    np.testing.assert_array_equal(kept.drop([7, 50]).prediction, dropped.prediction)


def test_a_bad_conf_or_model_costs_no_jvm(refused_without_jvm, tmp_path):
    out = f"output.path={tmp_path / 'o'}"
    assert "there is no whole model at" in refused_without_jvm("predict", CONF, f"model.path={tmp_path}", out)
    assert "data: unknown key 'kay': did you mean 'key'" in refused_without_jvm("predict", CONF, "data.kay=x", out)
    assert "name either a path or a table" in refused_without_jvm("predict", CONF, "data.table=t", out)


def test_the_job_has_exit_code_3_beyond_a_threshold(trained, tmp_path, in_session):
    shutil.copytree(ROOT / "data/digits", tmp_path / "in")
    given = [f"data.path={tmp_path / 'in'}", f"model.path={trained}", f"output.path={tmp_path / 'out'}"]
    code, shown, err = in_session("predict", CONF, *given, "drift.maxPsi=1e-9")
    assert code == 3, err
    assert json.loads(shown)["rows"] == 1797
    assert err.splitlines()[-1].startswith("threshold not met: psi of column 'p")
    assert pq.read_table(tmp_path / "out").num_rows == 1797
