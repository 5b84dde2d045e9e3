from __future__ import annotations

import io
import json

import pytest

from bronzewillow.cni.__main__ import main


def test_an_error_is_json_on_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CNI_COMMAND", "ADD")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"{")))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert json.loads(capsys.readouterr().out)["code"] == 6
    monkeypatch.setenv("CNI_COMMAND", "VERSION")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"{}")))
    main()
    assert "1.1.0" in json.loads(capsys.readouterr().out)["supportedVersions"]
