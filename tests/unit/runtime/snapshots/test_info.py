from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.snapshots.info import Info, Kind, Mount, Usage, parse_info


@given(
    st.text(),
    st.text(),
    st.sampled_from(Kind),
    st.datetimes(timezones=st.just(UTC)),
    st.dictionaries(st.text(), st.text(), max_size=3),
)
def test_what_is_kept_is_read_back(
    name: str, parent: str, kind: Kind, when: datetime, labels: dict[str, str]
) -> None:
    info = Info(name, parent, kind, when, when, labels)
    assert parse_info(json.loads(json.dumps(info.to_json()))) == info


@pytest.mark.parametrize("value", [None, {}, [], {"labels": []}, {"labels": {}, "name": "x", "kind": "odd"}])
def test_other_json_is_none(value: object) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        parse_info(value)


def test_mounts_and_usage() -> None:
    assert Mount(Path("/a"), read_only=True).options == ("rbind", "ro")
    assert Usage(1, 2) + Usage(3, 4) == Usage(4, 6)
