"""The stages of a fit: the solver runs through them in turn, and the objective of each model is recorded."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from treefold.algorithms.early_stopping import EarlyStopping
from treefold.algorithms.linear.preconditioner import HessianSample, preconditioned
from treefold.algorithms.linear.problem import Problem
from treefold.algorithms.linear.smoothing import Stage
from treefold.algorithms.objective_history import ObjectiveHistory
from treefold.optim import Solver
from treefold.optim.iterate import OnStep, Rungs, iterate, steepest

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
    history : ObjectiveHistory
        The objective of each model at the start and after each iteration.
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
        self.problem, self.solver, self.x = problem._replace(early_stopping=early_stopping), solver, x
        self.early_stopping = early_stopping
        self.rough: HessianSample | None = rough
        self.max_iter, self.tol = np.asarray(max_iter), tol
        self.history = ObjectiveHistory(len(x), on_step)
        self.before = np.zeros(len(x), np.int64)

    def run(self, stages: Sequence[Stage], rungs: Rungs | None = None) -> Any:
        """Run the stages in turn.

        Parameters
        ----------
        stages : sequence of Stage
            The stages to run.
        rungs : Rungs, optional
            Rungs of the last stage; ``rungs.select`` is called with the solver's state.

        Returns
        -------
        NamedTuple
            The solver's state when no model runs any more, with iterations counted over all stages. With early
            stopping it has the variables of least loss of the held-out rows. The last objectives are those of all rows.
        """
        *early, last = stages
        for stage in early:
            self._run(stage)
        return self._ended(self._run(last, rungs))

    def _run(self, stage: Stage, rungs: Rungs | None = None) -> Any:
        """The solver's state after one stage."""
        problem, left = self.problem._replace(loss=stage.loss), self.max_iter - self.before
        stop = None
        if self.early_stopping is not None:
            self.early_stopping.begin()
            left, stop = np.where(self.early_stopping.halted, 0, left), self.early_stopping.select
        if self.rough is not None and (left > 0).any():
            self.solver, problem = preconditioned(self.solver, problem, self.x, self.rough)
            self.rough = None
        state, tol = self.solver.init(problem, self.x), np.maximum(self.tol, stage.tol)
        rungs = rungs and rungs.through(self._counted)
        step = partial(self.solver.step, problem)
        state = self._counted(iterate(step, state, left, tol, self._record, rungs, stop, relative_gradient))
        self.x, self.before = state.x, state.iteration
        return state

    def _ended(self, state: Any) -> Any:
        """The state after the last stage; the objective of a solver that estimates it is computed from all rows."""
        if self.early_stopping is not None:
            state = self.early_stopping.ended(state)
        if self.solver.estimates:
            everyone, term = np.arange(len(state.x)), self.solver.term
            value = self.problem(state.x, everyone)[0] + (0.0 if term is None else term.value(state.x, everyone))
            self.history.end_with(value * self.problem.value_scale)
        return state

    def _counted(self, state: Any) -> Any:
        return state._replace(iteration=self.before + state.iteration)

    def _record(self, state: Any) -> None:
        self.history(self._counted(state)._replace(value=state.value * self.problem.value_scale))
