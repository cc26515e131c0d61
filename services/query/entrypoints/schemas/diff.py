"""A comparison with the last success, out: its JSON and its schema."""

from typing import Any, Literal

from pydantic import Field

from services.query.core.diff import Change
from services.query.entrypoints.answers import Json, causes_json
from services.query.entrypoints.schemas.base import Answer, Instant
from services.query.entrypoints.schemas.entries import CauseAnswer
from services.query.handlers.comparing import Basis, Comparison, Incomparable
from shared.contracts.catalogue import Language
from shared.contracts.entries import Attempt, LogEntry
from shared.contracts.events import Status
from shared.contracts.names import Kind
from shared.contracts.times import format_instant


class SuccessAnswer(Answer):
    """The attempt that is compared with."""

    processed_at: Instant
    received_at: Instant


class StatusDiff(Answer):
    """The status then and now."""

    before: Status | None = Field(description="null: it never succeeded")
    after: Status


class CausesDiff(Answer):
    """The causes then and now."""

    before: list[CauseAnswer] | None = Field(description="null: nobody knows any more")
    after: list[CauseAnswer]


class ChangeAnswer(Answer):
    """One difference. A change of personal data is told with both sides masked."""

    path: str = Field(description="JSON pointer (RFC 6901)", examples=["/items/0/price"])
    change: Literal["added", "removed", "changed"]
    before: Any = Field(description="null where it was added", examples=[10.5])
    after: Any = Field(description="null where it was removed", examples=[11])


class PayloadDiff(Answer):
    """The changes of the payload, in the order of its fields; members of lists are compared by their place."""

    comparable: bool
    reason: Incomparable | None = Field(
        description="why not: `no_success` to compare with, or the payload of then (`cut_before`) or of now (`cut_after`) was too "
        "long to be stored"
    )
    changes: list[ChangeAnswer]
    cut: bool = Field(description="there are more than the 500 changes told")
    masked_at_write: bool = Field(description="personal data was taken out before it was stored, and is not compared")


class DiffAnswer(Answer):
    """What changed on an item since it last worked."""

    kind: Kind
    affiliate: str
    code: str
    basis: Basis = Field(
        description="`attempt`: compared with the last success. `current`: that is the newest. `expired`: its attempt is no longer "
        "kept. `never`: it has not succeeded yet"
    )
    last_success_at: Instant | None
    last_success: SuccessAnswer | None = Field(description="null where it is not kept")
    status: StatusDiff
    causes: CausesDiff
    payload: PayloadDiff


def diff_json(found: Comparison, language: Language) -> Json:
    """Return a comparison as JSON, shaped as DiffAnswer."""
    entry, success = found.entry, found.entry if found.basis == "current" else found.success
    changes = found.payload
    return {
        "kind": entry.kind,
        "affiliate": entry.affiliate,
        "code": entry.code,
        "basis": found.basis,
        "last_success_at": format_instant(entry.last_success_at) if entry.last_success_at else None,
        "last_success": _success_json(success),
        "status": {"before": None if found.basis == "never" else "success", "after": entry.status},
        "causes": {
            "before": None if success is None else causes_json(success.causes, language),
            "after": causes_json(entry.causes, language),
        },
        "payload": {
            "comparable": changes is not None,
            "reason": found.incomparable,
            "changes": [_change_json(change) for change in changes.items] if changes else [],
            "cut": changes is not None and changes.cut,
            "masked_at_write": found.is_masked_at_write,
        },
    }


def _success_json(success: LogEntry | Attempt | None) -> Json | None:
    if success is None:
        return None
    return {
        "processed_at": format_instant(success.processed_at),
        "received_at": format_instant(success.received_at),
    }


def _change_json(change: Change) -> Json:
    return {"path": change.path, "change": change.kind, "before": change.before, "after": change.after}
