"""From the cluster's changes to the table of its Services: each as it comes, as one alone is little work."""

from __future__ import annotations

from bronzewillow.cluster.observer import Observer
from bronzewillow.cluster.watched import ENDPOINT_SLICES, SERVICE_KINDS, SERVICES
from bronzewillow.kube.cache import Change, ChangeType
from bronzewillow.services.endpoints import service_of
from bronzewillow.services.table import ServiceTable


class ServiceFeed:
    """Keeps a ServiceTable in step with a cluster's Services and EndpointSlices."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._table = ServiceTable()
        observer.listen(SERVICES, self._on_services)
        observer.listen(ENDPOINT_SLICES, self._on_slices)

    @property
    def table(self) -> ServiceTable | None:
        """None before all Services are known: what is no Service yet would be taken for a host's name."""
        return self._table if self._observer.knows(*SERVICE_KINDS) else None

    def _on_services(self, changes: list[Change]) -> None:
        for change in changes:
            if change.type is ChangeType.DELETED:
                self._table.drop_service(change.object)
            else:
                self._table.put_service(change.object)

    def _on_slices(self, changes: list[Change]) -> None:
        for change in changes:
            old = change.old
            if change.type is ChangeType.DELETED:
                self._table.drop_slice(change.object)
                continue
            if old is not None and service_of(old) != service_of(change.object):
                self._table.drop_slice(old)
            self._table.put_slice(change.object)
