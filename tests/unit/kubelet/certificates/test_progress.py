from __future__ import annotations

import pytest

from kubelet.certificates.progress import Issued, Pending, Refused, progress_of

APPROVED = {"type": "Approved", "status": "True"}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, Pending()),
        ({"conditions": []}, Pending()),
        ({"conditions": [APPROVED]}, Pending()),
        ({"certificate": "Q0VSVA=="}, Pending()),
        ({"conditions": [APPROVED], "certificate": "Q0VSVA=="}, Issued(b"CERT")),
        ({"conditions": [APPROVED], "certificate": "?"}, Refused("its certificate is not base64")),
        (
            {"conditions": [{"type": "Denied", "reason": "No", "message": "not in this fleet"}]},
            Refused("denied: No: not in this fleet"),
        ),
        ({"conditions": [APPROVED, {"type": "Failed"}], "certificate": "Q0VSVA=="}, Refused("failed")),
    ],
)
def test_how_far_a_request_is(status: object, expected: object) -> None:
    assert progress_of({"status": status}) == expected
