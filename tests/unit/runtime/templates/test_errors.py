from __future__ import annotations

from runtime.templates.errors import TemplateError


def test_a_template_error_says_its_place() -> None:
    error = TemplateError("no such thing", 12)
    assert str(error) == "template:12: no such thing"
    assert (error.line, error.reason) == (12, "no such thing")
