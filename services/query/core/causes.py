"""A stored cause as an answer tells it: with title, guidance and retry advice from the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.contracts.catalogue import UNMAPPED, Language, RetryAdvice, find


@dataclass(slots=True)  # not frozen: that takes twice the time, and a page has fifty
class ExplainedCause:
    """Why an attempt failed and what to do. A code that the catalogue lacks keeps its text and gets the general guidance.

    `group`: the root cause by which entries are filtered; None of an entry that was stored before groups were.
    """

    code: str
    message: str
    field: str | None
    title: str
    guidance: str
    retry: RetryAdvice
    group: str | None = None


def explain(cause: Mapping[str, Any], language: Language) -> ExplainedCause:
    """Return the cause in `language`."""
    code = cause.get("code") or UNMAPPED
    message = str(cause.get("message") or "")
    known = find(code)
    general = known or find(UNMAPPED)
    return ExplainedCause(
        code=code,
        message=message,
        field=cause.get("field"),
        title=known.title(language) if known else message or code,
        guidance=general.guide(language) if general else "",
        retry=general.retry if general else "fix",
        group=cause.get("group"),
    )
