"""The application on the cluster, as seen by the process that injects the faults."""

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, Self

from benchmarks.chaos.cluster import BRIEF, SECRET, Cluster
from benchmarks.chaos.fits import ROWS

SETTINGS = {
    **SECRET,
    "spark.network.crypto.enabled": "true",
    "spark.executor.memory": "512m",
    "spark.executor.extraJavaOptions": BRIEF,
    "spark.python.unix.domain.socket.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.task.cpus": "0.99",
    "spark.default.parallelism": "4",
    "spark.sql.shuffle.partitions": "4",
    "spark.scheduler.minRegisteredResourcesRatio": "1.0",
    "spark.shuffle.reduceLocality.enabled": "false",
    "spark.shuffle.io.retryWait": "500ms",
    "spark.locality.wait": "2s",
    "spark.network.timeout": "20s",
    "spark.network.timeoutInterval": "5s",
    "spark.executor.heartbeatInterval": "2s",
}
SPECULATION = {
    "spark.speculation": "true",
    "spark.speculation.interval": "100ms",
    "spark.speculation.quantile": "0.5",
    "spark.speculation.minTaskRuntime": "500ms",
    "spark.locality.wait": "500ms",
}
PATIENT = {"spark.locality.wait": "8s"}  # a task that Spark sends away from its rows makes them again, and reports it
PATIENCE = 180  # seconds without a word, after which the application hangs


class Fitted(NamedTuple):
    """The result of a fit."""

    bits: str
    passes: int
    how: list[str]
    lost: list[str]
    seconds: float


class Application:
    """A driver on host 0 of a cluster.

    Parameters
    ----------
    data : str
        Folder of the rows: see :func:`benchmarks.chaos.fits.write_rows`.
    settings : dict
        Properties of Spark beyond ``SETTINGS``, and ``executors``: how many to wait for, by default both.
    """

    def __init__(self, cluster: Cluster, data: str, **settings: str) -> None:
        address = cluster.hosts.address(0)
        own = {"spark.driver.host": address, "spark.driver.bindAddress": address}
        command = [sys.executable, "-m", "benchmarks.chaos.driver", cluster.url, data]
        with (cluster.folder / "driver.log").open("a") as log:
            self.process = subprocess.Popen(
                cluster.hosts.command(0, [*command, json.dumps(SETTINGS | own | settings)]),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=cluster.environment(0),
                cwd=cluster.folder,
            )  # fmt: skip
        self.said: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        assert self._next().get("ready")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(30)
        self.process.kill()
        self.process.wait()

    def fit(self, fit: str, reader: str, at: dict[int, Callable[[], Any]] | None = None) -> Fitted:
        """Fit to the end.

        Parameters
        ----------
        fit : str
            Name of the fit.
        reader : str
            Reader of the data.
        at : {pass: function}
            What to call after that pass, before the next begins.

        Raises
        ------
        RuntimeError
            If the fit fails, or a pass does not see every row once.
        """
        at = at or {}
        self._tell(json.dumps({"fit": fit, "reader": reader, "stops": sorted(at)}))
        while True:
            said = self._next()
            if "pass" in said:
                if said["pass"] in at:
                    at[said["pass"]]()
                    self._tell("go on")
            elif "error" in said:
                raise RuntimeError(f"{fit} through {reader} failed: {said['error']}")
            else:
                if said["rows"] != [ROWS]:
                    raise RuntimeError(f"passes of {said['rows']} rows, not {ROWS}")
                return Fitted(said["bits"], said["passes"], said["how"], said["lost"], said["seconds"])

    def _tell(self, line: str) -> None:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(queue.Empty):
                said: dict[str, Any] = self.said.get(timeout=1)
                return said
            if self.process.poll() is not None and self.said.empty():
                raise RuntimeError(f"the application ended with code {self.process.returncode}")
        raise RuntimeError(f"the application said nothing for {PATIENCE} s")

    def _listen(self) -> None:
        for line in self.process.stdout:
            with suppress(json.JSONDecodeError):
                self.said.put(json.loads(line))
