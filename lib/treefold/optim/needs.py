"""What a solver requires of a function beyond its value and gradient."""

from typing import NamedTuple


class Needs(NamedTuple):
    """Requirements of a solver.

    Attributes
    ----------
    hessian : bool, default False
        Second derivatives: ``fun.quadratic(x, models)``.
    constant_hessian : bool, default False
        A quadratic function, whose second derivatives are the same everywhere.
    row_steps : bool, default False
        Steps of single rows within the blocks: ``fun.local_epochs(x, models, batch, rate, iteration)``.
    """

    hessian: bool = False
    constant_hessian: bool = False
    row_steps: bool = False
