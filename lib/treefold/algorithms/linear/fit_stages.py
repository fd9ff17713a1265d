"""The stages of a fit: the solver runs through them in turn, and the objective of each model is recorded."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from treefold.algorithms.early_stopping import EarlyStopping
from treefold.algorithms.linear.preconditioner import HessianSample, preconditioned
from treefold.algorithms.linear.problem import Problem
from treefold.algorithms.linear.smoothing import Stage
from treefold.optim import Solver
from treefold.optim.iterate import OnStep, Rungs, iterate, steepest
from treefold.optim.status import HALTED

LEAST_SCALE = 0.25  # least divisor of the gradient: float32 rows cannot resolve a much smaller gradient than tol


def relative_gradient(state: Any) -> NDArray:
    """Largest element of each model's gradient divided by its objective, which is clipped to [0.25, 1].

    MLlib's rule is also relative to the objective. A small objective means small curvature, and then the gradient says
    less about the distance to the minimum.
    """
    return np.asarray(steepest(state) / np.clip(abs(state.value), LEAST_SCALE, 1.0))


class Continuation:
    """Runs a solver through the stages of a problem.

    Parameters
    ----------
    problem : Problem
        The function to minimise.
    solver : Solver
        Takes the steps.
    rough : HessianSample
        How the first pass estimates the curvature, for a preconditioner.
    x : (models, p)
        Variables at the start.
    max_iter : (models,) or int
        Greatest number of iterations of each model, of all stages together.
    tol : (models,) or float
        Tolerance of the stopping rules.
    early_stopping : EarlyStopping or None
        Records the loss of held-out rows, if there are any.
    on_step : OnStep or None
        Called after every step.

    Attributes
    ----------
    x : (models, p)
        Variables at which the next stage begins.
    history : list of list of float
        For each model the objective at the start and after each iteration.
    rough : HessianSample or None
        None after the first pass.
    before : (models,)
        Iterations of the finished stages.
    """

    def __init__(
        self,
        problem: Problem,
        solver: Solver,
        rough: HessianSample,
        x: NDArray,
        max_iter: ArrayLike,
        tol: ArrayLike,
        early_stopping: EarlyStopping | None,
        on_step: OnStep | None,
    ) -> None:
        self.problem, self.solver, self.x, self.early_stopping = (
            problem._replace(early_stopping=early_stopping),
            solver,
            x,
            early_stopping,
        )
        self.rough: HessianSample | None = rough
        self.max_iter, self.tol, self.on_step = np.asarray(max_iter), tol, on_step
        self.history: list[list[float]] = [[] for _ in x]
        self.before = np.zeros(len(x), np.int64)

    def run(self, stage: Stage, rungs: Rungs | None = None) -> Any:
        """Run one stage.

        Parameters
        ----------
        stage : Stage
            The stage to run.
        rungs : Rungs, optional
            ``rungs.select`` is called with the solver's state.

        Returns
        -------
        NamedTuple
            The solver's state when no model runs any more; its iterations are counted over all stages.
        """
        problem, left = self.problem._replace(loss=stage.loss), self.max_iter - self.before
        stop = None
        if self.early_stopping is not None:
            self.early_stopping.begin()
            left, stop = np.where(self.early_stopping.halted, 0, left), self.early_stopping.select
        if self.rough is not None and (left > 0).any():
            self.solver, problem = preconditioned(self.solver, problem, self.x, self.rough)
            self.rough = None
        state, tol = self.solver.init(problem, self.x), np.maximum(self.tol, stage.tol)
        judged = rungs and Rungs(rungs.at, lambda state: rungs.select(self._counted(state)))
        step = partial(self.solver.step, problem)
        state = self._counted(iterate(step, state, left, tol, self._record, judged, stop, relative_gradient))
        self.x, self.before = state.x, state.iteration
        return state

    def end(self, state: Any) -> Any:
        """The state after the last stage, with the best variables for the held-out rows and the exact objective."""
        if self.early_stopping is not None:
            state = state._replace(
                x=self.early_stopping.x, status=np.where(self.early_stopping.halted, HALTED, state.status)
            )
        if self.solver.estimates:
            everyone, term = np.arange(len(state.x)), self.solver.term
            value = self.problem(state.x, everyone)[0] + (0.0 if term is None else term.value(state.x, everyone))
            for mine, last in zip(self.history, value * self.problem.value_scale, strict=True):
                mine[-1] = float(last)
        return state

    def _counted(self, state: Any) -> Any:
        return state._replace(iteration=self.before + state.iteration)

    def _record(self, state: Any) -> None:
        state = self._counted(state)._replace(value=state.value * self.problem.value_scale)
        for mine, iteration, value in zip(self.history, state.iteration, state.value, strict=True):
            if iteration == len(mine):
                mine.append(float(value))
        if self.on_step:
            self.on_step(state)
