"""Compiled FTRL-Proximal and AdaGrad: a coefficient from its two numbers, and their change by a gradient."""

import numpy as np

from treefold.runtime.jit_cache import njit


@njit(nogil=True)
def _coefficient(z, n, step_size, beta, lasso, ridge):  # type: ignore[no-untyped-def]
    if abs(z) <= lasso:
        return 0.0
    return (np.sign(z) * lasso - z) / ((beta + np.sqrt(n)) / step_size + ridge)


@njit(nogil=True)
def ftrl_coefficients(z, n, slots, keys, free, step_size, beta, lasso, ridge, out):  # type: ignore[no-untyped-def]
    """Write the coefficients of some slots.

    Parameters
    ----------
    z, n : (slots of the shard,)
        Shifted sum of gradients, and sum of their squares.
    slots, keys : (asked,) int64
        Places and keys of the coefficients.
    free : int
        Key that is not penalised.
    step_size, beta, lasso, ridge : float
        Step size and its offset, and both penalties times the weight of the rows seen.
    out : (asked,) float64
        Written.
    """
    for i in range(slots.size):
        s = slots[i]
        l1, l2 = (0.0, 0.0) if keys[i] == free else (lasso, ridge)
        out[i] = _coefficient(np.float64(z[s]), np.float64(n[s]), step_size, beta, l1, l2)


@njit(nogil=True)
def ftrl_update(z, n, slots, keys, gradient, free, proximal, step_size, beta, lasso, ridge):  # type: ignore[no-untyped-def]
    """Change ``z`` and ``n`` in place by a gradient.

    Parameters
    ----------
    z, n : (slots of the shard,)
        Changed.
    slots, keys : (pushed,) int64
        Places and keys, each once.
    gradient : (pushed,) float64
        Sum of gradients.
    free : int
        Key that is not penalised.
    proximal : bool
        Whether each step stays near the coefficient before it; if not, near 0.
    step_size, beta, lasso, ridge : float
        As of :func:`ftrl_coefficients`.
    """
    for i in range(slots.size):
        s, g = slots[i], gradient[i]
        l1, l2 = (0.0, 0.0) if keys[i] == free else (lasso, ridge)
        before_z, before_n = np.float64(z[s]), np.float64(n[s])
        w = _coefficient(before_z, before_n, step_size, beta, l1, l2)
        after_n = before_n + g * g
        if proximal:
            z[s] = before_z + (g - (np.sqrt(after_n) - np.sqrt(before_n)) / step_size * w)
        else:
            z[s] = before_z + g
        n[s] = after_n
