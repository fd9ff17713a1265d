"""The fit: all rows on the driver (direct), or a cascade and rounds of certificate and feedback."""

from collections.abc import Callable

from treefold.algorithms.svm.direct import direct
from treefold.algorithms.svm.feedback import Feedback
from treefold.algorithms.svm.machine import Machine
from treefold.algorithms.svm.result import Fitted, Round
from treefold.dataset.blocks import Blocks

DIRECT_ROWS, DIRECT_BYTES = 100_000, 1 << 30


def select_solver(rows: int, features: int) -> str:
    """The solver that ``auto`` stands for: ``direct`` where the rows fit the driver, else ``cascade``."""
    return "direct" if rows <= DIRECT_ROWS and rows * features * 4 <= DIRECT_BYTES else "cascade"


def fit(
    blocks: Blocks,
    machines: list[Machine],
    *,
    solver: str = "direct",
    max_rounds: int = 100,
    seed: int = 0,
    on_round: Callable[[Round], None] | None = None,
) -> list[Fitted]:
    """Fit machines in the same passes.

    Parameters
    ----------
    blocks : Blocks
        The data set.
    machines : list of Machine
        The machines to train.
    solver : str
        ``direct``: one pass brings all rows to the driver; ``cascade``: one pass finds machines of the blocks and
        merges them, then each round is a certificate over all rows, whose worst violators join.
    max_rounds : int
        Of the cascade.
    seed : int
        Of the rows drawn from blocks of a single class.
    on_round : callable, optional
        Called after every round, or of ``direct`` after every machine.

    Returns
    -------
    list of Fitted

    Raises
    ------
    InputError
        If there are more support vectors than one process solves for.
    """
    tell = on_round or (lambda _: None)
    if solver == "direct":
        return direct(blocks, machines, tell)
    return Feedback(blocks, machines, max_rounds, seed, tell).run()
