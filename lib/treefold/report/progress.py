"""Progress lines on stderr: one that rewrites itself on a terminal, one per iteration in a log."""

import os
import sys
from typing import Any


class ProgressLine:
    """Shows where a fit stands after every pass."""

    def __init__(self) -> None:
        self.terminal = "TREEFOLD_TERMINAL" in os.environ  # set by spark-submit.sh, behind whose pipes we print
        self.shown = -1

    def __call__(self, progress: Any) -> None:
        """Show a :class:`treefold.ml.Progress`; in a log, trials of a line search stay silent."""
        if progress.lines:
            self.say("\n".join(progress.lines))
            return
        if not self.terminal and progress.iteration == self.shown:
            return
        self.shown = progress.iteration
        figures = "   ".join(f"{name} {value:.8g}" for name, value in progress.figures.items())
        line = f"{progress.unit} {progress.iteration:4d}   {figures}   {progress.last.seconds:.3f} s/pass"
        print(
            f"\r\033[K{line}" if self.terminal else line, end="" if self.terminal else "\n", file=sys.stderr, flush=True
        )

    def say(self, text: str) -> None:
        """A line of its own."""
        if self.terminal and self.shown >= 0:
            print(file=sys.stderr)
            self.shown = -1
        print(text, file=sys.stderr, flush=True)
