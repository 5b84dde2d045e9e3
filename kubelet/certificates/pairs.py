"""Pairs of certificate and private key on disk, one PEM file each, for their owner alone.

NAME.key.pending          a key whose certificate has been asked for: it is written before anybody is
                          asked, so that a crash does not lose an answer
NAME-20250101T000000.pem  a pair; the newest few are kept
NAME-current.pem          a symbolic link to the one in use, changed by rename
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from bronzewillow.host.files import replace_file, sync_folder
from bronzewillow.host.paths import make_private
from kubelet.certificates.errors import Denied

_KEPT = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate with its key."""

    path: Path
    certificate: x509.Certificate
    """The first of its file; the others are its chain."""
    pem: bytes = field(repr=False)

    @property
    def common_name(self) -> str:
        """Of the subject; empty without one."""
        found = self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(found[0].value) if found else ""

    @property
    def not_before(self) -> datetime:
        """When the certificate begins to be valid, in UTC."""
        return self.certificate.not_valid_before_utc

    @property
    def not_after(self) -> datetime:
        """When the certificate ends to be valid, in UTC."""
        return self.certificate.not_valid_after_utc

    def is_valid(self, now: datetime) -> bool:
        """Whether `now` is between the certificate's dates."""
        return self.not_before <= now < self.not_after


class PairFolder:
    """The pairs of one name."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._told = ""

    @property
    def current_path(self) -> Path:
        """Where the pair in use stands, always."""
        return self._folder / f"{self._name}-current.pem"

    def current(self) -> Pair | None:
        """The pair in use; None without one, or when it cannot be read, which is told of once."""
        try:
            found = _pair(self.current_path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            if str(error) != self._told:
                self._told = str(error)
                _log.warning("%s: is no certificate with its key: %s", self.current_path, error)
            return None
        self._told = ""
        return found

    def pending_key(self) -> EllipticCurvePrivateKey:
        """The key to ask with, on disk already; that of last time where its certificate has not come yet."""
        path = self._pending_path
        try:
            found = load_pem_private_key(path.read_bytes(), None)
            if isinstance(found, EllipticCurvePrivateKey):
                return found
        except FileNotFoundError:
            pass
        except (ValueError, TypeError) as error:
            _log.warning("%s: is no private key, another is made: %s", path, error)
        key = generate_private_key(SECP256R1())
        make_private(self._folder)
        replace_file(path, key_pem(key), private=True)
        return key

    def install(self, certificate_pem: bytes, key: EllipticCurvePrivateKey, now: datetime) -> Pair:
        """Make this the pair in use. Denied when it would not serve; the one before stays then."""
        try:
            certificate = x509.load_pem_x509_certificates(certificate_pem)[0]
        except ValueError:
            raise Denied("what was issued is no certificate in PEM") from None
        if certificate.public_key() != key.public_key():
            raise Denied("the certificate that was issued is for another key")
        if certificate.not_valid_after_utc <= now:
            raise Denied(f"the certificate that was issued ended at {certificate.not_valid_after_utc:%FT%TZ}")
        make_private(self._folder)
        path = self._folder / f"{self._name}-{now:%Y%m%dT%H%M%S}.pem"
        replace_file(path, certificate_pem.rstrip() + b"\n" + key_pem(key), private=True)
        self._point_to(path)
        self._pending_path.unlink(missing_ok=True)
        self._prune()
        return _pair(self.current_path)

    def forget(self) -> None:
        """Remove all of them."""
        for path in self._folder.glob(f"{self._name}[-.]*"):
            path.unlink(missing_ok=True)

    @property
    def _pending_path(self) -> Path:
        return self._folder / f"{self._name}.key.pending"

    def _point_to(self, path: Path) -> None:
        link = self._folder / f"{self._name}-current.{os.getpid()}.new"
        link.unlink(missing_ok=True)
        link.symlink_to(path.name)
        link.replace(self.current_path)
        sync_folder(self._folder)

    def _prune(self) -> None:
        for path in sorted(self._folder.glob(f"{self._name}-2*.pem"))[:-_KEPT]:
            path.unlink(missing_ok=True)


def key_pem(key: EllipticCurvePrivateKey) -> bytes:
    """The private key in PEM, which is a secret."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _pair(path: Path) -> Pair:
    """The certificate and key in the file. OSError, ValueError."""
    pem = path.read_bytes()
    certificate = x509.load_pem_x509_certificates(pem)[0]
    try:
        key = load_pem_private_key(pem[pem.index(b"-----BEGIN PRIVATE KEY") :], None)
    except TypeError as error:
        raise ValueError(str(error)) from None
    if key.public_key() != certificate.public_key():
        raise ValueError("the key is not the certificate's")
    return Pair(path, certificate, pem)
