"""Progress lines on stderr: one that rewrites itself on a terminal, one per iteration in a log."""

import os
import sys
import time
from typing import Any


class ProgressLine:
    """Shows where a fit stands after every pass, when it will have ended, and what was lost on the way."""

    def __init__(self) -> None:
        self.terminal = "TREEFOLD_TERMINAL" in os.environ  # set by spark-submit.sh, behind whose pipes we print
        self.shown = -1
        self.first: tuple[int, float] | None = None  # iteration, and when it was shown
        self.last: Any = None
        self.told: set[tuple[str, int]] = set()

    def __call__(self, progress: Any) -> None:
        """Show a :class:`treefold.ml.Progress`; in a log, trials of a line search stay silent."""
        if progress.last is not self.last:
            for loss in progress.last.lost:
                if (loss.why, loss.blocks) not in self.told:  # what has no room is lost in every pass
                    self.say(str(loss))
            self.last, self.told = progress.last, {(loss.why, loss.blocks) for loss in progress.last.lost}
        if progress.lines:
            self.say("\n".join(progress.lines))
            return
        if not self.terminal and progress.iteration == self.shown:
            return
        self.shown = progress.iteration
        figures = "   ".join(f"{name} {value:.8g}" for name, value in progress.figures.items())
        line = f"{progress.unit} {progress.iteration:4d}   {figures}   {progress.last.seconds:.3f} s/pass"
        line += self._left(progress)
        print(
            f"\r\033[K{line}" if self.terminal else line, end="" if self.terminal else "\n", file=sys.stderr, flush=True
        )

    def _left(self, progress: Any) -> str:
        """How long it takes at most, if the iterations to come take as long as those that were seen."""
        now = time.monotonic()
        if self.first is None or progress.iteration <= self.first[0]:
            self.first = progress.iteration, now
        if progress.most is None or progress.iteration == self.first[0]:
            return ""
        pace = (now - self.first[1]) / (progress.iteration - self.first[0])
        seconds = round(pace * max(0, progress.most - progress.iteration))
        return f"   at most {seconds // 60}:{seconds % 60:02d} min left"

    def say(self, text: str) -> None:
        """A line of its own."""
        if self.terminal and self.shown >= 0:
            print(file=sys.stderr)
            self.shown = -1
        print(text, file=sys.stderr, flush=True)
