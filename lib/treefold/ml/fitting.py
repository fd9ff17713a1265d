"""From an estimator's params to a fit over blocks."""

from typing import Any

import numpy as np

from treefold.algorithms.linear import LinearFit, fit
from treefold.algorithms.survey import Survey
from treefold.blocks import Pass
from treefold.engine.spark import SparkBlocks
from treefold.errors import InputError
from treefold.losses import Loss
from treefold.ml.base import FitOptions, Progress, TrainingSummary
from treefold.solvers import GradientDescent, Lbfgs, Solver
from treefold.solvers.status import DIVERGED, MEANING

NOISE = {"float32": 1e-9, "float64": 1e-15}  # of an objective: a mean over rows, each rounded


def fit_one(params: FitOptions, blocks: SparkBlocks, loss: Loss, survey: Survey, ridge: float) -> LinearFit:
    """Fit one model as the params say, reporting every pass to the estimator's watcher.

    Raises
    ------
    InputError
        If the fit diverged.
    """
    fitted = fit(
        blocks,
        loss,
        survey,
        ridge=np.array([ridge]),
        intercept=params.value("fitIntercept"),
        standardize=params.value("standardization"),
        solver=_solver(params),
        max_iter=params.value("maxIter"),
        tol=params.value("tol"),
        on_step=lambda state: _report(params, state, blocks.passes[-1]),
    )
    if fitted.status[0] == DIVERGED:
        raise InputError(
            f"the fit diverged: stepSize {params.value('stepSize'):g} is too large for stepRule "
            f"{params.value('stepRule')}; lower it, or use stepRule backtracking"
        )
    return fitted


def summary_of(fitted: LinearFit, passes: list[Pass]) -> TrainingSummary:
    """Summary of a batch of one."""
    return TrainingSummary(fitted.objective[0], int(fitted.iterations[0]), MEANING[int(fitted.status[0])], list(passes))


def _solver(params: FitOptions) -> Solver:
    if params.value("solver") == "gd":
        return GradientDescent(params.value("stepSize"), params.value("stepRule") == "backtracking")
    return Lbfgs(noise=NOISE[params.value("dtype")])


def _report(params: FitOptions, state: Any, last: Pass) -> None:
    if params._watcher:
        gradient = float(abs(state.gradient).max())
        params._watcher(Progress(int(state.iteration[0]), float(state.value[0]), gradient, last))
