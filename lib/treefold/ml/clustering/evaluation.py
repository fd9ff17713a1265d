"""Scores of a clustering on a data set, as a job writes them."""

from dataclasses import dataclass, field
from typing import Any

from treefold.dataset.blocks import Pass
from treefold.report.charts import Chart


@dataclass(frozen=True)
class Evaluation:
    """Scores of a clustering on a data set.

    Attributes
    ----------
    scores : dict
    passes : list of Pass
    """

    scores: dict[str, Any]
    passes: list[Pass] = field(repr=False)

    def __getattr__(self, name: str) -> Any:
        if name in self.scores:
            return self.scores[name]
        raise AttributeError(name)

    def charts(self) -> list[Chart]:
        """No charts."""
        return []
