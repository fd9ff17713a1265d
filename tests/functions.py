"""Functions to be minimised, and a count of their evaluations."""

import numpy as np
from scipy.optimize import rosen, rosen_der

from treefold.optim.iterate import iterate

RNG = np.random.default_rng(3)


class Counting:
    """A batch of functions, each with its own value and gradient, that counts its evaluations."""

    def __init__(self, *functions):
        self.functions, self.calls, self.asked = functions, 0, []

    def __call__(self, x, models):
        self.calls += 1
        self.asked.append(len(models))
        both = [self.functions[m](row) for row, m in zip(x, models, strict=True)]
        return np.array([f for f, _ in both]), np.array([g for _, g in both])


def quadratic(scale, centre):
    return lambda x: (0.5 * ((x - centre) ** 2 * scale).sum(), (x - centre) * scale)


def rosenbrock(x):
    return rosen(x), rosen_der(x)


def run(solver, fun, x0, max_iter=1000, tol=1e-8):
    x0 = np.atleast_2d(np.asarray(x0, float))
    return iterate(lambda s: solver.step(fun, s), solver.init(fun, x0), max_iter, tol)


def logistic_problem(scale):
    """Logistic regression on badly scaled columns."""
    X = RNG.standard_normal((200, 8)) * np.logspace(0, scale, 8)
    y = (X @ (RNG.standard_normal(8) / np.logspace(0, scale, 8)) > 0).astype(float)

    def fun(w):
        m = X @ w
        p = 1 / (1 + np.exp(-m))
        return (np.logaddexp(0, m) - y * m).mean() + 0.5e-3 * w @ w, X.T @ (p - y) / 200 + 1e-3 * w

    return fun
