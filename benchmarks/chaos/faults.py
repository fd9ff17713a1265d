"""Faults that are injected into a cluster while an application runs on it."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from random import Random

from benchmarks.chaos.cluster import WORKERS, Cluster, command_of, descendants

CUT = 12  # seconds: twice what the master waits for a worker
STOPPED = 3


def kill_executor(cluster: Cluster, draw: Random) -> str:
    """SIGKILL an executor."""
    executor = draw.choice(_executors(cluster))
    os.kill(executor.pid, signal.SIGKILL)
    return f"an executor of host {executor.host} killed"


def kill_python(cluster: Cluster, draw: Random) -> str:
    """SIGKILL a Python worker, or the daemon that forks them."""
    found = [(pid, executor.host) for executor in _executors(cluster) for pid in descendants(executor.pid)]
    python = [(pid, host) for pid, host in found if "pyspark" in command_of(pid)]
    if not python:
        return ""
    pid, host = draw.choice(python)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return f"a Python process of host {host} killed"


def kill_worker(cluster: Cluster, draw: Random) -> str:
    """SIGKILL a worker daemon; it is started again when its executors have ended, as they do without it."""
    host = draw.choice(WORKERS)
    executors = [executor.pid for executor in cluster.executors() if executor.host == host]
    cluster.kill_worker(host)
    deadline = time.monotonic() + 20
    while any(map(command_of, executors)) and time.monotonic() < deadline:
        time.sleep(0.1)
    cluster.start_worker(host)
    return f"the worker of host {host} killed"


def delete_file(cluster: Cluster, draw: Random) -> str:
    """Delete a file of blocks."""
    return _harm(cluster, draw, "deleted", os.unlink)


def truncate_file(cluster: Cluster, draw: Random) -> str:
    """Cut a file of blocks off."""
    return _harm(cluster, draw, "truncated", lambda path: os.truncate(path, os.path.getsize(path) // 2))


def flip_bit(cluster: Cluster, draw: Random) -> str:
    """Flip a bit in a file of blocks."""

    def flip(path: str) -> None:
        with open(path, "r+b") as file:
            file.seek(at := draw.randrange(1000))
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1 << draw.randrange(8)]))

    return _harm(cluster, draw, "changed by one bit", flip)


def stop_executor(cluster: Cluster, draw: Random) -> str:
    """Stop an executor and its Python workers for a while: a straggler."""
    executor = draw.choice(_executors(cluster))
    stopped = stop(executor.pid)
    time.sleep(STOPPED)
    go_on(stopped)
    return f"an executor of host {executor.host} stopped for {STOPPED} s"


def cut_host(cluster: Cluster, draw: Random) -> str:
    """Cut a host off for longer than the master waits."""
    host = draw.choice(WORKERS)
    cluster.hosts.cut(host)
    time.sleep(CUT)
    cluster.hosts.mend(host)
    return f"host {host} cut off for {CUT} s"


def slow_host(cluster: Cluster, draw: Random) -> str:
    """Slow the way to a host down for a while."""
    host = draw.choice(WORKERS)
    cluster.hosts.slow(host, "512kbit")
    time.sleep(STOPPED)
    cluster.hosts.mend(host)
    return f"host {host} slowed for {STOPPED} s"


def lossy_host(cluster: Cluster, draw: Random) -> str:
    """Lose packets on the way to a host for a while."""
    host = draw.choice(WORKERS)
    cluster.hosts.lose(host, "8mbit")
    time.sleep(STOPPED)
    lost = cluster.hosts.dropped(host)
    cluster.hosts.mend(host)
    return f"{lost} packets to host {host} lost" if lost else ""


Fault = Callable[[Cluster, Random], str]
ANYWHERE: list[Fault] = [
    kill_executor, kill_python, kill_worker, delete_file, truncate_file, flip_bit, stop_executor,
]  # fmt: skip
APART: list[Fault] = [cut_host, slow_host, lossy_host]  # for hosts in namespaces of their own


def stop(pid: int) -> list[int]:
    """SIGSTOP a process and all below it; returns them."""
    every = [pid, *descendants(pid)]
    for one in every:
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGSTOP)
    return every


def go_on(pids: list[int]) -> None:
    """SIGCONT processes."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _executors(cluster: Cluster) -> list:
    """The executors, once there are any."""
    for _ in range(300):
        found = cluster.executors()
        if found:
            return found
        time.sleep(0.1)
    raise RuntimeError("no executor came back within 30 s")


def _harm(cluster: Cluster, draw: Random, how: str, harm: Callable[[str], None]) -> str:
    """Harm blocks of a task wherever they are: a task that lost a race may have left another copy that nobody reads."""
    harmed = []
    with suppress(FileNotFoundError, IndexError, ValueError):  # there is none, or no longer
        files = cluster.block_files()
        newest = max(files, key=lambda file: file.stat().st_ctime_ns).name.split("-")[0]  # the data set in use
        names = {file.name for file in files if file.name.startswith(newest) and "." not in file.name}
        name = draw.choice(sorted(name for name in names if "staged" not in name))
        for file in files:
            if file.name == name:
                harm(str(file))
                harmed.append(file)
    return f"{harmed[0].name} {how}" if harmed else ""
