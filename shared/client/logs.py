"""`ponte.logs`: what happened to each item."""

from collections.abc import Iterator, Sequence

from shared.client.answers.entries import (
    AttemptAnswer,
    AttemptPageAnswer,
    EntryAnswer,
    EntryItem,
    EntryPage,
    PartialPage,
    StoryAnswer,
    StoryAttempt,
)
from shared.client.answers.insights import DiffAnswer, ErrorCatalogue, GroupList, SummaryAnswer
from shared.client.paging import Rows, walk, within, written
from shared.client.transport import Transport, operation
from shared.contracts.commands import Language
from shared.contracts.names import Kind
from shared.contracts.segments import write_segment


class Logs:
    """Lists, entries, histories, comparisons, counts, root causes. `lang` is the language of titles and guidance."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @operation("list_logs")
    def page(
        self,
        kind: Kind,
        rows: Rows | None = None,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        sort: str | None = None,
        lang: Language | None = None,
    ) -> EntryPage:
        """Return a page of entries, newest first unless `sort` says otherwise."""
        asked = within(kind, rows) | {"cursor": cursor, "limit": limit, "sort": sort, "lang": lang}
        return self._transport.get(EntryPage, f"/v1/logs/{kind}", asked)

    def entries(
        self,
        kind: Kind,
        rows: Rows | None = None,
        *,
        limit: int = 500,
        sort: str | None = None,
        lang: Language | None = None,
    ) -> Iterator[EntryItem]:
        """Yield every entry that `rows` let pass, `limit` to a request."""
        return walk(lambda cursor: self.page(kind, rows, cursor=cursor, limit=limit, sort=sort, lang=lang))

    def partial_page(
        self,
        kind: Kind,
        fields: Sequence[str],
        rows: Rows | None = None,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        sort: str | None = None,
    ) -> PartialPage:
        """Return a page whose items have `fields` alone."""
        asked = within(kind, rows) | {"fields": fields, "cursor": cursor, "limit": limit, "sort": sort}
        return self._transport.get(PartialPage, f"/v1/logs/{kind}", asked)

    @operation("get_entry")
    def get(
        self, kind: Kind, affiliate: str, code: str, *, reveal: str | None = None, lang: Language | None = None
    ) -> EntryAnswer:
        """Return one entry. `reveal` is the reason to see personal data: it needs the scope admin, and is written down."""
        return self._transport.get(EntryAnswer, _path(kind, affiliate, code), {**_revealed(reveal), "lang": lang})

    @operation("list_attempts")
    def attempts_page(
        self,
        kind: Kind,
        affiliate: str,
        code: str,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        reveal: str | None = None,
        lang: Language | None = None,
    ) -> AttemptPageAnswer:
        """Return a page of an item's history, newest first."""
        asked = {**_revealed(reveal), "cursor": cursor, "limit": limit, "lang": lang}
        return self._transport.get(AttemptPageAnswer, f"{_path(kind, affiliate, code)}/attempts", asked)

    def attempts(
        self, kind: Kind, affiliate: str, code: str, *, lang: Language | None = None
    ) -> Iterator[AttemptAnswer]:
        """Yield every processing of an item, newest first."""
        return walk(lambda cursor: self.attempts_page(kind, affiliate, code, cursor=cursor, lang=lang))

    @operation("get_diff")
    def diff(
        self, kind: Kind, affiliate: str, code: str, *, reveal: str | None = None, lang: Language | None = None
    ) -> DiffAnswer:
        """Return what changed on an item since it last worked."""
        return self._transport.get(
            DiffAnswer, f"{_path(kind, affiliate, code)}/diff", {**_revealed(reveal), "lang": lang}
        )

    @operation("get_story")
    def story_page(
        self,
        item_id: str,
        *,
        kind: Sequence[Kind] = (),
        cursor: str | None = None,
        limit: int | None = None,
        lang: Language | None = None,
    ) -> StoryAnswer:
        """Return all that has an id, a code or an alias, and a page of what happened to it, newest first; of `kind` alone where given."""
        asked = {"kind": kind, "cursor": cursor, "limit": limit, "lang": lang}
        return self._transport.get(StoryAnswer, f"/v1/stories/{write_segment(item_id)}", asked)

    def story(self, item_id: str, *, kind: Sequence[Kind] = (), lang: Language | None = None) -> Iterator[StoryAttempt]:
        """Yield all that happened to whatever has an id, newest first."""
        return walk(lambda cursor: self.story_page(item_id, kind=kind, cursor=cursor, lang=lang))

    @operation("get_summary")
    def summary(
        self, rows: Rows | None = None, *, bucket: str | None = None, lang: Language | None = None
    ) -> SummaryAnswer:
        """Return counts of the rows, of one, several or all kinds; `bucket` (hour, day) of their time series."""
        return self._transport.get(SummaryAnswer, "/v1/summary", written(rows) | {"bucket": bucket, "lang": lang})

    @operation("list_groups")
    def groups(self, rows: Rows | None = None, *, limit: int | None = None, lang: Language | None = None) -> GroupList:
        """Return the root causes of the rows, of one, several or all kinds, most items first."""
        return self._transport.get(GroupList, "/v1/groups", written(rows) | {"limit": limit, "lang": lang})

    @operation("list_errors")
    def errors(self, *, lang: Language | None = None) -> ErrorCatalogue:
        """Return the error catalogue, with guidance."""
        return self._transport.get(ErrorCatalogue, "/v1/errors", {"lang": lang})


def _path(kind: Kind, affiliate: str, code: str) -> str:
    return f"/v1/logs/{kind}/{write_segment(affiliate)}/{write_segment(code)}"


def _revealed(reason: str | None) -> dict[str, str | bool]:
    return {} if reason is None else {"reveal": True, "reason": reason}
