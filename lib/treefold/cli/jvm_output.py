"""Output of a JVM that this process starts, and of its workers: to stderr, without meaningless lines."""

import os
import re
import sys
import threading
from contextlib import suppress
from typing import IO, Any, Self

NOISE = re.compile(r"WARNING: Using incubator modules|Picked up \w+:")
TRACEBACK = "Traceback (most recent call last):"
WORTH = re.compile(r"(?:Exception in thread \S+ |Caused by: |Error: )?(?:[\w.$]*(?:Exception|Error): )?(.+)")


class Filter:
    """Removes Java's note on an incubator module, and the broken pipes of idle workers.

    PySpark's daemon forks workers that wait for work at a socket. When Spark ends, they may see the end of the socket
    before the daemon stops them, and show a broken pipe: several at once, with mixed lines, the last one cut off. All
    other lines, including tracebacks of the same shape, pass unchanged and in order.
    """

    def __init__(self) -> None:
        self.held: list[str] = []
        self.open = 0  # number of tracebacks that have not ended

    def __call__(self, line: str) -> list[str]:
        """Take a line; returns the lines that can be shown now."""
        if NOISE.match(line):
            return []
        if line.strip() == TRACEBACK:
            self.open += 1
            self.held.append(line)
            return []
        if self.open and line.startswith(" "):
            self.held.append(line)
            return []
        if self.open and line.startswith("BrokenPipeError") and self._of_daemon():
            self.open -= 1
            if not self.open:
                self.held = []
            return []
        through, self.held, self.open = [*self.held, line], [], 0
        return through

    def rest(self) -> list[str]:
        """The lines to show of those that are still held, at the end."""
        through, self.held = self.held, []
        if any("pyspark/daemon.py" in line for line in through) or all(line.strip() == TRACEBACK for line in through):
            return []
        return through

    def _of_daemon(self) -> bool:
        return any("pyspark/daemon.py" in line for line in self.held)


class JvmOutput:
    """Captures the output of the JVM and the workers that are started within a ``with`` statement.

    File descriptors 1 and 2 are a pipe meanwhile, which child processes inherit; ``sys.stdout`` and ``sys.stderr`` are
    the original ones. Only this process prints to stdout. Lines are held until :meth:`release`, so that a JVM that does
    not start can be reported in one line.
    """

    def __enter__(self) -> Self:
        sys.stdout.flush()
        self.before, self.real = (sys.stdout, sys.stderr), (os.dup(1), os.dup(2))
        sys.stdout, sys.stderr = (
            os.fdopen(os.dup(real), "w", buffering=1, errors="backslashreplace") for real in self.real
        )
        reading, writing = os.pipe()
        for descriptor in (1, 2):
            os.dup2(writing, descriptor)
        os.close(writing)
        self.lock, self.lines, self.holding = threading.Lock(), list[str](), True
        self.reader = threading.Thread(target=self._read, args=(os.fdopen(reading, errors="replace"),), daemon=True)
        self.reader.start()
        return self

    def __exit__(self, *error: object) -> None:
        for descriptor, real in zip((1, 2), self.real, strict=True):
            os.dup2(real, descriptor)
            os.close(real)
        self.reader.join(2)  # a process of the user may keep the pipe open
        self.release()
        ours, (sys.stdout, sys.stderr) = (sys.stdout, sys.stderr), self.before
        for stream in ours:
            stream.close()

    def release(self) -> None:
        """Show the held lines, and from now on all lines."""
        with self.lock:
            self.holding = False
            self._show(self.lines)
            self.lines = []

    def reason(self) -> str:
        """The held line that best explains why there is no JVM; the held lines are not shown any more."""
        with self.lock:
            lines, self.lines = self.lines, []
        return reason(lines)

    def _read(self, pipe: IO[str]) -> None:
        through = Filter()
        with pipe, suppress(ValueError):
            for line in pipe:
                self._take(through(line))
        self._take(through.rest())

    def _take(self, lines: list[str]) -> None:
        with self.lock:
            if self.holding:
                self.lines += lines
            else:
                self._show(lines)

    def _show(self, lines: list[str]) -> None:
        for line in lines:
            print(line, end="", file=sys.stderr, flush=True)


def reason(lines: list[str]) -> str:
    """The most informative line of a JVM's last output: the message of an exception, else the last line."""
    plain = [line.strip() for line in lines if line.strip() and not line.startswith(("\t", " "))]
    said = [line for line in plain if not line.startswith("Error: ")] or plain  # which of Java's repeats the one before
    named: Any = next((line for line in reversed(said) if re.search(r"(Exception|Error): ", line)), None)
    found = WORTH.fullmatch(named or (said[-1] if said else "it ended without a message"))
    return found[1] if found else str(named)
