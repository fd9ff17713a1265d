"""One support vector machine of a fit: its rows, and how a set of them is solved."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse, vstack

from treefold.algorithms.svm.kernel import Kernel, Rows, precision
from treefold.algorithms.svm.problem import Task
from treefold.algorithms.svm.working_set import Solution, solve
from treefold.errors import InputError

MOST_SUPPORT = 50_000


class Support(NamedTuple):
    """Rows of a machine and their coefficients.

    Attributes
    ----------
    position : (rows,) uint64
        In the data set, ascending.
    X : (rows, features), dense or CSR
    target, bound, coefficient : (rows,) float64
        What is to be learned, the bound ``C_i``, and the coefficient, of a regression the net one.
    """

    position: NDArray
    X: Any
    target: NDArray
    bound: NDArray
    coefficient: NDArray

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.position)

    def taken(self, which: NDArray) -> "Support":
        """Some of the rows."""
        return Support(*(part[which] for part in self))

    def used(self) -> "Support":
        """The rows with a coefficient."""
        return self.taken(np.flatnonzero(self.coefficient))

    def joined(self, other: "Support") -> "Support":
        """The union, by position; for a row of both the entry of the first is kept."""
        new = other.taken(np.flatnonzero(~np.isin(other.position, self.position)))
        X = vstack([self.X, new.X], "csr") if issparse(self.X) else np.concatenate([self.X, new.X])
        pairs = zip(self, new, strict=True)
        both = Support(*(X if i == 1 else np.concatenate(pair) for i, pair in enumerate(pairs)))
        return both.taken(np.argsort(both.position, kind="stable"))

    def at(self, position: NDArray) -> NDArray:
        """Coefficients of the rows at positions; 0 for other rows."""
        if not self.size:
            return np.zeros(len(position))
        place = np.minimum(np.searchsorted(self.position, position), self.size - 1)
        return np.where(self.position[place] == position, self.coefficient[place], 0.0)


class Machine(NamedTuple):
    """A support vector machine to be fitted.

    Attributes
    ----------
    task : Task
    kernel : Kernel
    cost : float
        ``C``: the bound of a row of weight 1.
    tol : float
        The violation that is allowed at the end.
    cache_mb : int
        Megabytes of kernel rows that are kept.
    negative, positive : int
        The classes of target -1 and 1 of a classification.
    factors : tuple of float, optional
        Factors of the weights of each class.
    inverse : (features,), optional
        What features are multiplied by.
    exact : bool
        Whether all kernel values are of float64.
    """

    task: Task
    kernel: Kernel
    cost: float = 1.0
    tol: float = 1e-3
    cache_mb: int = 200
    negative: int = 0
    positive: int = 1
    factors: tuple[float, ...] | None = None
    inverse: NDArray | None = None
    exact: bool = False

    def members(self, position: NDArray, X: Any, y: NDArray, weight: NDArray) -> Support:
        """The rows from which the machine learns, with the coefficients at the start.

        Parameters
        ----------
        position : (rows,) int
            Positions in the data set.
        X : (rows, features)
            Features, dense or CSR.
        y, weight : (rows,)
            Labels and weights.

        Returns
        -------
        Support
        """
        bound = self.cost * weight.astype(np.float64)
        target = y.astype(np.float64)
        if self.factors is not None:
            bound = bound * np.asarray(self.factors)[y.astype(np.intp)]
        mine = bound > 0
        if self.task.name == "classification":
            mine &= (y == self.negative) | (y == self.positive)
            target = np.where(y == self.positive, 1.0, -1.0)
        if not mine.all():
            position, X, target, bound = (part[mine] for part in (position, X, target, bound))
        return Support(position, X, target, bound, self.task.start(bound))

    def rows_of(self, support: Support, *others: Support) -> tuple[Rows, ...]:
        """Rows for kernel values, of one precision, that suits all of the sets."""
        sets = [each for each in (support, *others) if each.size]
        exact = [Rows.of(self.scaled(each.X), np.float64) for each in sets]
        square = max((float(rows.squares.max()) for rows in exact), default=0.0)
        bound = max((float(each.bound.max()) for each in sets), default=0.0)
        dtype = np.float64 if self.exact else precision(self.kernel, square, bound, self.tol)
        return tuple(Rows.of(self.scaled(each.X), dtype) for each in (support, *others))

    def scaled(self, X: Any) -> Any:
        """Rows with each feature divided by its deviation, where the fit is standardised."""
        if self.inverse is None:
            return X
        return csr_array(X.multiply(self.inverse)) if issparse(X) else X * self.inverse

    def solved(self, support: Support, tol: float) -> tuple[Support, Solution]:
        """The set with its optimal coefficients, up to a violation of ``tol``."""
        if support.size > 4 * MOST_SUPPORT:
            raise InputError(too_many(support.size))
        (rows,) = self.rows_of(support)
        variables = self.task.variables(support.target, support.bound)
        found = solve(rows, variables, self.kernel, self.task.split(support.coefficient), tol, self.cache_mb)
        return support._replace(coefficient=self.task.net(found.b)), found


def too_many(rows: int) -> str:
    """The error message for more support vectors than an exact solver takes."""
    return (
        f"{rows:,} rows are, or may be, support vectors, more than the {MOST_SUPPORT:,} that one process solves for "
        "exactly: use solver nystroem, a smaller C or fewer rows"
    )
