"""Root causes as they are told: the cause that an item has of one, what it says whatever it says it of, the days of a trend."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from shared.contracts.groups import group_of, template_of
from shared.contracts.masking import mask_causes
from shared.contracts.masking.values import HIDDEN

TREND_DAYS: Final = 7
DAY: Final = timedelta(days=1)
A_DIGIT: Final = "0"
"""Stands for what is masked while a template is made: whatever has a digit is a value of it."""


def trend_days(now: datetime) -> list[datetime]:
    """Return the beginnings of the last TREND_DAYS days in UTC, today's last."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return [today - DAY * back for back in reversed(range(TREND_DAYS))]


def cause_of(group: str, kind: str, groups: Sequence[str], causes: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the cause of an item, in `groups`, that made it one of `group`; an empty one where a rule of earlier named the group."""
    for cause in causes:
        if group_of(kind, cause.get("code"), cause.get("message") or "") == group:
            return cause
    return causes[0] if causes and len(groups) == 1 else {}


def shown_cause(cause: Mapping[str, Any]) -> dict[str, Any]:
    """Return code, message and template of a cause as they may be seen. The template follows from the masked message: it tells no more."""
    [masked] = mask_causes([{"code": cause.get("code"), "message": cause.get("message") or ""}])
    return {**masked, "template": template_of(masked["message"].replace(HIDDEN, A_DIGIT))}
