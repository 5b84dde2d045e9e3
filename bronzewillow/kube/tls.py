"""The TLS side of a client: whom it believes, and what it shows."""

from __future__ import annotations

import os
import ssl
import tempfile
from pathlib import Path

from bronzewillow.host.authorities import overlooked_authorities
from bronzewillow.kube.access import Cluster, Presented
from bronzewillow.kube.errors import BadCredentials


def client_context(cluster: Cluster, presented: Presented) -> ssl.SSLContext:
    """For connections to `cluster` that show the certificate of `presented`, if any. BadCredentials."""
    try:
        context = ssl.create_default_context(cadata=cluster.ca_pem.decode("ascii", "replace") or None)
    except ssl.SSLError as error:
        raise BadCredentials(
            f"{cluster.server}: its CA is no certificate in PEM form: {error.reason}"
        ) from None
    if not cluster.ca_pem and (overlooked := overlooked_authorities()) is not None:
        context.load_verify_locations(overlooked)
    # Python 3.13 asks for extensions that the CAs of many clusters lack; Go, and so kubectl, does not.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols(["http/1.1"])
    if cluster.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if presented.certificate_pem:
        load_pair(context, presented.certificate_pem, presented.key_pem)
    return context


def load_pair(context: ssl.SSLContext, certificate_pem: bytes, key_pem: bytes) -> None:
    """What this side shows. BadCredentials.

    OpenSSL by Python takes files only: they stand for a moment in a folder that is ours alone.
    """
    with tempfile.TemporaryDirectory(prefix="bronzewillow-") as folder:
        certificate, key = Path(folder) / "certificate.pem", Path(folder) / "key.pem"
        for path, content in ((certificate, certificate_pem), (key, key_pem)):
            with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(content)
        try:
            context.load_cert_chain(certificate, key, password=lambda: b"")
        except (ssl.SSLError, ValueError) as error:
            reason = error.reason if isinstance(error, ssl.SSLError) else error
            raise BadCredentials(
                f"the certificate and its key do not go together, or are no PEM: {reason}"
            ) from None
