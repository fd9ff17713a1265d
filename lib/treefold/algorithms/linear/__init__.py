"""Linear models: a batch of them, trained in the same passes over the data.

Each model m minimises, over its training rows (those outside its held-out fold),

    1 / sum_i w_i * sum_i w_i loss(W x_i + b, y_i) + ridge_m / 2 * sum_kj (W_kj * unit_j)^2

with ``unit_j`` the standard deviation of feature j if ``standardize``, else 1. The intercept b is never penalised.
Deviations are those of the population (1/n), as in glmnet and in MLlib's ``normal`` solver.

``objective`` is the statistic, ``quadratic`` that of Newton's method, ``gram`` that of normal equations, ``stochastic``
those of SGD; ``frame`` is the virtual standardisation, ``problem`` what solvers minimise, ``watch`` early stopping,
``suited`` which solver takes them on, ``course`` its way, ``fit`` the whole, ``model`` what is left at the end.
"""

from treefold.algorithms.linear.fit import Bounds, LinearFit, fit
from treefold.algorithms.linear.model import LinearModel

__all__ = ["Bounds", "LinearFit", "LinearModel", "fit"]
