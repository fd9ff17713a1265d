"""How much noise a privacy budget asks for, and what passes with that noise spend of it.

The composition of T Gaussian mechanisms with noise multiplier z is one Gaussian mechanism with ``z / sqrt(T)``. Its
exact epsilon for a delta is computed by the library ``dp-accounting``.

References
----------
Balle & Wang, "Improving the Gaussian mechanism for differential privacy", ICML 2018.
Dong, Roth & Su, "Gaussian differential privacy", J. R. Statist. Soc. B 84, 2022, cor. 3.3.
"""

from math import sqrt
from typing import Any

from treefold.errors import InputError


def noise_multiplier(epsilon: float, delta: float, passes: int) -> float:
    """The least deviation of the noise, over the sensitivity, with which some passes stay within a budget.

    Parameters
    ----------
    epsilon, delta : float
        The budget, both > 0.
    passes : int
        Passes with noise, >= 1.

    Returns
    -------
    float
    """
    return float(_library().get_sigma_gaussian(epsilon, delta)) * sqrt(passes)


def epsilon_spent(multiplier: float, delta: float, passes: int) -> float:
    """Epsilon of some passes; 0 without a pass.

    Parameters
    ----------
    multiplier : float
        Deviation of the noise over the sensitivity, > 0.
    delta : float
        In (0, 1).
    passes : int
        Passes with noise so far.

    Returns
    -------
    float
    """
    return float(_library().get_epsilon_gaussian(multiplier / sqrt(passes), delta)) if passes else 0.0


def _library() -> Any:
    try:
        import dp_accounting
    except ImportError as error:
        raise InputError(
            "dp-accounting is not installed: run ./spark-submit.sh --setup privacy, or install it"
        ) from error
    return dp_accounting
