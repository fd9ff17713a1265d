"""A trial: fits one after the other, faults at random moments, and whether anything came out wrong."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from benchmarks.chaos.application import Application, Fitted
from benchmarks.chaos.cluster import Cluster
from benchmarks.chaos.faults import ANYWHERE, APART
from benchmarks.chaos.fits import FITS, READERS

PAUSE = 2.0  # seconds between faults, on average
SWEPT = 60  # seconds until what an application left must be gone


class Trial:
    """Fits under faults.

    Parameters
    ----------
    seed : int
        Draws the fits, the faults, their victims and the time between them.
    say : callable
        Called with a line for every event.

    Attributes
    ----------
    known : {(fit, reader): Fitted}
        What fits come to that nothing disturbs.
    faults : list of str
        What befell the cluster.
    wrong, failed : list of str
        Fits with other bits than undisturbed, and fits that ended with an error.
    lost : int
        Lines that reported lost blocks.
    orphans : list of Path
        Block files that remained.
    """

    def __init__(self, cluster: Cluster, seed: int, say: Callable[[str], None] = lambda line: None) -> None:
        self.cluster, self.draw, self.say = cluster, Random(seed), say
        self.known: dict[tuple[str, str], Fitted] = {}
        self.faults: list[str] = []
        self.wrong: list[str] = []
        self.failed: list[str] = []
        self.orphans: list[Path] = []
        self.lost = self.fits = 0
        self.calm = self.disturbed = 0.0  # seconds of the same fits

    @property
    def passed(self) -> bool:
        """Whether nothing came out wrong, failed or was left behind."""
        return not (self.wrong or self.failed or self.orphans)

    def learn(self, application: Application) -> None:
        """Run every fit without faults."""
        self.known = {(fit, reader): application.fit(fit, reader) for fit in FITS for reader in READERS}

    def run(self, application: Application, kills: int) -> None:
        """Fit at random until so many faults have been survived."""
        harm = threading.Thread(target=self._harm, args=(kills, Random(self.draw.random())), daemon=True)
        harm.start()
        while harm.is_alive():
            fit, reader = self.draw.choice(list(FITS)), self.draw.choice(READERS)
            self._fit(application, fit, reader, self.known[fit, reader])

    def look_for_orphans(self) -> None:
        """Wait until the files are gone, or call them orphans."""
        deadline = time.monotonic() + SWEPT
        while (left := self.cluster.block_files()) and time.monotonic() < deadline:
            time.sleep(0.2)
        self.orphans = left

    def summary(self) -> str:
        """The figures, in a few lines."""
        slowdown = self.disturbed / self.calm if self.calm else 1.0
        apart = "" if self.cluster.hosts.apart else " (no host could be cut off: that takes root and iproute2)"
        return (
            f"{len(self.faults)} faults survived in {self.fits} fits{apart}   wrong results {len(self.wrong)}   "
            f"failed fits {len(self.failed)}   orphans {len(self.orphans)}   losses reported {self.lost}   "
            f"slowdown {slowdown:.2f}"
        )

    def _fit(self, application: Application, fit: str, reader: str, known: Fitted) -> None:
        before, start = len(self.faults), time.monotonic()
        try:
            fitted = application.fit(fit, reader)
        except RuntimeError as error:
            if application.process.poll() is not None:
                raise
            self.failed.append(f"{fit} through {reader}: {error}")
            self.say(self.failed[-1])
            return
        self.fits, self.lost = self.fits + 1, self.lost + len(fitted.lost)
        self.calm, self.disturbed = self.calm + known.seconds, self.disturbed + fitted.seconds
        same = fitted.bits == known.bits
        if not same:
            self.wrong.append(f"{fit} through {reader}")
        self.say(
            f"{fit} through {reader}: {'the same bits' if same else 'WRONG'}, {time.monotonic() - start:.1f} s, "
            f"faults {before + 1} to {len(self.faults)}; " + "; ".join(fitted.lost)
        )

    def _harm(self, kills: int, draw: Random) -> None:
        kinds = ANYWHERE + (APART if self.cluster.hosts.apart else [])
        while len(self.faults) < kills:
            time.sleep(draw.expovariate(1 / PAUSE))
            done = draw.choice(kinds)(self.cluster, draw)
            if done:
                self.faults.append(done)
                self.say(f"fault {len(self.faults)}: {done}")
