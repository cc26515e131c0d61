"""The story of one id as an answer tells it."""

from pydantic import Field

from services.query.core.integration import Marketplaces
from services.query.core.story import Moment, Story
from services.query.entrypoints.answers import Json, causes_json, item_json, leaf_json
from services.query.entrypoints.schemas.base import Answer, Instant
from services.query.entrypoints.schemas.entries import CauseAnswer, EntryItem
from shared.contracts.catalogue import Language
from shared.contracts.events import Status
from shared.contracts.names import Kind
from shared.contracts.times import format_instant


class StoryEntry(EntryItem):
    """An entry that has the id, as it stands now."""

    whole: bool = Field(
        description="false: it has too many attempts for one line, where only the newest is; `…/attempts` tells all"
    )


class StoryAttempt(Answer):
    """One processing of one of the entries; masked."""

    kind: Kind
    affiliate: str = Field(examples=["MLC"])
    marketplace: str = Field(examples=["Mercado Livre"])
    code: str = Field(examples=["2000004567"])
    status: Status
    current: bool = Field(description="it is how the entry stands now")
    processed_at: Instant
    received_at: Instant
    sequence: int | None
    reprocess_id: str | None
    source: str = Field(examples=["/connectors/mlc"])
    event_id: str
    message: str = Field(
        description='what the connector says beside the causes, of a success above all; "" where it says nothing',
        examples=["Preço exportado"],
    )
    causes: list[CauseAnswer]


class StoryAnswer(Answer):
    """All entries that have one id, and a page of what happened to them, newest first."""

    id: str = Field(description="the id, as it was asked for", examples=["SKU-31042"])
    entries: list[StoryEntry] = Field(description="by kind, affiliate and code; the same on every page")
    complete: bool = Field(
        description="false: more entries have the id than one story tells, so it is hardly that of one item; `kind` narrows it"
    )
    timeline: list[StoryAttempt] = Field(
        description="in the order of `processed_at`, or of `received_at` where that is far ahead of it"
    )
    next_cursor: str | None
    previous_cursor: str | None


def story_json(story: Story, names: Marketplaces, language: Language) -> Json:
    """Return a story."""
    return {
        "id": story.id,
        "entries": [{**item_json(entry, names, language), "whole": entry.id in story.whole} for entry in story.entries],
        "complete": story.is_complete,
        **leaf_json(story.line, lambda moment: _moment_json(story, moment, names, language), rows="timeline"),
    }


def _moment_json(story: Story, moment: Moment, names: Marketplaces, language: Language) -> Json:
    entry, attempt = story.entry_of(moment), moment.attempt
    return {
        "kind": entry.kind,
        "affiliate": entry.affiliate,
        "marketplace": names.get(entry.affiliate, entry.affiliate),
        "code": entry.code,
        "status": attempt.status,
        "current": story.is_current(moment),
        "processed_at": format_instant(attempt.processed_at),
        "received_at": format_instant(attempt.received_at),
        "sequence": attempt.sequence,
        "reprocess_id": attempt.reprocess_id,
        "source": attempt.source,
        "event_id": attempt.event_id,
        "message": attempt.log["message"] if attempt.log else "",
        "causes": causes_json(attempt.causes, language),
    }
