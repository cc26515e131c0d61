"""What changed on an item since it last worked: status, causes, payload. It says so where that can no longer be told."""

from dataclasses import dataclass
from typing import Literal

from services.query.core.diff import Changes, Side, changes_between
from services.query.core.masking import mask_attempt, mask_entry, reveal_attempt
from services.query.core.permissions import Caller
from services.query.handlers.reading import LogReader, get_entry
from shared.contracts.entries import Attempt, LogEntry

Basis = Literal["attempt", "current", "expired", "never"]
"""attempt: compared with the last attempt that succeeded. current: that is the newest, nothing changed. expired: it succeeded, but its
attempt is no longer kept. never: it has not succeeded yet."""

Incomparable = Literal["no_success", "cut_before", "cut_after"]
"""Why payloads are not compared: there is no success to compare with, or a payload was too long to be stored."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """An entry beside its last success. `payload` is None where `incomparable` says why; `is_masked_at_write`: what was taken out of a
    payload before it was stored cannot be compared.
    """

    entry: LogEntry
    basis: Basis
    success: Attempt | None
    payload: Changes | None
    incomparable: Incomparable | None
    is_masked_at_write: bool


async def compare_with_last_success(
    log: LogReader, caller: Caller, kind: str, affiliate: str, code: str, *, is_revealed: bool = False
) -> Comparison:
    """Return an entry of the caller's account beside its last success, masked as by `get_entry`. Raise NotFound."""
    entry = await get_entry(log, caller, kind, affiliate, code, is_revealed=True)
    shown = entry if is_revealed else mask_entry(entry)
    if entry.status == "success":
        return Comparison(shown, "current", None, Changes((), cut=False), None, entry.payload_masked)
    success = await log.find_last_success(entry)
    if success is None:
        basis: Basis = "expired" if entry.last_success_at else "never"
        return Comparison(shown, basis, None, None, "no_success", entry.payload_masked)
    masked, masked_before = mask_entry(entry), mask_attempt(success, kind)
    is_masked_at_write = success.payload_masked or entry.payload_masked
    # Masking what is masked changes nothing: so a payload that was masked before it was stored is compared with one that was not.
    old, new = (masked_before, masked) if is_masked_at_write else (success, entry)
    before = reveal_attempt(success, kind) if is_revealed else masked_before
    why: Incomparable | None = (
        "cut_before" if success.payload_truncated else "cut_after" if entry.payload_truncated else None
    )
    return Comparison(
        entry=shown,
        basis="attempt",
        success=before,
        payload=None if why else changes_between(Side(old.payload, before.payload), Side(new.payload, shown.payload)),
        incomparable=why,
        is_masked_at_write=is_masked_at_write,
    )
