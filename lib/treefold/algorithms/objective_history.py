"""The objective of each model of a batch at the start and after each iteration of a fit."""

from typing import Any

from numpy.typing import NDArray

from treefold.optim.iterate import OnStep


class ObjectiveHistory:
    """Records the values of a solver's states.

    Parameters
    ----------
    models : int
        Number of models.
    on_step : callable, optional
        Called with every state after it has been recorded.

    Attributes
    ----------
    values : list of list of float
        For each model the objective at the start and after each iteration.
    """

    def __init__(self, models: int, on_step: OnStep | None) -> None:
        self.values: list[list[float]] = [[] for _ in range(models)]
        self.on_step = on_step

    def __call__(self, state: Any) -> None:
        """Record a state of the solver."""
        for history, iteration, value in zip(self.values, state.iteration, state.value, strict=True):
            if iteration == len(history):
                history.append(float(value))
        if self.on_step:
            self.on_step(state)

    def end_with(self, value: NDArray) -> None:
        """Replace the last objectives, which were estimated, by those of all rows, ``(models,)``."""
        for history, last in zip(self.values, value, strict=True):
            history[-1] = float(last)
