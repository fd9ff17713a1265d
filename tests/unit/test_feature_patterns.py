"""Patterns of featuresCol match features alone, each once, and have one wildcard."""

from types import SimpleNamespace

import pytest

from treefold import ml
from treefold.ml.feature_patterns import features_named

THERE = ["a", "ab", "b[0]", "b[1]", "b0", "x?", "xy", "x]", "two\nlines"]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["*"], THERE),
        (["a*", "*b*"], ["a", "ab", "b[0]", "b[1]", "b0"]),
        (["*b", "ab"], ["ab"]),
        (["ab", "*b*"], ["ab", "b[0]", "b[1]", "b0"]),
        (["b[*]"], ["b[0]", "b[1]"]),
        (["b[01]*"], ["b[01]*"]),
        (["x?", "x?*"], ["x?"]),
        (["x?*"], ["x?"]),
        (["x]*"], ["x]"]),
        (["two*"], ["two\nlines"]),
        (["a.*"], ["a.*"]),
        (["a", "a"], ["a", "a"]),
        (["c*", "c"], ["c*", "c"]),
        ([], []),
    ],
)
def test_only_a_star_is_a_wildcard_and_a_pattern_takes_a_column_once(names, found):
    assert features_named(names, THERE, ()) == found


def test_a_column_whose_name_holds_a_star_is_itself():
    assert features_named(["a*"], ["a*", "ab"], ()) == ["a*"]


def test_patterns_leave_reserved_columns_out_and_full_names_take_them():
    assert features_named(["a*"], ["a", "ab"], {"a"}) == ["ab"]
    assert features_named(["a", "a*"], ["a", "ab"], {"a"}) == ["a", "ab"]
    assert features_named(["a*"], ["a"], {"a"}) == []


ROLES = {
    ml.LogisticRegression: [
        "labelCol", "weightCol", "offsetCol", "validationIndicatorCol", "predictionCol", "probabilityCol",
        "rawPredictionCol",
    ],
    ml.LinearRegression: ["labelCol", "weightCol", "predictionCol"],
    ml.RandomForestClassifier: ["labelCol", "weightCol", "predictionCol", "probabilityCol", "rawPredictionCol"],
    ml.KMeans: ["weightCol", "predictionCol", "distanceCol"],
}  # fmt: skip


@pytest.mark.parametrize("kind", ROLES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("labelled", [True, False])
def test_no_estimator_takes_a_column_with_another_part_for_a_feature(kind, labelled):
    roles = {role: f"the {role}" for role in ROLES[kind] if kind().hasParam(role)}
    assert len(roles) == len(ROLES[kind])
    data = SimpleNamespace(columns=["x", *roles.values(), "y"])
    assert kind(featuresCol=["*"], **roles).columns_of(data, labelled=labelled).features == ("x", "y")


def test_a_search_names_the_features_without_its_own_columns():
    trial = ml.LinearRegression(featuresCol=["*"])
    trial.name_features(SimpleNamespace(columns=["x", "fold", "label"]), ["fold"])
    assert trial.getFeaturesCol() == ["x"]
