"""Certificates of one fit: an authority of its own signs one for its servers and one for their clients.

The keys live in the memory of the processes of the fit and are never written to a file. Whoever has no certificate of
this authority, such as another application, can neither connect to a server nor pose as one.
"""

import datetime
from typing import Any, NamedTuple

SERVER, CLIENT = "treefold-server", "treefold-client"
LIFE = datetime.timedelta(days=365)
SKEW = datetime.timedelta(days=1)  # by which the clocks of machines may differ


class Credentials(NamedTuple):
    """A certificate with its key, and the certificate of the authority that signed it, in PEM."""

    authority: bytes
    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        """Nothing secret."""
        return "Credentials(...)"


def credentials() -> tuple[Credentials, Credentials]:
    """Credentials of the servers and of their clients, signed by a new authority whose own key is forgotten."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID as Usage

    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("treefold", authority_key, authority_key, None)

    def signed(name: str, usage: Any) -> Credentials:
        key = ec.generate_private_key(ec.SECP256R1())
        return Credentials(_pem(authority), _pem(_certificate(name, key, authority_key, usage)), _key_pem(key))

    return signed(SERVER, Usage.SERVER_AUTH), signed(CLIENT, Usage.CLIENT_AUTH)


def _certificate(name: str, key: Any, authority_key: Any, usage: Any) -> Any:
    """A certificate for a key: of the authority itself if no usage is given."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import NameOID

    def named(text: str) -> Any:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named("treefold"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + LIFE)
        .add_extension(x509.BasicConstraints(ca=usage is None, path_length=None), critical=True)
    )
    if usage is not None:
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        made = made.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return made.sign(authority_key, hashes.SHA256())


def _pem(certificate: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    found: bytes = certificate.public_bytes(Encoding.PEM)
    return found


def _key_pem(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    found: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return found
