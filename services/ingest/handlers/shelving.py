"""The story of a dead letter that is kept: read from its topic into the store where people find it and send it back.

Safe to repeat: a letter is one document, however often its record is delivered or was put aside.
"""

from collections.abc import Sequence
from datetime import timedelta

from services.ingest.core.letters import KEPT_FOR, letter_document
from services.ingest.handlers.ports import LetterBook
from shared.contracts.records import BatchOutcome, Record, next_offsets
from shared.runtime.clock import Clock


async def shelve(
    records: Sequence[Record], book: LetterBook, *, operator: str, clock: Clock, keep_for: timedelta = KEPT_FOR
) -> BatchOutcome:
    """Keep the letters that `records` hold. `operator` owns those in which no account stands. Raise Transient or Defect."""
    now = clock()
    kept = await book.keep(
        [letter_document(record, operator=operator, now=now, keep_for=keep_for) for record in records]
    )
    return BatchOutcome(
        records=len(records), duplicates=len(records) - kept, dead_lettered=kept, commit=next_offsets(records)
    )
