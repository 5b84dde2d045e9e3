from __future__ import annotations

from bronzewillow.kube.access import Access, Cluster, Presented
from bronzewillow.kube.identity import HeldIdentity


def test_secrets_are_not_printed() -> None:
    presented = Presented(certificate_pem=b"shown", key_pem=b"hidden-key", token="hidden-token")
    text = repr(Access(Cluster("https://a"), HeldIdentity(presented))) + repr(presented)
    assert "shown" in text
    assert "hidden" not in text
