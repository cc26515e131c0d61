from dataclasses import fields, replace
from typing import Any

from shared.contracts.entries import LogEntry, with_causes


def test_other_causes_leave_every_other_field_as_it_is() -> None:
    told: dict[str, Any] = {one.name: f"the {one.name}" for one in fields(LogEntry)}
    entry = LogEntry(**told)

    assert with_causes(entry, [{"code": "X"}]) == replace(entry, causes=[{"code": "X"}])
    assert entry.causes == "the causes"
