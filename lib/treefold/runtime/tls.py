"""TLS 1.3 contexts in which both sides show a certificate of the same authority.

OpenSSL reads a key from a file only. A file of anonymous memory keeps it off every disk.
"""

import os
import ssl

from treefold.errors import InputError
from treefold.runtime.certificates import Credentials


def server_context(credentials: Credentials) -> ssl.SSLContext:
    """Context of a server that accepts clients of its own authority only.

    Raises
    ------
    InputError
        If the system has no files of anonymous memory.
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER, credentials)
    context.num_tickets = 0  # no session is resumed
    return context


def client_context(credentials: Credentials) -> ssl.SSLContext:
    """Context of a client that accepts a server of its own authority only.

    Raises
    ------
    InputError
        If the system has no files of anonymous memory.
    """
    return _context(ssl.PROTOCOL_TLS_CLIENT, credentials)


def _context(protocol: int, credentials: Credentials) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=credentials.authority.decode())
    if not hasattr(os, "memfd_create"):
        raise InputError("this system has no memfd_create, so a key would have to be written to a disk")
    with os.fdopen(os.memfd_create("treefold"), "wb") as memory:
        memory.write(credentials.key + credentials.certificate)
        memory.flush()
        context.load_cert_chain(f"/proc/self/fd/{memory.fileno()}")
    return context
