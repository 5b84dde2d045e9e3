"""Lines of a diagnosis."""

from __future__ import annotations

from bronzewillow.doctor.findings import Finding, Verdict, is_healthy


def test_a_line_has_verdict_subject_and_cure() -> None:
    assert str(Finding(Verdict.BROKEN, "CNI", "none", "name it")) == "broken   CNI: none; name it"
    assert str(Finding(Verdict.GOOD, "CNI", "flannel")) == "good     CNI: flannel"


def test_warnings_are_healthy() -> None:
    assert is_healthy([Finding(Verdict.WARNING, "a", "b"), Finding(Verdict.GOOD, "a", "b")])
    assert not is_healthy([Finding(Verdict.BROKEN, "a", "b")])
