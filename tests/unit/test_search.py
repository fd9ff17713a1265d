import numpy as np
import pytest

from treefold.errors import InputError
from treefold.ml.tuning.search_space import (
    Range,
    drawn,
    every,
    halvings,
    ranked,
    size,
    standard_errors,
    upper_half,
    upper_part,
    within_one_error,
)


def test_a_grid_is_every_combination():
    assert every({"a": [1, 2], "b": ["x", "y"]}) == [
        {"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"},
    ]  # fmt: skip
    with pytest.raises(InputError, match="b is a range, which a grid cannot exhaust: list values"):
        every({"a": [1], "b": Range(0, 1)})


def test_the_size_of_a_space_is_the_number_of_its_combinations():
    space = {"a": [1, 2], "b": ["x", "y", "z"]}
    assert size(space) == len(every(space)) == 6
    assert size({**space, "c": Range(0, 1)}) == float("inf")


def test_draws_fill_their_ranges_and_depend_on_the_seed_alone():
    space = {"rate": Range(1e-4, 1.0, log=True), "share": Range(2.0, 4.0), "kind": ["a", "b"]}
    points = drawn(space, 2000, seed=5)
    assert points == drawn(space, 2000, seed=5)
    assert points[:10] == drawn(space, 10, seed=5)
    assert points != drawn(space, 2000, seed=6)
    rates, shares = (np.array([point[name] for point in points]) for name in ("rate", "share"))
    assert rates.min() >= 1e-4
    assert rates.max() <= 1
    assert abs((rates < 1e-2).mean() - 0.5) < 0.05  # half of the logarithms
    assert abs(shares.mean() - 3) < 0.05
    assert abs(np.mean([point["kind"] == "a" for point in points]) - 0.5) < 0.05


@pytest.mark.parametrize(
    ("trials", "max_iter", "reduction", "expected"),
    [(27, 81, 3, (3, 9, 27)), (26, 81, 3, (9, 27)), (8, 100, 2, (12, 25, 50)), (1, 100, 3, ()), (100, 1, 3, ())],
)
def test_halvings_leave_one_trial_for_the_last_stretch(trials, max_iter, reduction, expected):
    assert halvings(trials, max_iter, reduction) == expected


SCORES = np.array([[3.0, 5.0], [1.0, 1.0], [np.nan, 9.0], [2.0, 2.0], [8.0, 8.0]])


def test_ranks_go_by_the_mean_and_those_without_one_come_last():
    assert ranked(SCORES, larger=True).tolist() == [4, 0, 3, 1, 2]
    assert ranked(SCORES, larger=False).tolist() == [1, 3, 0, 4, 2]
    np.testing.assert_allclose(standard_errors(SCORES)[[0, 1]], [1.0, 0.0])
    assert np.isnan(standard_errors(SCORES[:, :1])).all()


def test_the_upper_part_is_of_the_live_and_never_without_a_score():
    live = np.array([True, True, True, True, False])
    assert upper_part(SCORES, True, live, 2).tolist() == [True, False, False, True, False]
    assert upper_part(SCORES, True, live, 4).tolist() == [True, False, False, False, False]
    assert upper_part(SCORES[2:3], True, np.array([True]), 2).tolist() == [False]
    assert upper_half(SCORES, True, live).tolist() == [True, False, False, False, False]
    assert upper_half(SCORES, False, live).tolist() == [False, True, False, True, False]


def test_the_simplest_within_an_error_of_the_best_wins():
    scores = np.array([[10.0, 12.0], [10.5, 10.5], [9.0, 9.0], [10.2, 10.4]])  # the best is 11 +- 1
    simplicity = np.array([[1.0], [2.0], [4.0], [3.0]])
    assert within_one_error(scores, True, simplicity) == 3
    assert within_one_error(scores, True, np.zeros((4, 0))) is None
    assert within_one_error(scores[:, :1], True, simplicity) is None
