"""The fit of a batch of perceptrons."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from treefold.algorithms.early_stopping import EarlyStopping
from treefold.algorithms.objective_history import ObjectiveHistory
from treefold.algorithms.perceptron.epochs import Epochs, MiniBatches
from treefold.algorithms.perceptron.network import Network
from treefold.algorithms.perceptron.objective import validation_loss
from treefold.algorithms.perceptron.problem import Problem
from treefold.dataset.blocks import Blocks
from treefold.dataset.splits import Split
from treefold.optim import Lbfgs, Solver
from treefold.optim.iterate import OnStep, Rungs, iterate


class PerceptronFit(NamedTuple):
    """A fitted batch.

    Attributes
    ----------
    weights : (models, size)
        Weights and biases.
    objective : list of list of float
        For each model the objective at the start and after each iteration.
    iterations, status : (models,)
        As in :mod:`treefold.optim.status`.
    held : list of list of float, optional
        For each model the mean loss of the held-out rows at the start and after each iteration; None if none are held
        out.
    """

    weights: NDArray
    objective: list[list[float]]
    iterations: NDArray
    status: NDArray
    held: list[list[float]] | None = None


def fit(
    blocks: Blocks,
    network: Network,
    start: NDArray,
    *,
    ridge: ArrayLike = 0.0,
    by_class: NDArray | None = None,
    validation: Split | None = None,
    patience: int = 5,
    solver: Solver | MiniBatches = Lbfgs(),  # noqa: B008 - an immutable tuple
    max_iter: ArrayLike = 100,
    tol: ArrayLike = 1e-6,
    on_step: OnStep | None = None,
    rungs: Rungs | None = None,
) -> PerceptronFit:
    """Fit a batch of networks of one shape in the same passes.

    Parameters
    ----------
    blocks : Blocks
        The data set.
    network : Network
        Layers, activation and loss.
    start : (models, size)
        Weights and biases at the start.
    ridge : (models,) or float, default 0
        L2 strength of the weights, >= 0.
    by_class : (classes,), optional
        Factors of the weights of the rows of each label.
    validation : Split, optional
        Its fold 1 is held out. A model ends after ``patience`` iterations without a lower loss of these rows and has
        the weights at which that loss was least.
    patience : int, default 5
        Iterations without a lower loss of the held-out rows after which a model ends.
    solver : Solver or MiniBatches, default Lbfgs()
        A solver of smooth functions, or settings of mini-batches.
    max_iter : (models,) or int, default 100
        Most iterations.
    tol : (models,) or float, default 1e-6
        As in :func:`treefold.optim.iterate.iterate`; mini-batches ignore it, and their iterations are epochs.
    on_step : callable, optional
        Called after every pass with the solver's state.
    rungs : Rungs, optional
        ``rungs.select`` is called with the current PerceptronFit.

    Returns
    -------
    PerceptronFit
    """
    start = np.asarray(start, np.float64)
    problem = Problem(blocks, network, np.broadcast_to(np.asarray(ridge, np.float64), len(start)), by_class)
    stopping = (
        None if validation is None else EarlyStopping(blocks, validation, patience, network, start, validation_loss)
    )
    history = ObjectiveHistory(len(start), on_step)

    def fitted(state: Any) -> PerceptronFit:
        held = stopping.history if stopping else None
        return PerceptronFit(state.x.astype(np.float64), history.values, state.iteration, state.status, held)

    rungs = rungs and rungs.through(fitted)
    halt = stopping.select if stopping else None
    if isinstance(solver, MiniBatches):
        epochs = Epochs(problem, solver, validation, stopping)
        state = iterate(epochs.step, epochs.begin(start), max_iter, 0.0, history, rungs, halt, endless)
    else:
        problem = problem._replace(blocks=problem.fitted_on(validation), watch=stopping)
        state = solver.init(problem, start)
        state = iterate(partial(solver.step, problem), state, max_iter, tol, history, rungs, halt)
    if stopping is not None:
        state = stopping.ended(state)
    if isinstance(solver, MiniBatches):
        history.end_with(epochs.objective(state.x, np.arange(len(start))))
    return fitted(state)


def endless(state: Any) -> NDArray:
    """Progress by which no model converges: mini-batches end after their epochs."""
    return np.full(len(state.status), np.inf)
