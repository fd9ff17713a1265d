"""Synthetic rows: the same for any division of positions, and distributed as documented."""

import numpy as np
import pytest
from scipy.stats import kstest
from sklearn.linear_model import LinearRegression, LogisticRegression

from treefold.cli.generation_conf import Spec
from treefold.generation.draws import Draws
from treefold.generation.kinds import KINDS, generated, truth

ALL = np.arange(3000, dtype=np.uint64)


def columns_of(spec, position):
    return {
        name: column.toarray() if hasattr(column, "toarray") else column
        for name, column in generated(spec, position).items()
    }


def features(columns) -> np.ndarray:
    return np.column_stack([column for name, column in columns.items() if name.startswith("x")])


@pytest.mark.parametrize("kind", KINDS)
def test_rows_depend_on_seed_and_position_alone(kind):
    spec = Spec(kind=kind, rows=3000, features=40, missing=0.1, skew=1.0, test=0.25, classes=3)
    whole, part = columns_of(spec, ALL[:200]), columns_of(spec, ALL[150:170])
    other = columns_of(Spec(kind=kind, rows=3000, features=40, seed=2, classes=3), ALL[:200])
    assert whole["id"].tolist() == list(range(200))
    for name, column in part.items():
        np.testing.assert_array_equal(np.ma.getmaskarray(whole[name])[150:170], np.ma.getmaskarray(column))
        np.testing.assert_array_equal(np.ma.getdata(whole[name])[150:170], np.ma.getdata(column))
    first = next(name for name in whole if name != "id")
    assert not np.array_equal(np.ma.getdata(whole[first]), np.ma.getdata(other[first]))


def test_draws_are_uniform_normal_and_independent():
    draws = Draws(1, ALL)
    assert kstest(draws.uniform("a"), "uniform").pvalue > 1e-3
    assert kstest(draws.normal("a"), "norm").pvalue > 1e-3
    streams = [draws.normal("a"), draws.normal("b"), draws.normal("a", 1), Draws(2, ALL).normal("a")]
    assert abs(np.corrcoef(streams)[~np.eye(4, dtype=bool)]).max() < 4 / np.sqrt(len(ALL))


def test_a_regression_has_the_coefficients_of_its_truth():
    spec = Spec(kind="regression", rows=3000, features=5, noise=0.5, intercept=3.0)
    columns, told = generated(spec, ALL), truth(spec)
    found = LinearRegression().fit(features(columns), columns["label"])
    np.testing.assert_allclose(found.coef_, told["coefficients"], atol=0.05)
    assert found.intercept_ == pytest.approx(3.0, abs=0.05)
    left = columns["label"] - found.predict(features(columns))
    assert left.std() == pytest.approx(0.5, rel=0.05)


def test_classes_have_the_coefficients_of_the_truth():
    spec = Spec(kind="classification", rows=3000, features=4, classes=3)
    columns = generated(spec, ALL)
    found = LogisticRegression(C=1e4, max_iter=1000).fit(features(columns), columns["label"]).coef_
    expected = np.array(truth(spec)["coefficients"])
    np.testing.assert_allclose(found - found.mean(axis=0), expected - expected.mean(axis=0), atol=0.35)


def test_blobs_lie_about_their_centres():
    spec = Spec(kind="blobs", rows=3000, features=3, classes=4, noise=0.1)
    columns, centres = generated(spec, ALL), np.array(truth(spec)["centres"])
    means = [features(columns)[columns["label"] == k].mean(axis=0) for k in range(4)]
    np.testing.assert_allclose(means, centres, atol=0.05)


def test_missing_values_drift_keys_and_split_have_the_shares_that_are_asked_for():
    spec = Spec(kind="regression", rows=3000, features=2, missing=0.3, drift=2.0, skew=1.0, keys=4, test=0.25)
    columns = generated(spec, ALL)
    assert np.ma.getmaskarray(columns["x0"]).mean() == pytest.approx(0.3, abs=0.03)
    assert not np.ma.isMaskedArray(columns["label"])
    assert np.ma.getdata(columns["x0"]).mean() == pytest.approx(2.0, abs=0.08)
    assert (columns["split"] == "test").mean() == pytest.approx(0.25, abs=0.03)
    shares = np.bincount(columns["key"], minlength=4) / len(ALL)
    np.testing.assert_allclose(shares, np.array([1, 1 / 2, 1 / 3, 1 / 4]) / (25 / 12), atol=0.03)
