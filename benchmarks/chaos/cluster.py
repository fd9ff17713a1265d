"""Spark's own standalone cluster: a master and two workers in processes of their own, on hosts of their own."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

import pyspark

from benchmarks.chaos.disk_files import files_below
from benchmarks.chaos.hosts import hosts

SPARK = Path(pyspark.__file__).parent
ROOT = Path(__file__).parents[2]
SECRET = {"spark.authenticate": "true", "spark.authenticate.secret": "open sesame"}
DAEMON = {
    **SECRET,
    "spark.worker.timeout": "6",  # seconds after which the master gives a silent worker up
    "spark.deploy.maxExecutorRetries": "-1",
}
BRIEF = "-XX:TieredStopAtLevel=1"  # for a JVM that lives too briefly to earn back what its second compiler costs
WORKERS = (1, 2)


class Executor(NamedTuple):
    """An executor's process, and the host it runs on."""

    pid: int
    host: int


class Cluster:
    """A master on host 0 and workers on hosts 1 and 2, each with one core and local directories of its own.

    Parameters
    ----------
    folder : Path
        For logs and the workers' disks.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.hosts = folder, hosts(1 + len(WORKERS))
        self.processes: dict[int, subprocess.Popen] = {}
        self.url = ""
        try:
            for host in WORKERS:
                self.disk(host).mkdir(parents=True)
            where = ["--host", self.hosts.address(0), "--port", "0", "--webui-port", "0"]
            self._start(0, "org.apache.spark.deploy.master.Master", *where)
            self.url = self._wait_for(0, r"Starting Spark master at (spark://\S+)")
            for host in WORKERS:
                self.start_worker(host)
            for host in WORKERS:
                self.wait_for_worker(host)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def disk(self, host: int) -> Path:
        """The local directory of a host."""
        return self.folder / f"disk{host}"

    def environment(self, host: int) -> dict[str, str]:
        """The environment of a process on a host."""
        return os.environ | {
            "SPARK_HOME": str(SPARK),
            "SPARK_LOCAL_IP": self.hosts.address(host),
            "SPARK_LOCAL_DIRS": str(self.disk(host)) if host else str(self.folder / "driver"),
            "SPARK_DAEMON_JAVA_OPTS": " ".join([BRIEF, *(f"'-D{key}={value}'" for key, value in DAEMON.items())]),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "lib"), str(ROOT)]),
            "PYSPARK_PYTHON": sys.executable,
        }

    def start_worker(self, host: int) -> None:
        """Start the worker of a host."""
        self._start(
            host, "org.apache.spark.deploy.worker.Worker", "--host", self.hosts.address(host), "--cores", "1",
            "--memory", "1g", "--webui-port", "0", "--work-dir", str(self.folder / f"work{host}"), self.url,
        )  # fmt: skip

    def wait_for_worker(self, host: int) -> None:
        """Wait until the master knows the worker."""
        self._wait_for(host, "(Successfully registered with master)")

    def kill_worker(self, host: int) -> None:
        """SIGKILL the worker of a host; its executors end by themselves."""
        self.processes[host].kill()
        self.processes[host].wait()

    def executors(self) -> list[Executor]:
        """The executors of the workers that live."""
        return [
            Executor(pid, host)
            for host in WORKERS
            if host in self.processes
            for pid in descendants(self.processes[host].pid)
            if "CoarseGrainedExecutorBackend" in command_of(pid)
        ]

    def block_files(self) -> list[Path]:
        """Files of blocks, and of rows on their way, on all disks."""
        return sorted(
            file for host in WORKERS for file in files_below(self.disk(host)) if file.parent.name == "treefold"
        )

    def close(self) -> None:
        """Stop all, and remove the hosts."""
        for executor in self.executors():
            with suppress(ProcessLookupError):
                os.kill(executor.pid, signal.SIGCONT)
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        self.hosts.close()

    def _start(self, host: int, *arguments: str) -> None:
        hidden = [self.disk(other) for other in WORKERS if host and other != host]
        with self._log(host).open("w") as log:
            self.processes[host] = subprocess.Popen(
                self.hosts.command(host, [str(SPARK / "bin/spark-class"), *arguments], hidden),
                stdout=log, stderr=subprocess.STDOUT, env=self.environment(host), cwd=self.folder,
            )  # fmt: skip

    def _log(self, host: int) -> Path:
        return self.folder / f"log{host}"

    def _wait_for(self, host: int, pattern: str) -> str:
        for _ in range(600):
            found = re.search(pattern, self._log(host).read_text())
            if found:
                return found[1]
            time.sleep(0.1)
        raise RuntimeError(f"no {pattern} in {self._log(host).read_text()[-2000:]}")


def command_of(pid: int) -> str:
    """What a process runs; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def descendants(pid: int) -> list[int]:
    """Processes below a process, parents first."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                parents[int(folder.name)] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]
