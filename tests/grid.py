"""Rows and labels of every linear loss, and the fit of one of them, for the oracles."""

import numpy as np

from treefold.algorithms.linear import fit
from treefold.algorithms.linear.gram import gram
from treefold.algorithms.linear.losses import Huber, logistic, poisson, softmax, squared, squared_hinge
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.optim import Normal
from treefold.optim.status import CONVERGED, NO_PROGRESS
from treefold.statistics.label_summary import data_summary

RNG = np.random.default_rng(12)
ROWS = 90
X = (RNG.standard_normal((ROWS, 5)) @ (np.eye(5) + 0.4) + [0, 3, -1, 0, 10]) * [1, 10, 0.1, 3, 1]
SCORE = (X - X.mean(axis=0)) / X.std(axis=0) @ [1, -1, 0.5, 0, 0.2] + RNG.logistic(size=ROWS)
WEIGHT = RNG.integers(0, 4, ROWS) * 0.7
VALUES, CLASS, CLASSES = 20 + 5 * SCORE, (SCORE > 0.3) * 1.0, np.digitize(SCORE, [-1, 1]) * 1.0
LOSSES = {
    "squared": (squared, VALUES),
    "huber": (Huber(1.2), VALUES),
    "logistic": (logistic, CLASS),
    "softmax": (softmax, CLASSES),
    "squared hinge": (squared_hinge, CLASS),
    "one vs rest": (squared_hinge, CLASSES),
    "poisson": (poisson, RNG.poisson(np.exp(SCORE / 3)) * 1.0),
}


def fitted(X, y, loss, weight, **options):
    blocks = LocalBlocks.from_arrays(X, y, weight, dtype="float64")
    at_once = isinstance(options.get("solver"), Normal)
    found = (
        gram(blocks, 99) if at_once else data_summary(blocks, classification=loss in (logistic, softmax, squared_hinge))
    )
    with np.errstate(over="ignore"):
        made = fit(blocks, loss, found, **{"tol": 1e-9, "max_iter": 3000} | options)
    assert made.status[0] in (CONVERGED, NO_PROGRESS)
    return made.coef[0]
