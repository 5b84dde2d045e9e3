from __future__ import annotations

import itertools

from bronzewillow.adapters.network import Cni
from bronzewillow.testing.lab.peers.cases import CASES


def test_each_case_has_a_name_of_its_own() -> None:
    names = [(case.name, case.families, case.family) for case in CASES]
    assert len(set(names)) == len(names)


def test_clusters_stand_together() -> None:
    """A lab is kept for the next case of the same cluster."""
    clusters = [(case.name, case.families) for case in CASES]
    changes = sum(one != other for one, other in itertools.pairwise(clusters))
    assert changes == len(set(clusters)) - 1


def test_every_family_is_tried_with_each_cni() -> None:
    tried = {(case.make_peer.cni, case.family.version) for case in CASES}
    assert tried >= {(cni, version) for cni in {case.make_peer.cni for case in CASES} for version in (4, 6)}
    assert Cni.FLANNEL in {case.make_peer.cni for case in CASES}
