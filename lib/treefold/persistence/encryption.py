"""Encryption of checkpoints with a key of the user.

A checkpoint is read by a later application, so its key cannot be Spark's, which makes a new one for every application.
The key is in a file that the user provides.
"""

from typing import Any

from treefold import locations
from treefold.errors import InputError

MARK = b"gAAAA"  # beginning of every Fernet token: a version, and leading zeros of the time
ONE = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"


class FernetCipher:
    """Fernet encryption with a key of 32 bytes: AES-128 in CBC mode with a random start, and an HMAC-SHA256.

    Parameters
    ----------
    uri : str
        A path or any URI of pyarrow.fs of a file with a Fernet key, 44 characters.

    Raises
    ------
    InputError
        If there is no such file, or it does not contain a key.
    """

    def __init__(self, uri: str) -> None:
        from cryptography.fernet import Fernet

        system, path = locations.opened(uri)
        try:
            with system.open_input_stream(path) as file:
                self.fernet: Any = Fernet(file.read().strip())
        except OSError as error:
            raise InputError(f"the key {uri} cannot be read ({error}): make one by {ONE}") from error
        except ValueError as error:
            raise InputError(f"{uri} holds no key: make one by {ONE}") from error
        self.uri = uri

    def encrypt(self, content: bytes) -> bytes:
        """The encrypted content."""
        token: bytes = self.fernet.encrypt(content)
        return token

    def decrypt(self, token: bytes) -> bytes | None:
        """The decrypted content; None if the key is another."""
        from cryptography.fernet import InvalidToken

        try:
            content: bytes = self.fernet.decrypt(token)
        except InvalidToken:
            return None
        return content


def is_encrypted(content: bytes) -> bool:
    """Whether :class:`FernetCipher` has encrypted the content."""
    return content.startswith(MARK)
