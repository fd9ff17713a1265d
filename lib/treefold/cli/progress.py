"""Progress lines on stderr: one line that is rewritten on a terminal, one line every few seconds in a log."""

import logging
import os
import sys
import time
from typing import Any

PAUSE = 5.0  # seconds between lines in a log


class ProgressLine:
    """Shows the progress of a fit after every pass, the remaining time, and recomputed blocks.

    On a terminal one line is rewritten, cut to the terminal's width. In a log the first iteration has a line, and after
    that one iteration every :data:`PAUSE` seconds, with the time of day.
    """

    def __init__(self) -> None:
        self.terminal = sys.stderr.isatty()
        self.open = False  # whether the cursor is at the end of a line that can be rewritten
        self.shown = -1
        self.when: float | None = None
        self.first: tuple[int, float] | None = None  # iteration, and the time at which it was shown
        self.last: Any = None
        self.reported: set[tuple[str, int]] = set()

    def __call__(self, progress: Any) -> None:
        """Show a :class:`treefold.ml.Progress`."""
        if progress.last is not self.last:
            for loss in progress.last.lost:
                if (
                    loss.why,
                    loss.blocks,
                ) not in self.reported:  # blocks without room on disk are recomputed in every pass
                    self.say(str(loss))
            self.last, self.reported = progress.last, {(loss.why, loss.blocks) for loss in progress.last.lost}
        if progress.lines:
            self.say("\n".join(progress.lines))
            return
        now = time.monotonic()
        left = self._left(progress, now)
        if not self._due(progress.iteration, now):
            return
        figures = "   ".join(f"{name} {value:.8g}" for name, value in progress.figures.items())
        line = f"{progress.unit} {progress.iteration:4d}   {figures}   {progress.last.seconds:.3f} s/pass{left}"
        if self.terminal:
            print(f"\r\033[K{line[: _width()]}", end="", file=sys.stderr, flush=True)
        else:
            print(f"{time.strftime('%H:%M:%S')}   {line}", file=sys.stderr, flush=True)
        self.open = self.terminal

    def _due(self, iteration: int, now: float) -> bool:
        """Whether to show a line: always on a terminal; in a log not for trials of a line search, and not too often."""
        if not self.terminal and self.when is not None and (iteration == self.shown or now - self.when < PAUSE):
            return False
        self.shown, self.when = iteration, now
        return True

    def _left(self, progress: Any, now: float) -> str:
        """Upper bound of the remaining time, if further iterations take as long as those so far."""
        if self.first is None or progress.iteration <= self.first[0]:
            self.first = progress.iteration, now
        if progress.most is None or progress.iteration == self.first[0]:
            return ""
        pace = (now - self.first[1]) / (progress.iteration - self.first[0])
        seconds = round(pace * max(0, progress.most - progress.iteration))
        return f"   at most {seconds // 60}:{seconds % 60:02d} min left"

    def say(self, text: str) -> None:
        """A line of its own."""
        if self.open:
            print(file=sys.stderr)
            self.open = False
        print(text, file=sys.stderr, flush=True)


def _width() -> int:
    """Characters of a line of the terminal, whose width may have changed since the last line."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns - 1
    except OSError:
        return 79


class LogLines(logging.Handler):
    """Shows records of a logger as lines of their own, each text once."""

    def __init__(self, line: ProgressLine) -> None:
        super().__init__(logging.WARNING)
        self.line, self.reported = line, set[str]()

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record."""
        text = f"{record.levelname.lower()}: {record.getMessage()}"
        if text not in self.reported:
            self.reported.add(text)
            self.line.say(text)
