"""Solvers of optimisation problems whose function is evaluated in a pass over the data.

A solver minimises a batch of independent functions, one for each model; the first axis of every array is the models
axis. It only knows ``fun(x, models) -> (value, gradient)``, where ``models`` are indices of models in the batch and
``x`` is ``(len(models), p)``. ``init(fun, x0)`` and ``step(fun, state)`` evaluate ``fun`` at most once, and only for
the models that still run. An evaluation is a pass over the data, so each trial of a line search is a step of its own.
"""

from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from treefold.optim.composite import Separable
from treefold.optim.gradient_descent import GradientDescent
from treefold.optim.lbfgs import Inverse, Lbfgs
from treefold.optim.needs import Needs
from treefold.optim.newton import Newton, Normal
from treefold.optim.proximal_lbfgs import ProximalLbfgs
from treefold.optim.sgd import Sgd


class Fun(Protocol):
    """A batch of functions."""

    def __call__(self, x: NDArray, models: NDArray, /) -> tuple[NDArray, NDArray]:
        """Values ``(len(models),)`` and gradients ``(len(models), p)``."""
        ...


class Solver(Protocol):
    """A solver: pure functions from state to state. A state is a NamedTuple of plain arrays."""

    @property
    def term(self) -> Separable | None:
        """The non-smooth term that is added to the smooth function: L1 penalties and bounds."""
        ...

    @property
    def needs(self) -> Needs:
        """What the solver requires of the function."""
        ...

    @property
    def estimates(self) -> bool:
        """Whether the solver estimates values from a sample of the rows; kinks of the loss are then not smoothed."""
        ...

    def with_term(self, term: Separable) -> "Solver":
        """The solver for the function plus a non-smooth term; TypeError if the solver takes none."""
        ...

    def init(self, fun: Fun, x0: NDArray) -> Any:
        """State at ``x0``, ``(models, p)``."""
        ...

    def step(self, fun: Fun, state: Any) -> Any:
        """State after one more evaluation of the running models."""
        ...


@runtime_checkable
class TakesHessian(Solver, Protocol):
    """A solver that can use second derivatives at the start."""

    def hessian_outputs(self, outputs: int) -> int:
        """Number of outputs whose joint second derivatives at the start the solver uses."""
        ...

    def with_hessian(self, mix: NDArray, hessian: NDArray) -> Solver:
        """The solver with second derivatives at the start.

        Parameters
        ----------
        mix : (outputs, mixtures)
            Linear combinations of the outputs whose second derivatives do not interact.
        hessian : (models, mixtures, q, q)
            Second derivatives of each combination.

        Returns
        -------
        Solver
        """
        ...


__all__ = [
    "Fun",
    "GradientDescent",
    "Inverse",
    "Lbfgs",
    "Needs",
    "Newton",
    "Normal",
    "ProximalLbfgs",
    "Separable",
    "Sgd",
    "Solver",
    "TakesHessian",
]
