"""A fit under way: its stages one after the other, and what is told of each model."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from treefold.algorithms.linear.problem import Problem
from treefold.algorithms.linear.smoothing import Stage
from treefold.algorithms.linear.watch import Watch
from treefold.iterate import OnStep, Rungs, iterate
from treefold.solvers import Sgd, Solver
from treefold.solvers.status import HALTED


class Course:
    """Takes a solver through the stages of a problem.

    Attributes
    ----------
    x : (models, p)
        Variables at which the next stage begins.
    history : for each model its objective at the start and after each iteration
    before : (models,)
        Iterations of the stages that are done.
    """

    def __init__(
        self,
        problem: Problem,
        solver: Solver,
        x: NDArray,
        max_iter: ArrayLike,
        tol: ArrayLike,
        watch: Watch | None,
        on_step: OnStep | None,
    ) -> None:
        self.problem, self.solver, self.x, self.watch = problem._replace(watch=watch), solver, x, watch
        self.max_iter, self.tol, self.on_step = np.asarray(max_iter), tol, on_step
        self.history: list[list[float]] = [[] for _ in x]
        self.before = np.zeros(len(x), np.int64)

    def run(self, stage: Stage, rungs: Rungs | None = None) -> Any:
        """The solver's state, iterations of all stages counted, when no model can go on in this stage."""
        problem, left = self.problem._replace(loss=stage.loss), self.max_iter - self.before
        halt = None
        if self.watch is not None:
            self.watch.begin()
            left, halt = np.where(self.watch.halted, 0, left), self.watch.judge
        state, tol = self.solver.init(problem, self.x), np.maximum(self.tol, stage.tol)
        judged = rungs and Rungs(rungs.at, lambda state: rungs.judge(self._counted(state)))
        state = self._counted(iterate(partial(self.solver.step, problem), state, left, tol, self._record, judged, halt))
        self.x, self.before = state.x, state.iteration
        return state

    def end(self, state: Any) -> Any:
        """The state after the last stage, models as they were best on rows held out, the objective as it is."""
        if self.watch is not None:
            state = state._replace(x=self.watch.x, status=np.where(self.watch.halted, HALTED, state.status))
        if isinstance(self.solver, Sgd):  # it has but estimated
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
