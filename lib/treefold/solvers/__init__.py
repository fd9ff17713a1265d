"""Solvers over passes.

A solver minimises a batch of independent functions, one a model, all arrays leading with the models axis. It knows
``fun(x, models) -> (value, gradient)`` and nothing else: ``x`` is ``(len(models), p)`` and ``models`` says which of the
batch are meant. ``init(fun, x0)`` and ``step(fun, state)`` evaluate ``fun`` at most once, for the running models
only; an evaluation is a pass over the data, and line-search trials are steps like any other.
"""

from typing import Any, Protocol

from numpy.typing import NDArray

from treefold.solvers.gd import GradientDescent
from treefold.solvers.lbfgs import Inverse, Lbfgs
from treefold.solvers.newton import Newton, Normal
from treefold.solvers.proximal import ProximalLbfgs
from treefold.solvers.sgd import Sgd


class Fun(Protocol):
    """A batch of functions."""

    def __call__(self, x: NDArray, models: NDArray, /) -> tuple[NDArray, NDArray]:
        """Values ``(len(models),)`` and gradients ``(len(models), p)``."""
        ...


class Solver(Protocol):
    """Pure functions from state to state; a state is a NamedTuple of plain arrays."""

    def init(self, fun: Fun, x0: NDArray) -> Any:
        """State at ``x0``, ``(models, p)``."""
        ...

    def step(self, fun: Fun, state: Any) -> Any:
        """State after one more evaluation of the running models."""
        ...


__all__ = ["Fun", "GradientDescent", "Inverse", "Lbfgs", "Newton", "Normal", "ProximalLbfgs", "Sgd", "Solver"]
