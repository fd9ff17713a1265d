"""What the watcher of a fit is told after a pass."""

from dataclasses import dataclass

from treefold.dataset.blocks import Pass


@dataclass(frozen=True)
class Progress:
    """Progress of a fit.

    Attributes
    ----------
    iteration : int
        The iteration, or another count.
    figures : dict
        Current figures by name, such as the objective.
    last : Pass
        The pass that computed them.
    unit : str, default ``iteration``
        What is counted.
    lines : tuple of str
        Further lines for a person.
    most : int or None
        Largest possible count, if it is known.
    """

    iteration: int
    figures: dict[str, float]
    last: Pass
    unit: str = "iteration"
    lines: tuple[str, ...] = ()
    most: int | None = None
