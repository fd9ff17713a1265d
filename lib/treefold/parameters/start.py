"""Starts the processes of shards beside the driver, and ends them."""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from treefold.errors import InputError
from treefold.parameters.flight import RemoteShard
from treefold.parameters.shard import Rule
from treefold.parameters.shard_group import ShardGroup, layouts
from treefold.parameters.shard_process import Start
from treefold.runtime.certificates import credentials

LIBRARY = Path(__file__).parents[2]
LEAVE = 5.0  # seconds that a process has to end


@contextmanager
def shard_processes(
    keys: int, shards: int, rule: Rule, dtype: str, *, host: str = "127.0.0.1", bind: str | None = None
) -> Iterator[ShardGroup]:
    """Shards in processes of their own on this machine, for the duration of a ``with`` statement.

    Parameters
    ----------
    keys : int
        Number of coefficients.
    shards : int
        Number of shards.
    rule : Rule
        Names the vectors.
    dtype : str
        Type of the vectors.
    host : str, default '127.0.0.1'
        Name or address by which the tasks reach this machine.
    bind : str, optional
        Address to listen at, if it is another.

    Yields
    ------
    ShardGroup

    Raises
    ------
    InputError
        If a process does not start.
    """
    of_shards, of_tasks = credentials()
    with ExitStack() as stack:
        started = []
        for layout in layouts(keys, shards, rule, dtype):
            process = stack.enter_context(_process())
            _tell(process, Start(layout, bind or host, of_shards))
            started.append(process)
        ports = [_port(process) for process in started]  # after all have begun: a process imports for a second
        yield ShardGroup(keys, tuple(RemoteShard(f"{host}:{port}", of_tasks) for port in ports))


@contextmanager
def _process() -> Iterator["subprocess.Popen[bytes]"]:
    paths = [str(LIBRARY), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "GRPC_VERBOSITY": "NONE"}
    process = subprocess.Popen(
        [sys.executable, "-m", "treefold.parameters.shard_process"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
    )  # fmt: skip
    try:
        yield process
    finally:
        _end(process)


def _tell(process: "subprocess.Popen[bytes]", start: Start) -> None:
    pipe: Any = process.stdin
    try:
        pickle.dump(start, pipe)
        pipe.flush()
    except OSError as error:
        raise _failed(process) from error


def _port(process: "subprocess.Popen[bytes]") -> int:
    pipe: Any = process.stdout
    line = pipe.readline()
    if not line:
        raise _failed(process)
    return int(line)


def _failed(process: "subprocess.Popen[bytes]") -> InputError:
    return InputError(
        f"a parameter shard ended at its start with status {process.wait(LEAVE)}: its own message is above; check "
        "that this machine has memory for the coefficients, and spark.driver.host"
    )


def _end(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()
    try:
        process.wait(LEAVE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
