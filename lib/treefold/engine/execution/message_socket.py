"""Messages over a connected stream socket, plain or TLS: each is preceded by its length.

``multiprocessing.connection`` has no TLS and no limit of time for a whole message. Arrow Flight would start threads of
gRPC in the driver, after which the user's own code must not fork (apache/arrow#38617).
"""

import socket
import time
from typing import Self

LENGTH = 8  # bytes of the length of a message
JOINED = 64 << 10  # bytes up to which length and message are sent at once
LEAST = 0.001  # seconds; 0 would mean not to wait at all


class MessageSocket:
    """A connected socket that sends and receives whole messages.

    Parameters
    ----------
    stream : socket.socket
        The socket, which belongs to this object from now on.
    """

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        if stream.family != socket.AF_UNIX:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            keep_alive(stream)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def send(self, message: bytes, deadline: float | None = None) -> None:
        """Send a message.

        Parameters
        ----------
        message : bytes
            The message.
        deadline : float, optional
            When to give up, in seconds of ``time.monotonic``.

        Raises
        ------
        OSError
            If the other side is gone, or, as ``TimeoutError``, takes nothing before the deadline.
        """
        self._limit(deadline)
        length = len(message).to_bytes(LENGTH, "big")
        if len(message) <= JOINED:
            self._stream.sendall(length + message)
            return
        self._stream.sendall(length)
        self._stream.sendall(message)

    def receive(self, deadline: float | None = None) -> bytearray:
        """The next message.

        Parameters
        ----------
        deadline : float, optional
            When to give up, in seconds of ``time.monotonic``.

        Returns
        -------
        bytearray

        Raises
        ------
        EOFError
            If the other side has closed the connection.
        OSError
            If the other side is gone, or, as ``TimeoutError``, the message is not complete before the deadline.
        """
        length = int.from_bytes(self._exactly(LENGTH, deadline), "big")
        return self._exactly(length, deadline)

    def close(self) -> None:
        """Close the connection; the other side then receives an ``EOFError``."""
        self._stream.close()

    def _exactly(self, size: int, deadline: float | None) -> bytearray:
        found = bytearray(size)
        view, have = memoryview(found), 0
        while have < size:
            self._limit(deadline)
            count = self._stream.recv_into(view[have:])
            if not count:
                raise EOFError("the other side has closed the connection")
            have += count
        return found

    def _limit(self, deadline: float | None) -> None:
        self._stream.settimeout(None if deadline is None else max(LEAST, deadline - time.monotonic()))


def keep_alive(stream: socket.socket) -> None:
    """Have the system ask an idle peer whether it is there, so that one whose host is gone is found out in 25 s."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):  # Linux
            stream.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
