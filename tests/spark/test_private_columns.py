"""Policies on the rows of Spark: what they make of values, whichever reader the rows come through."""

import datetime
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from chispa import assert_df_equality

from treefold import open_blocks
from treefold.errors import InputError
from treefold.privacy.anonymity import check_k_anonymity
from treefold.privacy.columns import decrypted, protected
from treefold.privacy.keys import Keys
from treefold.privacy.policies import Policy, Privacy

pytestmark = pytest.mark.spark


@pytest.fixture
def key(tmp_path) -> str:
    (tmp_path / "key").write_text(bytes(range(32)).hex())
    (tmp_path / "key").chmod(0o600)
    return str(tmp_path / "key")


def values(spark, column, policy, key=None) -> list:
    frame = spark.createDataFrame([(value,) for value in column[0]], f"`a b.c` {column[1]}")
    return [row[0] for row in protected(frame, Privacy({"a b.c": policy}, key)).collect()]


TEXT = ["", "a", "ab", "abcdef", "1-2_3 4", "ä\u4e2d-x", None]


@pytest.mark.parametrize("prefix", [0, 1, 3])
@pytest.mark.parametrize("suffix", [0, 2])
@pytest.mark.parametrize("form", [False, True])
def test_a_mask_keeps_ends_and_format_and_nothing_of_a_short_text(spark, prefix, suffix, form):
    def masked(text):
        if text is None:
            return None
        inside = range(prefix, len(text) - suffix) if len(text) > prefix + suffix else range(len(text))
        return "".join("*" if i in inside and (c.isalnum() or not form) else c for i, c in enumerate(text))

    policy = Policy("mask", prefix=prefix, suffix=suffix, format=form)
    assert values(spark, (TEXT, "STRING"), policy) == [masked(text) for text in TEXT]


def test_numbers_become_bins(spark):
    numbers = [-3.5, 0.0, 9.99, 10.0, 47.0, 1e300, math.nan, None]
    by_width = values(spark, (numbers, "DOUBLE"), Policy("generalise", width=10.0))
    assert by_width[:5] == [-10.0, 0.0, 0.0, 10.0, 40.0]
    assert math.isnan(by_width[6])
    assert by_width[7] is None
    by_edges = values(spark, (numbers, "DOUBLE"), Policy("generalise", edges=[0.0, 10.0, 40.0]))
    assert by_edges[:6] == [0.0, 0.0, 0.0, 10.0, 40.0, 40.0]
    assert math.isnan(by_edges[6])
    assert by_edges[7] is None


def test_times_become_months_and_postcodes_prefixes(spark):
    day, time = datetime.date(2024, 5, 17), datetime.datetime(2024, 5, 17, 13, 1)
    assert values(spark, ([day, None], "DATE"), Policy("generalise", date="month")) == [day.replace(day=1), None]
    quarter = values(spark, ([time], "TIMESTAMP_NTZ"), Policy("generalise", date="quarter"))
    assert quarter == [datetime.datetime(2024, 4, 1)]
    assert values(spark, (["10115", "1", None], "STRING"), Policy("generalise", prefix=2)) == ["10", "1", None]
    assert values(spark, ([10115], "INT"), Policy("generalise", prefix=2)) == ["10"]


def test_a_number_and_its_text_have_one_pseudonym(spark, key):
    made = [values(spark, (column, kind), Policy("pseudonymise"), key) for column, kind in (
        ([4711, None, 4711], "INT"), ([4711, None, 4711], "BIGINT"), (["4711", None, "4711"], "STRING"),
    )]  # fmt: skip
    assert made[0] == made[1] == made[2]
    assert made[0][0] == made[0][2] == Keys.read(key).first.pseudonyms(["4711"])[0]
    assert made[0][1] is None


@pytest.mark.parametrize("deterministic", [False, True])
def test_what_is_encrypted_comes_back(spark, key, deterministic):
    tokens = values(spark, (TEXT * 2, "STRING"), Policy("encrypt", deterministic=deterministic), key)
    assert decrypted(pa.array(tokens), Keys.read(key)).to_pylist() == TEXT * 2
    assert len(set(tokens)) == (len(TEXT) if deterministic else 2 * len(TEXT) - 1)
    numbers = [1.5, None, -2.25]
    tokens = values(spark, (numbers, "DOUBLE"), Policy("encrypt"), key)
    assert decrypted(pa.array(tokens), Keys.read(key)).to_pylist() == ["1.5", None, "-2.25"]


def test_the_other_columns_stay_and_dropped_ones_go(spark):
    frame = spark.createDataFrame([(1, "a", 2.0), (2, "b", 3.0)], "id INT, name STRING, x DOUBLE")
    assert_df_equality(protected(frame, Privacy({"name": Policy("drop")})), frame.select("id", "x"))
    assert protected(frame, None) is frame


@pytest.mark.parametrize(
    ("column", "policy", "message"),
    [
        ("nme", Policy("drop"), "did you mean 'name'"),
        ("x", Policy("pseudonymise"), "of type double, which pseudonymise cannot take"),
        ("x", Policy("generalise", date="month"), "cannot take"),
        ("name", Policy("generalise", width=1.0), "cannot take"),
    ],
)
def test_a_policy_that_a_column_cannot_take_is_refused(spark, key, column, policy, message):
    frame = spark.createDataFrame([("a", 2.0)], "name STRING, x DOUBLE")
    with pytest.raises(InputError, match=message):
        protected(frame, Privacy({column: policy}, key))


def test_blocks_have_the_values_after_the_policy_by_either_reader(spark, tmp_path):
    rng = np.random.default_rng(1)
    rows = pd.DataFrame({"x": rng.normal(size=500), "age": rng.integers(0, 100, 500).astype(float)})
    rows.to_parquet(tmp_path / "rows.parquet")
    private = Privacy({"age": Policy("generalise", width=10.0)})
    expected = np.column_stack([rows.x, rows.age // 10 * 10])
    for frame in (spark.read.parquet(str(tmp_path / "rows.parquet")), spark.createDataFrame(rows)):
        with open_blocks(protected(frame, private), ["x", "age"], dtype="float64") as blocks:
            found = blocks.reduce_tasks(features_of, merge=stacked)
        order = np.lexsort(found.T)
        np.testing.assert_array_equal(found[order], expected[np.lexsort(expected.T)])


def features_of(blocks):
    return np.concatenate([block.X for block in blocks])


def stacked(one, other):
    return np.concatenate([one, other])


@pytest.mark.parametrize("width", [1.0, 10.0, 50.0])
def test_k_is_the_size_of_the_smallest_group(spark, width):
    rng = np.random.default_rng(2)
    rows = pd.DataFrame({"age": rng.integers(20, 70, 300).astype(float), "town": rng.choice(list("abc"), 300)})
    private = Privacy({"age": Policy("generalise", width=width)}, None, ["age", "town"], 2)
    sizes = rows.assign(age=rows.age // width * width).groupby(["age", "town"]).size()
    frame = protected(spark.createDataFrame(rows), private)
    if sizes.min() >= 2:
        assert check_k_anonymity(frame, private) == sizes.min()
    else:
        with pytest.raises(InputError, match=f"{(sizes == 1).sum():,} groups of fewer than 2 rows"):
            check_k_anonymity(frame, private)
    assert check_k_anonymity(frame, None) is None
    with pytest.raises(InputError, match="no column 'agee': did you mean 'age'"):
        check_k_anonymity(frame, Privacy({}, None, ["agee"], 2))
