"""A seal: encryption of what is kept on disk, with a key of the user's own.

The key must outlive the application, or nothing could be gone on with after its end; so it is none of Spark's, which
makes a new one for every application, but stands in a file that whoever runs the job is given.
"""

from typing import Any

from treefold.errors import InputError
from treefold.store import opened

MARK = b"gAAAA"  # every Fernet token begins so: a version and the time in seconds, for centuries to come
ONE = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"


class Seal:
    """Fernet: AES-128 in CBC mode with a random start, and an HMAC-SHA256 of it all, from one key of 32 bytes.

    Parameters
    ----------
    uri : str
        A path or any URI of pyarrow.fs: a file that holds a Fernet key, 44 characters.

    Raises
    ------
    InputError
        If there is no such file, it holds no key, or the extra ``encryption`` is not installed.
    """

    def __init__(self, uri: str) -> None:
        try:
            from cryptography.fernet import Fernet
        except ImportError as error:
            raise InputError(
                "cryptography is not installed: run ./spark-submit.sh --setup encryption, or install it"
            ) from error
        system, path = opened(uri)
        try:
            with system.open_input_stream(path) as file:
                self.fernet: Any = Fernet(file.read().strip())
        except OSError as error:
            raise InputError(f"the key {uri} cannot be read ({error}): make one by {ONE}") from error
        except ValueError as error:
            raise InputError(f"{uri} holds no key: make one by {ONE}") from error
        self.uri = uri

    def closed(self, content: bytes) -> bytes:
        """The content, encrypted."""
        token: bytes = self.fernet.encrypt(content)
        return token

    def opened(self, token: bytes) -> bytes | None:
        """The content; None if the key is another."""
        from cryptography.fernet import InvalidToken

        try:
            content: bytes = self.fernet.decrypt(token)
        except InvalidToken:
            return None
        return content


def is_sealed(content: bytes) -> bool:
    """Whether a content is one that :class:`Seal` made."""
    return content.startswith(MARK)
