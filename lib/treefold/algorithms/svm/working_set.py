"""The exact solver: working sets of many variables, each minimised by two-variable steps on cached kernel rows."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.svm.kernel import Kernel, Rows
from treefold.algorithms.svm.kernels import add_rows, minimise
from treefold.algorithms.svm.problem import Variables, bias_of
from treefold.algorithms.svm.row_cache import RowCache

WHOLE = 2048  # variables up to which all of them are the working set
SIZE = 1024  # variables of a working set otherwise
INNER = 0.1  # of the violation before, to which a working set is solved
MOST_STEPS = 100_000  # of one working set


class Work(NamedTuple):
    """Work of a solution: kernel rows computed and found in the cache, working sets and two-variable steps."""

    kernel_rows: int = 0
    cache_hits: int = 0
    working_sets: int = 0
    steps: int = 0


class Solution(NamedTuple):
    """A minimum.

    Attributes
    ----------
    b : (variables,)
    margin : (rows,)
        ``K b`` by row, without the bias.
    bias, dual, violation : float
        ``dual`` is what is maximised, ``linear . b - b K b / 2``; ``violation`` the largest slope of a variable that
        can rise less the smallest of one that can fall.
    work : Work
    """

    b: NDArray
    margin: NDArray
    bias: float
    dual: float
    violation: float
    work: Work
    single: bool


def solve(rows: Rows, variables: Variables, kernel: Kernel, start: NDArray, tol: float, cache_mb: int) -> Solution:
    """Minimise from a feasible start until the violation, by recomputed margins, is at most ``tol``.

    Parameters
    ----------
    rows : Rows
        Rows of the problem.
    variables : Variables
        Signs, linear terms and bounds of the variables.
    kernel : Kernel
        Kernel function.
    start : (variables,)
        Feasible values at the start.
    tol : float
        Greatest violation at the end.
    cache_mb : int
        MiB of kernel rows that are kept.

    Returns
    -------
    Solution
    """
    search = Search(rows, variables, kernel, start, cache_mb)
    search.run(tol)
    return search.solution()


def margins(rows: Rows, kernel: Kernel, coefficient: NDArray) -> NDArray:
    """``K coefficient`` by row, summed in float64.

    Parameters
    ----------
    rows : Rows
        Rows of the problem.
    kernel : Kernel
        Kernel function.
    coefficient : (rows,)
        Coefficient of each row.

    Returns
    -------
    (rows,) float64
    """
    used = np.flatnonzero(coefficient)
    return rows.sums(kernel, rows.taken(used), coefficient[used]) if len(used) else np.zeros(rows.size)


class Search:
    """State of the solver.

    Parameters
    ----------
    rows : Rows
        Rows of the problem.
    variables : Variables
        Signs, linear terms and bounds of the variables.
    kernel : Kernel
        Kernel function.
    start : (variables,)
        Values at the start, clipped to the bounds.
    cache_mb : int
        MiB of kernel rows that are kept.
    """

    def __init__(self, rows: Rows, variables: Variables, kernel: Kernel, start: NDArray, cache_mb: int) -> None:
        self.rows, self.variables, self.kernel = rows, variables, kernel
        self.b = np.clip(start, variables.low, variables.high)
        self.size = len(start) if len(start) <= WHOLE else SIZE
        self.cache = RowCache(rows, kernel, cache_mb, self.size)
        self.margin = margins(rows, kernel, self._by_row(self.b))
        self.sets = self.steps = 0
        self.last = np.zeros(0, np.intp)

    def run(self, tol: float) -> None:
        """Minimise over working sets until the violation is at most ``tol`` or no coefficient changes."""
        while True:
            up, down = self.variables.gaps(self.b, self.margin)
            violation = up.max(initial=-np.inf) - down.min(initial=np.inf)
            if not violation > tol:
                return
            chosen = self._chosen(up, down)
            inner = tol / 2 if self.size == len(self.b) else max(tol / 2, INNER * violation)
            if not self._improve(chosen, inner):
                return  # steps are below the precision of the coefficients

    def solution(self) -> Solution:
        """The current solution."""
        v = self.variables
        up, down = v.gaps(self.b, self.margin)
        net = self._by_row(self.b)
        dual = float(v.linear @ self.b - 0.5 * (net @ self.margin))
        violation = float(up.max(initial=-np.inf) - down.min(initial=np.inf))
        bias = bias_of(up, down, v.linear - self.margin[v.row])
        work = Work(self.cache.made, self.cache.hits, self.sets, self.steps)
        single = self.rows.squares.dtype == np.float32
        return Solution(self.b, self.margin, bias, dual, violation, work, single)

    def _by_row(self, b: NDArray) -> NDArray:
        return np.bincount(self.variables.row, b, self.rows.size)

    def _chosen(self, up: NDArray, down: NDArray) -> NDArray:
        """The next working set: half of the last one, and those that violate most."""
        n = len(self.b)
        if self.size >= n:
            return np.arange(n)
        kept = self.last[-(self.size // 2) :]
        up, down = up.copy(), down.copy()
        up[kept], down[kept] = -np.inf, np.inf
        each = (self.size - kept.size) // 2
        rising = np.argpartition(-up, each)[:each]
        rising = rising[np.isfinite(up[rising])]
        down[rising] = np.inf
        falling = np.argpartition(down, each)[:each]
        falling = falling[np.isfinite(down[falling])]
        self.last = np.concatenate([kept, np.sort(rising), np.sort(falling)])
        return self.last

    def _improve(self, chosen: NDArray, tol: float) -> bool:
        """Minimise over a working set; returns whether anything has changed."""
        v = self.variables
        wanted, place = np.unique(v.row[chosen], return_inverse=True)
        slots = self.cache.get(wanted)
        between = self.cache.values
        if not (between.shape == (len(chosen),) * 2 and (slots == wanted).all() and (place == wanted).all()):
            between = between[np.ix_(slots[place], wanted[place])]
        before = self.b[chosen]
        b, slope = before.copy(), v.linear[chosen] - self.margin[v.row[chosen]]
        steps, _ = minimise(between, b, slope, v.low[chosen], v.high[chosen], tol, MOST_STEPS)
        self.b[chosen] = b
        change = np.bincount(place, b - before, len(wanted))
        moved = np.flatnonzero(change)
        add_rows(self.cache.values, slots[moved], change[moved], self.margin)
        self.sets += 1
        self.steps += steps
        return bool((b != before).any())
