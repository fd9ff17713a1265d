"""Keys that pseudonymise and encrypt values, from a file that only its owner can read."""

import base64
import hmac
import os
import stat
from pathlib import Path
from typing import Any, NamedTuple, Self

from treefold.errors import InputError

MAKE_ONE = "(umask 077; python -c 'import secrets; print(secrets.token_hex(32))' > FILE)"
KEY_BYTES, NONCE_BYTES, PSEUDONYM_DIGITS, MOST_FILE = 32, 12, 32, 1 << 16
RANDOM, DETERMINISTIC = "r", "d"


class Key(NamedTuple):
    """A secret of 32 bytes. The keys of pseudonyms, of encryption and of its name are derived from it.

    The derivation is one block of HKDF-Expand (RFC 5869) with SHA-256, or two for AES-SIV, which takes 64 bytes.
    """

    secret: bytes

    def __repr__(self) -> str:
        return f"Key({self.name})"  # never the secret: a representation may come into a log

    @property
    def name(self) -> str:
        """Eight hexadecimal digits that tell keys apart and say nothing about the secret."""
        return self._derived("name").hex()[:8]

    def pseudonyms(self, texts: list[str]) -> list[str]:
        """The first 128 bits of the HMAC-SHA-256 of each text, as 32 hexadecimal digits."""
        derived = self._derived("pseudonym")
        return [hmac.digest(derived, text.encode(), "sha256").hex()[:PSEUDONYM_DIGITS] for text in texts]

    def encrypted(self, texts: list[str], deterministic: bool) -> list[str]:
        """Ciphertexts ``tf1.MODE.KEY.BASE64``: AES-SIV (RFC 5297) if deterministic, else AES-GCM, nonces at random."""
        how = DETERMINISTIC if deterministic else RANDOM
        cipher, head = self._cipher(how), f"tf1.{how}.{self.name}."
        if deterministic:
            made = (cipher.encrypt(text.encode(), None) if text else b"" for text in texts)
        else:
            nonces = os.urandom(NONCE_BYTES * len(texts))
            made = (
                (nonce := nonces[i * NONCE_BYTES : (i + 1) * NONCE_BYTES]) + cipher.encrypt(nonce, text.encode(), None)
                for i, text in enumerate(texts)
            )
        return [head + base64.urlsafe_b64encode(each).decode() for each in made]

    def decrypted(self, how: str, content: bytes) -> str:
        """The text of a ciphertext; ValueError if it is damaged or of another key."""
        from cryptography.exceptions import InvalidTag

        cipher = self._cipher(how)
        try:
            if how == RANDOM:
                plain: bytes = cipher.decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], None)
            else:
                plain = cipher.decrypt(content, None) if content else b""
        except InvalidTag as error:
            raise ValueError("a ciphertext is damaged") from error
        return plain.decode()

    def _cipher(self, how: str) -> Any:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

        return AESGCM(self._derived("gcm")) if how == RANDOM else AESSIV(self._derived("siv") + self._derived("siv2"))

    def _derived(self, purpose: str) -> bytes:
        return hmac.digest(self.secret, f"treefold {purpose}".encode() + b"\x01", "sha256")


class Keys(NamedTuple):
    """The keys of a file: the first one protects, all of them decrypt."""

    keys: tuple[Key, ...]

    @classmethod
    def read(cls, path: str) -> Self:
        """The keys of a file, 64 hexadecimal digits in each line.

        Raises
        ------
        InputError
            If there is no such file, it is another user's, others may read or write it, or it holds anything else.
        """
        try:
            with open(path, "rb") as file:
                told = os.fstat(file.fileno())
                content = file.read(MOST_FILE)
        except OSError as error:
            raise InputError(f"the key {path} cannot be read ({error.strerror}): make one by {MAKE_ONE}") from error
        if not stat.S_ISREG(told.st_mode) or told.st_uid != os.geteuid():
            raise InputError(f"the key {path} belongs to another user or is no file: name a file of your own")
        if told.st_mode & 0o077:
            raise InputError(f"others may read or write the key {path}: take that from them (chmod 600 {path})")
        try:
            found = tuple(Key(bytes.fromhex(line)) for line in content.decode("ascii").split())
        except ValueError:
            found = ()
        if not found or any(len(key.secret) != KEY_BYTES for key in found):
            raise InputError(f"{Path(path)} holds no key of 64 hexadecimal digits: make one by {MAKE_ONE}")
        return cls(found)

    @property
    def first(self) -> Key:
        """The key that protects."""
        return self.keys[0]

    def decrypted(self, token: str) -> str:
        """The text that was encrypted.

        Raises
        ------
        InputError
            If it is no ciphertext of :meth:`Key.encrypted`, is damaged, or its key is not among these.
        """
        version, _, rest = token.partition(".")
        how, _, rest = rest.partition(".")
        name, _, content = rest.partition(".")
        if version != "tf1" or how not in (RANDOM, DETERMINISTIC):
            raise InputError("a value is no ciphertext of treefold: decrypt columns with the policy encrypt alone")
        key = next((key for key in self.keys if key.name == name), None)
        if key is None:
            raise InputError(
                f"a value was encrypted with the key {name}: add that key to the file, in a line of its own"
            )
        try:
            return key.decrypted(how, base64.urlsafe_b64decode(content))
        except ValueError as error:
            raise InputError("a ciphertext is damaged: restore the file") from error
