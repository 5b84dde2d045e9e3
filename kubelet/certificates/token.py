"""Bootstrap tokens: `ID.SECRET` (kubernetes/kubernetes staging/src/k8s.io/cluster-bootstrap/token/api)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from kubelet.certificates.errors import InvalidArgument

_TOKEN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")


@dataclass(frozen=True, slots=True)
class BootstrapToken:
    """A token; its text never shows the secret unless asked for by name."""

    id: str
    """Public: names the token in the cluster."""
    secret: str = field(repr=False)

    @property
    def bearer(self) -> str:
        """The whole of it, as HTTP's Authorization takes it. Secret."""
        return f"{self.id}.{self.secret}"


def parse_token(text: str) -> BootstrapToken:
    """`text` may have space around it, as files have. InvalidArgument, which does not repeat the text."""
    found = _TOKEN.fullmatch(text.strip())
    if found is None:
        raise InvalidArgument(
            "token: expected ID.SECRET of 6 and 16 characters a-z 0-9, such as abcdef.0123456789abcdef; "
            "`kubeadm token create` makes one"
        )
    return BootstrapToken(found[1], found[2])
