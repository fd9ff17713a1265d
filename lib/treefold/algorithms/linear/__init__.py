"""Linear models: a batch of them, trained in the same passes over the data.

Each model m minimises, over its training rows (the rows outside of its held-out fold),

    1 / sum_i w_i * sum_i w_i loss(W x_i + b, y_i) + ridge_m / 2 * sum_kj (W_kj * unit_j)^2

where ``unit_j`` is the standard deviation of feature j if ``standardize``, else 1. The intercept b is never penalised.
Deviations are those of the population (1/n), as in glmnet and in MLlib's ``normal`` solver.

====================== ==============================================================================
module                 holds
====================== ==============================================================================
``fit``                the whole fit; ``fit_stages`` runs the solver through its stages
``training_rows``      the rows without those held out, and what the pass before the fit has found of them
``penalties``          L2 and L1 strengths, bounds
``losses``             the losses: value, slope, curvature, link
``objective``          the statistic of the objective and its gradient
``sampled_products``   the same with products of sampled rows, from which ``preconditioner`` estimates curvature
``quadratic``          the statistic of Newton's method
``gram``               the statistic of normal equations
``stochastic``         the statistics of SGD
``standardization``    coefficients in standardised units and back; rows are never changed
``problem``            the function that a solver minimises: one pass per evaluation
``solver_selection``   which solver takes a problem
``validation_loss``    the loss of held-out rows
``model``              the fitted model
====================== ==============================================================================
"""

from treefold.algorithms.linear.fit import LinearFit, fit
from treefold.algorithms.linear.model import LinearModel
from treefold.algorithms.linear.penalties import Bounds

__all__ = ["Bounds", "LinearFit", "LinearModel", "fit"]
