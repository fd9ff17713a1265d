"""Results of fits and rounds."""

from typing import NamedTuple

from treefold.algorithms.svm.machine import Machine, Support
from treefold.algorithms.svm.working_set import Solution, Work
from treefold.optim.status import CONVERGED, NO_PROGRESS


class Fitted(NamedTuple):
    """A fitted machine.

    Attributes
    ----------
    machine : Machine
    support : Support
        Its support vectors.
    bias, primal, dual, violation : float
        The objectives, and the violation over all rows.
    rounds, status : int
        Certificates that were computed, and how it ended: see :mod:`treefold.optim.status`.
    work : Work
        Of the driver's solver.
    """

    machine: Machine
    support: Support
    bias: float
    primal: float
    dual: float
    violation: float
    rounds: int
    status: int
    work: Work


class Round(NamedTuple):
    """Progress of a fit after a round, over all machines: objectives, greatest violation, support vectors."""

    number: int
    primal: float
    dual: float
    violation: float
    support: int

    @property
    def gap(self) -> float:
        """Relative duality gap."""
        return (self.primal - self.dual) / max(1.0, abs(self.primal))


def result_of(
    machine: Machine, solved: Support, solution: Solution, loss: float, violation: float, rounds: int
) -> Fitted:
    """Result of a machine.

    Parameters
    ----------
    machine : Machine
        The fitted machine.
    solved : Support
        The rows over which it was solved.
    solution : Solution
        Margins, bias and dual value.
    loss : float
        Sum of the losses of all rows, each times its bound.
    violation : float
        Greatest violation of the optimality conditions.
    rounds : int
        Rounds taken.

    Returns
    -------
    Fitted
    """
    half = solved.coefficient @ solution.margin / 2
    primal = half + solution.bias * (solved.coefficient.sum() if machine.task.name == "one class" else 0.0) + loss
    status = CONVERGED if violation <= machine.tol else NO_PROGRESS
    return Fitted(
        machine, solved.used(), solution.bias, float(primal), solution.dual, violation, rounds, status, solution.work
    )


def round_of(number: int, found: list[Fitted]) -> Round:
    """The progress of all machines together."""
    return Round(
        number,
        sum(one.primal for one in found),
        sum(one.dual for one in found),
        max(one.violation for one in found),
        sum(one.support.size for one in found),
    )


def with_work(now: Fitted, before: Fitted | None) -> Fitted:
    """The result with the work of the rounds before."""
    if before is None:
        return now
    return now._replace(work=Work(*(a + b for a, b in zip(now.work, before.work, strict=True))))
