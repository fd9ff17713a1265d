"""Draws by (seed, position)."""

import numpy as np
import pytest

from treefold.dataset.random import exponential_keys, splitmix64, substream, uniform

PLACE = np.arange(100_000, dtype=np.uint64)


def test_a_draw_depends_on_seed_and_position_alone():
    assert (uniform(PLACE, 5)[1000:2000] == uniform(PLACE[1000:2000], 5)).all()
    assert (uniform(PLACE, 5) != uniform(PLACE, 6)).all()
    assert (
        len({substream(1), substream(1, 0), substream(1, 0, 0), substream(1, 1), substream(1, -1), substream(2, 0)})
        == 6
    )


def test_draws_are_uniform_and_never_0_or_1():
    u = uniform(PLACE, 3)
    counts = np.histogram(u, 100, (0, 1))[0]
    assert ((counts - 1000) ** 2 / 1000).sum() < 160  # chi-square, 99 degrees of freedom, p > 1e-4
    assert 0 < u.min() < u.max() < 1
    assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 0.02
    assert len(np.unique(splitmix64(PLACE, 0))) == len(PLACE)


@pytest.mark.parametrize("draws", [1, 2])
def test_a_race_draws_in_proportion_to_mass_without_replacement(draws):
    mass, seeds = np.array([1.0, 0.0, 2.0, 5.0]), 20_000
    firsts = [np.argsort(exponential_keys(PLACE[:4], mass, substream(7, s)))[:draws] for s in range(seeds)]
    share = np.bincount(np.concatenate(firsts), minlength=4) / seeds
    p = mass / mass.sum()
    expected = p if draws == 1 else [p[i] + sum(p[j] * p[i] / (1 - p[j]) for j in range(4) if j != i) for i in range(4)]
    np.testing.assert_allclose(share, expected, atol=0.015)


def test_who_has_no_mass_never_arrives():
    assert np.isinf(exponential_keys(PLACE, np.zeros(len(PLACE)), 0)).all()
