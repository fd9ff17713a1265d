"""Who may connect to the task pool, and what whoever may not costs."""

import pickle
import socket
import ssl
import threading
import time

import pytest

from treefold.engine.execution.message_socket import JOINED, MessageSocket
from treefold.engine.execution.pool_listeners import TlsListener, UnixListener
from treefold.runtime.certificates import SERVER, credentials
from treefold.runtime.tls import client_context

SOON = 30.0  # seconds, which nothing here takes


def soon() -> float:
    return time.monotonic() + SOON


def tls() -> TlsListener:
    return TlsListener("127.0.0.1", "127.0.0.1")


def answering(address, answers: list) -> threading.Thread:
    """A client that sends back what it receives, twice over, until the other side closes."""

    def serve():
        try:
            with address.connect() as line:
                line.send(b"here")
                while True:
                    line.send(2 * bytes(line.receive()))
        except EOFError as error:
            answers.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


@pytest.mark.parametrize("listen", [UnixListener, tls])
@pytest.mark.parametrize("size", [0, 1, JOINED, JOINED + 1, 5 << 20])
def test_messages_of_any_size_go_there_and_back(listen, size):
    ended: list = []
    with listen() as listener:
        thread = answering(pickle.loads(pickle.dumps(listener.address)), ended)
        line = listener.accept(soon())
    with line:
        assert line.receive(soon()) == b"here"
        message = bytes(range(256)) * (size // 256) + bytes(size % 256)
        for _ in range(2):
            line.send(message, soon())
            assert line.receive(soon()) == 2 * message
    thread.join(SOON)
    assert len(ended) == 1


@pytest.mark.parametrize("listen", [UnixListener, tls])
def test_an_answer_that_does_not_come_ends_at_the_deadline(listen):
    over = threading.Event()

    def silent(address):
        with address.connect():
            over.wait(SOON)

    with listen() as listener:
        thread = threading.Thread(target=silent, args=(listener.address,))
        thread.start()
        with listener.accept(soon()) as line, pytest.raises(TimeoutError):
            line.receive(time.monotonic() + 0.05)
    over.set()
    thread.join(SOON)


@pytest.mark.parametrize("listen", [UnixListener, tls])
def test_nobody_connects_after_the_listener_is_closed(listen):
    with listen() as listener, pytest.raises(TimeoutError):
        listener.accept(time.monotonic() + 0.01)
    with pytest.raises((ConnectionRefusedError, FileNotFoundError)):
        listener.address.connect()


def told(stream: socket.socket) -> bytes:
    """What the other side says; empty if it closes the connection."""
    stream.settimeout(SOON)
    try:
        return stream.recv(1)
    except ConnectionError:
        return b""


def refused(where: tuple, context: ssl.SSLContext) -> bool:
    """Whether a client is refused; in TLS 1.3 it learns that by the first answer."""
    try:
        with (
            socket.create_connection(where) as stream,
            context.wrap_socket(stream, server_hostname=SERVER) as line,
        ):
            line.settimeout(SOON)
            return not line.recv(1)
    except (ssl.SSLError, ConnectionError):
        return True


def test_strangers_are_refused_and_keep_nobody_waiting():
    """Without TLS, without a certificate, with one of another authority, or silent: only the task gets in."""
    with tls() as listener:
        where = (listener.address.host, listener.address.port)
        silent = socket.create_connection(where)
        plain = socket.create_connection(where)
        plain.sendall(b"x" * 100)
        anonymous = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anonymous.load_verify_locations(cadata=listener.address.credentials.authority.decode())
        _, of_another = credentials()
        mixed = of_another._replace(authority=listener.address.credentials.authority)
        assert refused(where, anonymous)
        assert refused(where, client_context(mixed))
        assert told(plain)[:1] != b"h"
        with listener.address.connect() as task:
            task.send(b"here")
            with listener.accept(soon()) as line:
                assert line.receive(soon()) == b"here"
            with pytest.raises(TimeoutError):
                listener.accept(time.monotonic() + 0.05)
        silent.close()
        plain.close()


def test_a_task_refuses_a_driver_of_another_authority():
    with tls() as listener, tls() as other:
        _, mine = listener.address.credentials, other.address.credentials
        with (
            socket.create_connection((listener.address.host, listener.address.port)) as stream,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            MessageSocket(client_context(mine).wrap_socket(stream, server_hostname=SERVER))


def test_no_key_is_shown():
    with tls() as listener:
        assert "KEY" not in repr(listener.address)
