"""Preparation: bad rows aside, features as they are defined, what was learned applied unchanged by predict."""

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from pyspark.ml.feature import HashingTF, Tokenizer
from pyspark.sql import functions as f

from submitting import ROOT
from treefold import ml
from treefold.cli.preparation_conf import load_prepare
from treefold.cli.scoring_confs import load_predict
from treefold.errors import InputError
from treefold.persistence import publishing
from treefold.preparation.apply import prepared
from treefold.preparation.learned import load_preparation
from treefold.preparation.write import write_prepared
from treefold.scoring.batch import Batch

pytestmark = pytest.mark.spark

WINE = str(ROOT / "conf/wine_prepare.toml")
CSV = ROOT / "data/wine/wine.csv"

CONF = """
[data]
path = "{path}"
format = "csv"
options = {{ header = true }}
schema = "id INT, age DOUBLE, town STRING, size STRING, seen TIMESTAMP, note STRING, bought INT"
label = "bought"
key = ["id"]
checks = {{ age_is_positive = "age IS NULL OR age > 0" }}

[features]
numeric = ["age"]
onehot = ["town"]
ordinal = ["size"]
target = ["town"]
dates = ["seen"]
text = ["note"]

[encoding]
minCount = 3
numFeatures = 64
smoothing = 2.0

[split]
key = ["id"]
test = 0.25
validation = 0.25

[output]
path = "{out}"
"""


def people(rows: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "id": range(rows),
            "age": np.where(rng.random(rows) < 0.2, np.nan, rng.integers(18, 90, rows)),
            "town": rng.choice(["Aa", "Be", "Ce", None, "Rare-1", "Rare-2"], rows, p=[0.4, 0.3, 0.2, 0.08, 0.01, 0.01]),
            "size": rng.choice(["S", "M", "L"], rows),
            "seen": [f"2024-0{1 + i % 9}-03 0{i % 10}:00:00" for i in range(rows)],
            "note": rng.choice(["red wine", "wine and bread", "bread"], rows),
            "bought": rng.integers(0, 2, rows),
        }
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory, spark):
    """People with some bad rows, prepared."""
    folder = tmp_path_factory.mktemp("people")
    text = people().to_csv(index=False)
    text += (
        "999,old,Aa,S,2024-01-01 00:00:00,red,1\n998,-5,Aa,S,2024-01-01 00:00:00,red,1\n997,30,Aa,S,2024-01-01,red,\n"
    )
    (folder / "people.csv").write_text(text)
    (folder / "conf.toml").write_text(CONF.format(path=folder / "people.csv", out=folder / "out"))
    conf = load_prepare(str(folder / "conf.toml"), [])
    with publishing.published(str(folder / "out")) as aside:
        told = write_prepared(spark, conf, aside)
    return folder, conf, told


def side(spark, folder, name: str) -> pd.DataFrame:
    rows = spark.read.parquet(str(folder / f"out/data/split={name}"))
    return rows.drop("x_hashed_note").toPandas().set_index("id").sort_index()


def test_bad_rows_are_counted_and_kept_with_their_reason(made, spark):
    folder, _, told = made
    assert told["rejects"] == {"cannot be read as its types": 1, "age_is_positive": 1, "label is null": 1}
    assert sum(told["rows"].values()) == 200
    kept = spark.read.parquet(str(folder / "out/rejects")).toPandas()
    assert sorted(kept["_reason"]) == sorted(told["rejects"])
    assert kept["_corrupt_record"].dropna().tolist() == ["999,old,Aa,S,2024-01-01 00:00:00,red,1"]


def test_a_bad_value_in_a_column_that_nothing_uses_rejects_its_row(tmp_path, spark):
    """Rows read are rows written and rows rejected, whichever columns a query of Spark needs."""
    lines = [f"{i},{i % 7},{'x' if i in (3, 40) else i},{i % 2}" for i in range(60)]
    (tmp_path / "rows.csv").write_text("\n".join(["id,age,unused,bought", *lines, "60,1"]) + "\n")
    (tmp_path / "conf.toml").write_text(
        f"""
        [data]
        path = "{tmp_path}/rows.csv"
        format = "csv"
        options = {{ header = true }}
        schema = "id INT, age DOUBLE, unused INT, bought INT"
        key = ["id"]
        [features]
        numeric = ["age"]
        [output]
        path = "{tmp_path}/out"
        """
    )
    (tmp_path / "aside").mkdir()
    told = write_prepared(spark, load_prepare(str(tmp_path / "conf.toml"), []), tmp_path / "aside")
    assert told["rejects"] == {"cannot be read as its types": 3}
    assert sum(told["rows"].values()) == 58
    written = spark.read.parquet(str(tmp_path / "aside/data")).toPandas()
    assert sorted(written.id) == [i for i in range(60) if i not in (3, 40)]
    rejected = spark.read.parquet(str(tmp_path / "aside/rejects")).toPandas()
    assert sorted(rejected._corrupt_record) == ["3,3,x,1", "40,5,x,0", "60,1"]


def test_numbers_are_filled_scaled_and_marked_by_what_the_training_rows_have(made, spark):
    folder, _, _ = made
    train, test = (people().set_index("id").loc[side(spark, folder, name).index] for name in ("train", "test"))
    centre, scale = train.age.mean(), train.age.std(ddof=0)
    for raw, name in ((train, "train"), (test, "test")):
        found = side(spark, folder, name)
        np.testing.assert_array_equal(found.x_age_missing, raw.age.isna())
        known = raw.age.notna()
        np.testing.assert_allclose(found.x_age[known], (raw.age[known] - centre) / scale)
        filled = found.x_age[~known] * scale + centre
        assert filled.nunique() == 1
        assert abs(filled.iloc[0] - train.age.median()) <= 1
        np.testing.assert_array_equal(found.bought, raw.bought)


def test_levels_are_columns_or_indices_and_rare_ones_are_the_others(made, spark):
    folder, _, told = made
    raw, found = people().set_index("id"), side(spark, folder, "train")
    raw = raw.loc[found.index]
    assert {"x_town_Aa", "x_town_Be", "x_town_Ce", "x_town__missing_", "x_town__others_"} <= set(told["features"])
    assert not [name for name in told["features"] if "Rare" in name]
    np.testing.assert_array_equal(found.x_town_Be, raw.town == "Be")
    np.testing.assert_array_equal(found["x_town__missing_"], raw.town.isna())
    np.testing.assert_array_equal(found["x_town__others_"], raw.town.isin(["Rare-1", "Rare-2"]))
    np.testing.assert_array_equal(found.x_size_index, raw["size"].map({"L": 0, "M": 1, "S": 2}))


def test_target_means_leave_out_the_rows_own_fold_in_training_only(made, spark):
    folder, conf, _ = made
    preparation = load_preparation(str(folder / "out"))
    raw = people().set_index("id")
    train, test = side(spark, folder, "train"), side(spark, folder, "test")
    rows = raw.loc[train.index]
    town = rows.town.fillna("(missing)")
    prior = rows.bought.mean()
    means = (rows.bought.groupby(town).sum() + 2 * prior) / (town.value_counts() + 2)
    expected = raw.loc[test.index].town.fillna("(missing)").map(means).fillna(prior)
    np.testing.assert_allclose(test.x_town_target, expected)
    assert not np.allclose(train.x_town_target, town.map(means))
    accepted = spark.createDataFrame(people()).where(f.col("id").isin(list(train.index)))
    assert prepared(accepted, preparation, ["id"]).toPandas().set_index("id").sort_index().x_town_target.to_numpy() == (
        pytest.approx(town.map(means).to_numpy())
    ), "without folds the means are those of all training rows"
    assert len(preparation.steps[3].folds) == conf.encoding.folds


def test_times_have_parts_and_text_has_the_hash_of_spark(made, spark):
    folder, _, _ = made
    found = side(spark, folder, "train")
    assert found.x_seen_month.tolist() == [1 + i % 9 for i in found.index]
    assert found.x_seen_hour.tolist() == [i % 10 for i in found.index]
    rows = (
        spark.read.parquet(str(folder / "out/data/split=train")).select("id", "x_hashed_note").orderBy("id").collect()
    )
    notes = people().set_index("id").loc[[row.id for row in rows]].note
    words = Tokenizer(inputCol="note", outputCol="words").transform(
        spark.createDataFrame(pd.DataFrame({"note": notes}))
    )
    expected = HashingTF(inputCol="words", outputCol="v", numFeatures=64).transform(words).collect()
    assert [row.x_hashed_note for row in rows] == [row.v for row in expected]


def test_the_split_is_by_the_hash_of_the_key_whatever_other_rows_there_are(made, spark, tmp_path):
    folder, _, told = made
    assert {name: 20 < rows < 130 for name, rows in told["rows"].items()} == dict.fromkeys(
        ("test", "train", "validation"), True
    )
    few = tmp_path / "few.csv"
    people().iloc[::2].to_csv(few, index=False)
    other = load_prepare(
        str(folder / "conf.toml"), [f"data.path={few}", f"output.path={tmp_path / 'o'}", "output.files=1"]
    )
    (tmp_path / "o").mkdir()
    write_prepared(spark, other, tmp_path / "o")
    again = pq.read_table(tmp_path / "o/data/split=test", columns=["id"], partitioning=None)["id"].to_pylist()
    assert set(again) == {i for i in side(spark, folder, "test").index if i % 2 == 0}


def test_the_last_rows_are_the_test_by_time(spark, tmp_path):
    given = [
        f"data.path={CSV}",
        "split.key=[]",
        "split.time=id",
        "split.test=0.25",
        "split.validation=0.25",
        f"output.path={tmp_path}",
    ]
    told = write_prepared(spark, load_prepare(WINE, given), tmp_path)
    assert told["labels"] == ["cultivar A", "cultivar B", "cultivar C"]
    ids = {
        name: pq.read_table(tmp_path / f"data/split={name}", columns=["id"], partitioning=None)["id"].to_pylist()
        for name in told["rows"]
    }
    assert max(ids["train"]) < min(ids["validation"]) <= max(ids["validation"]) < min(ids["test"])
    assert abs(len(ids["test"]) - 178 / 4) <= 1


def test_predict_applies_what_was_learned_to_raw_rows(made, spark, tmp_path):
    folder, _, _ = made
    train = spark.read.parquet(str(folder / "out/data/split=train"))
    names = ["x_age", "x_age_missing", "x_town_*", "x_size_index", "x_seen_*"]
    model = ml.LogisticRegression(featuresCol=names, labelCol="bought", regParam=0.1, maxIter=10).fit(train)
    model.save(str(tmp_path / "model"))
    new = people().head(40).assign(town="Nowhere")
    new.drop(columns="bought").to_csv(tmp_path / "new.csv", index=False)
    text = (ROOT / "conf/wine_predict.toml").read_text().replace('key = ["id", "cultivar"]', 'key = ["id"]')
    (tmp_path / "conf.toml").write_text(text)
    given = [
        f"data.path={tmp_path / 'new.csv'}",
        f"data.preparation={folder / 'out'}",
        f"model.path={tmp_path / 'model'}",
        f"output.path={tmp_path / 'p'}",
    ]
    conf = load_predict(str(tmp_path / "conf.toml"), given)
    Batch(conf, ml.load_model(conf.model.path)).run(spark, False, print)
    found = pq.read_table(tmp_path / "p/data").to_pandas().set_index("id").sort_index()
    rows = prepared(
        spark.createDataFrame(new.drop(columns="bought").assign(seen=pd.to_datetime(new.seen))),
        load_preparation(str(folder / "out")),
        ["id"],
    )
    assert rows.first()["x_town__others_"] == 1
    expected = model.transform(rows).select("id", "probability").toPandas().set_index("id").sort_index()
    np.testing.assert_allclose(np.vstack(found.probability), np.vstack([p.toArray() for p in expected.probability]))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.maxRejects=2"], r"3 of 203 rows of .* are rejected \(.*\), more than data.maxRejects"),
        (["data.checks.age_is_positive=agee > 0"], "data.checks.age_is_positive: "),
        (["data.checks.age_is_positive=age + 1"], "is of type double: write a condition"),
        (["data.label=buyer"], "data.label: there is no column 'buyer'"),
        (
            ["features.numeric=['town']"],
            "features.numeric: column 'town' is of type string: name it under another kind",
        ),
        (["features.onehot=['towns']"], "features.onehot: there is no column 'towns': did you mean 'town'"),
        (["encoding.maxLevels=2"], r"features.onehot: column 'town' has \d levels of at least 3 rows, more than"),
        (["data.label=size"], "target encoding needs data.label, and a label that is a number"),
        (["split.key=['idd']"], "split: there is no column 'idd': did you mean 'id'"),
    ],
)
def test_bad_input_is_named(made, spark, tmp_path, overrides, message):
    folder, _, _ = made
    conf = load_prepare(str(folder / "conf.toml"), [*overrides, f"output.path={tmp_path / 'o'}"])
    (tmp_path / "o").mkdir()
    with pytest.raises(InputError, match=message):
        write_prepared(spark, conf, tmp_path / "o")


def test_the_wines_from_raw_rows_to_predictions(tmp_path, in_session, refused_without_jvm):
    out = tmp_path / "wine"
    code, shown, err = in_session("prepare", WINE, f"output.path={out}")
    assert code == 0, err
    assert json.loads(shown)["rows"] == 178
    assert json.loads(shown)["rejects"] == 0
    given = [
        f"data.train={out}/data/split=train",
        f"data.test={out}/data/split=test",
        f"output.path={tmp_path / 'model'}",
    ]
    code, shown, err = in_session("train", "conf/wine.toml", *given)
    assert code == 0, err
    assert json.loads(shown)["accuracy"] > 0.9
    given = [
        f"data.preparation={out}",
        f"model.path={tmp_path / 'model/model'}",
        f"output.path={tmp_path / 'predictions'}",
    ]
    assert in_session("predict", "conf/wine_predict.toml", *given)[0] == 0
    found = pq.read_table(tmp_path / "predictions/data").to_pandas()
    assert (found.cultivar.str[-1].map({"A": 0, "B": 1, "C": 2}) == found.prediction).mean() > 0.95
    assert "split by key or by time" in refused_without_jvm(
        "prepare", WINE, "split.time=id", f"output.path={tmp_path / 'x'}"
    )
