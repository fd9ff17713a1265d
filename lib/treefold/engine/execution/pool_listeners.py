"""Where tasks of the pool connect to the driver: a Unix socket on the same machine, TLS on a cluster.

A listener is open until all tasks have connected. Only its address, which travels in the closure of the tasks, lets a
process connect: the socket file is in a folder that its user alone can enter, and a TLS client needs the certificate.
"""

import logging
import queue
import socket
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from treefold.engine.execution.message_socket import LEAST, MessageSocket
from treefold.runtime.certificates import SERVER, Credentials, credentials
from treefold.runtime.tls import client_context, server_context

HANDSHAKE = 10.0  # seconds that either side has to prove who it is
BACKLOG = 1024

log = logging.getLogger(__name__)


class Address(Protocol):
    """Where a task connects."""

    def connect(self) -> MessageSocket:
        """Connect to the driver; OSError if it does not listen any more."""
        ...


class Listener(Protocol):
    """Accepts the tasks of one pool, within a ``with`` statement."""

    @property
    def address(self) -> Address:
        """Where the tasks connect."""
        ...

    def accept(self, deadline: float) -> MessageSocket:
        """The next task that has connected; TimeoutError if none has before the deadline of ``time.monotonic``."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


@dataclass(frozen=True)
class UnixAddress:
    """Path of a Unix socket."""

    path: str

    def connect(self) -> MessageSocket:
        """See :class:`Address`."""
        stream = socket.socket(socket.AF_UNIX)
        stream.connect(self.path)
        return MessageSocket(stream)


class UnixListener:
    """A Unix socket in a folder that only its user can enter."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="treefold-")
        self.address = UnixAddress(str(Path(self._folder.name, "listener")))
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.address.path)
        self._listener.listen(BACKLOG)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.close()
        self._folder.cleanup()

    def accept(self, deadline: float) -> MessageSocket:
        """See :class:`Listener`."""
        self._listener.settimeout(max(LEAST, deadline - time.monotonic()))
        return MessageSocket(self._listener.accept()[0])


@dataclass(frozen=True)
class TlsAddress:
    """Host and port of the driver, and the certificate of the tasks."""

    host: str
    port: int
    credentials: Credentials

    def connect(self) -> MessageSocket:
        """See :class:`Address`."""
        stream = socket.create_connection((self.host, self.port), HANDSHAKE)
        return MessageSocket(client_context(self.credentials).wrap_socket(stream, server_hostname=SERVER))


class TlsListener:
    """A port of the driver that takes clients with a certificate made for it, and nobody else.

    A connection that proves nothing costs a thread until ``HANDSHAKE`` is over and keeps no other waiting.

    Parameters
    ----------
    host : str
        Name or address by which executors reach the driver.
    bind : str
        Address at which the driver listens.
    port : int
        Port; 0 lets the system choose.

    Raises
    ------
    InputError
        If certificates cannot be made here.
    OSError
        If the address or port cannot be had.
    """

    def __init__(self, host: str, bind: str, port: int = 0) -> None:
        own, of_tasks = credentials()
        self._context = server_context(own)
        bind, host = bind.strip("[]"), host.strip("[]")
        family = socket.AF_INET6 if ":" in bind else socket.AF_INET
        self._listener = socket.create_server((bind, port), family=family, backlog=BACKLOG)
        self.address = TlsAddress(host, self._listener.getsockname()[1], of_tasks)
        self._accepted: queue.SimpleQueue[MessageSocket] = queue.SimpleQueue()
        self._closed = threading.Event()
        threading.Thread(target=self._accept_all, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._closed.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # close() alone would leave accept() waiting
        self._listener.close()
        self._disconnect()

    def accept(self, deadline: float) -> MessageSocket:
        """See :class:`Listener`."""
        try:
            return self._accepted.get(timeout=max(LEAST, deadline - time.monotonic()))
        except queue.Empty:
            raise TimeoutError("no task has connected") from None

    def _accept_all(self) -> None:
        while True:
            try:
                stream, peer = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._authenticate, args=(stream, peer), daemon=True).start()

    def _authenticate(self, stream: socket.socket, peer: tuple) -> None:
        stream.settimeout(HANDSHAKE)
        try:
            line = MessageSocket(self._context.wrap_socket(stream, server_side=True))
        except OSError as error:
            stream.close()
            log.info("a connection of %s to the task pool is refused: %s", peer[0], error)
            return
        self._accepted.put(line)
        if self._closed.is_set():
            self._disconnect()

    def _disconnect(self) -> None:
        """Close connections that nobody has taken."""
        with suppress(queue.Empty):
            while True:
                self._accepted.get_nowait().close()
