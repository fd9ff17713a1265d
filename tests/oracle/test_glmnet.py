"""Coefficients are glmnet's own (its Fortran code, as python-glmnet wraps it): every loss and penalty that both have.

glmnet divides the label by its deviation before it fits squared errors, so its L2 strength is over that, as that of
``LinearRegression``.
"""

from importlib.util import find_spec

import numpy as np
import pytest

from grid import LOSSES, ROWS, WEIGHT, X, fitted

if not find_spec("glmnet"):
    pytest.skip("python-glmnet is built for Linux on x86-64 and Python below 3.14 only", allow_module_level=True)
from glmnet import ElasticNet, LogitNet

STRENGTH = 0.1


@pytest.mark.parametrize("weight", [np.ones(ROWS), WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("intercept", [True, False], ids=["intercept", "origin"])
@pytest.mark.parametrize("standardize", [True, False], ids=["standard", "raw"])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0], ids=["ridge", "both", "lasso"])
@pytest.mark.parametrize("name", ["squared", "logistic", "softmax"])
def test_the_fit_is_glmnets(name, share, standardize, intercept, weight):
    loss, y = LOSSES[name]
    model = (ElasticNet if name == "squared" else LogitNet)(
        alpha=share, lambda_path=np.array([2, 1]) * STRENGTH, standardize=standardize, fit_intercept=intercept,
        n_splits=0, tol=1e-15, max_iter=10**7,
    )  # fmt: skip
    model.fit(X, y, sample_weight=weight)
    coef = model.coef_path_[..., -1].reshape(-1, X.shape[1])
    free = np.atleast_1d(model.intercept_path_[..., -1])
    unit = np.sqrt(np.cov(y, aweights=weight, ddof=0)) if name == "squared" else 1.0
    mine = fitted(X, y, loss, weight, ridge=(1 - share) * STRENGTH / unit, lasso=share * STRENGTH,
                  standardize=standardize, intercept=intercept, tol=1e-11, max_iter=9000)  # fmt: skip
    np.testing.assert_allclose(mine[:, :-1], coef, rtol=1e-5, atol=1e-5 * abs(coef).max())
    np.testing.assert_array_equal(mine[:, :-1] == 0, coef == 0)
    own, theirs = (b - b.mean() * (name == "softmax") for b in (mine[:, -1], free))
    np.testing.assert_allclose(own, theirs, rtol=1e-5, atol=1e-5)
