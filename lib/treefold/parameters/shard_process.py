"""The process of a shard: reads what it holds from its input, writes its port, and ends when its input does.

The input is a pipe of the driver. It is closed when the fit ends, and by the system when the driver dies, so no process
is left behind.
"""

import os
import pickle
import signal
import sys
from typing import NamedTuple

from treefold.parameters.shard import Layout, Shard
from treefold.runtime.certificates import Credentials


class Start(NamedTuple):
    """What a process is told: what its shard holds, where it listens, and its certificate."""

    layout: Layout
    host: str
    credentials: Credentials


def main() -> None:
    """Serve a shard."""
    from treefold.parameters.flight import ShardServer

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal: the driver decides
    start: Start = pickle.load(sys.stdin.buffer)
    server = ShardServer(Shard(start.layout), start.host, start.credentials)
    print(server.port, flush=True)
    sys.stdin.buffer.read()
    os._exit(0)  # a shutdown would wait for requests of tasks that have been given up


if __name__ == "__main__":
    main()
