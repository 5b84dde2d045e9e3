from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client import CollectorRegistry

from kubelet.certificates.metrics import CertificateTimes
from kubelet.certificates.pairs import PairFolder
from kubelet.certificates.requests import client_request
from kubelet.certificates.self_signed import self_signed_pem


def test_the_seconds_that_are_left(tmp_path: Path) -> None:
    now, pairs = datetime.now(UTC).replace(microsecond=0), PairFolder(tmp_path, "client")
    key = pairs.pending_key()
    pair = pairs.install(self_signed_pem(client_request("mac-1"), key, now), key, now)
    registry = CollectorRegistry()
    an_hour_before = pair.not_after - timedelta(hours=1)
    registry.register(CertificateTimes(pairs.current, lambda: None, lambda: an_hour_before))
    value, name = registry.get_sample_value, "kubelet_certificate_manager_{}_ttl_seconds"
    assert value(name.format("client")) == 3600
    assert value(name.format("server")) == math.inf
