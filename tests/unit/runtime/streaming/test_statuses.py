from __future__ import annotations

import json

from runtime.streaming.statuses import emit_exit, emit_failure


def test_exit_codes() -> None:
    assert json.loads(emit_exit(0, has_status=True)) == {"metadata": {}, "status": "Success"}
    assert json.loads(emit_exit(3, has_status=True)) == {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": "command terminated with non-zero exit code: exit status 3",
        "details": {"causes": [{"reason": "ExitCode", "message": "3"}]},
    }
    assert emit_exit(0, has_status=False) == b""
    assert emit_exit(3, has_status=False).endswith(b"exit status 3")


def test_failures() -> None:
    found = json.loads(emit_failure("no", has_status=True))
    assert (found["reason"], found["code"]) == ("InternalError", 500)
    assert found["message"] == "Internal error occurred: no"
    assert emit_failure("no", has_status=False) == b"no"
