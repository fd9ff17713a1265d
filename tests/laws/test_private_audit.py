"""An audit of private fits in one run: what the model tells of its rows bounds epsilon from below.

Of each canary, a row with a feature of its own, a coin decides whether it or its opposite is among the rows. The
auditor guesses the coins from the coefficients, only where they are clear. If the fit is (epsilon, delta)-private, the
number of right guesses is hardly larger than that of as many coins of heads' probability e^epsilon / (1 + e^epsilon).
"""

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq

from treefold import LocalBlocks
from treefold.algorithms.linear.losses import logistic
from treefold.algorithms.linear.private import Clipping, fit_with_noise
from treefold.privacy.accountant import noise_multiplier
from treefold.privacy.noisy_blocks import Noise, NoisyBlocks

CANARIES, GUESSES, STEPS, DELTA = 1000, 200, 5, 1e-5


def p_value(epsilon: float, right: int) -> float:
    """Probability of so many right guesses, at most, if the fit is (epsilon, DELTA)-private.

    Steinke, Nasr & Jagielski, "Privacy auditing with one (1) training run", NeurIPS 2023, theorem 5.2 and appendix D.
    """
    coin = stats.binom(GUESSES, 1 / (1 + np.exp(-epsilon)))
    within = np.cumsum(coin.pmf(np.arange(right - 1, -1, -1)))  # of fewer than `right`, but at least `right - i`
    alpha = (within / np.arange(1, right + 1)).max()
    return min(1.0, coin.sf(right - 1) + 2 * CANARIES * DELTA * alpha)


def lower_bound(right: int) -> float:
    """The largest epsilon that so many right guesses refute with 95 % confidence; 0 if they refute none."""
    if p_value(0.0, right) >= 0.05:
        return 0.0
    return float(brentq(lambda epsilon: p_value(epsilon, right) - 0.05, 0.0, 20.0, xtol=1e-3)) - 1e-3


def audited(multiplier: float, seed: int) -> float:
    rng = np.random.default_rng(seed)
    coins = rng.choice([-1.0, 1.0], CANARIES)
    noise = Noise(multiplier, STEPS, rng.standard_normal)
    rows = LocalBlocks.from_arrays(10.0 * np.eye(CANARIES), (coins > 0) * 1.0, dtype="float64")
    coef = fit_with_noise(
        NoisyBlocks(rows, noise), logistic, 1, Clipping(1.0, 2, intercept=False), ridge=0.0, step_size=1.0,
        iterations=STEPS, on_step=lambda step: None,
    )[0, :-1]  # fmt: skip
    clear = np.argsort(-abs(coef))[:GUESSES]
    return lower_bound(int((np.sign(coef[clear]) == coins[clear]).sum()))


@pytest.mark.parametrize(("epsilon", "least"), [(1.0, 0.0), (2.0, 0.3), (4.0, 0.9)])
@pytest.mark.parametrize("seed", range(2))
def test_an_audit_finds_some_of_the_epsilon_that_is_claimed_and_no_more(epsilon, least, seed):
    """The generators are seeded, so the outcome is always the same."""
    assert least <= audited(noise_multiplier(epsilon, DELTA, STEPS), seed) < epsilon


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_an_audit_refutes_the_claim_if_there_is_no_noise_or_too_little(share):
    assert audited(share * noise_multiplier(1.0, DELTA, STEPS), 3) > 1.0


def test_without_a_coin_guessed_better_than_by_chance_there_is_no_bound():
    assert lower_bound(GUESSES // 2) == 0
    assert lower_bound(GUESSES) > 4
    assert np.log(3) - 0.5 < lower_bound(round(0.75 * GUESSES)) < np.log(3)
