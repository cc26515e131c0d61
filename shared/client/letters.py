"""`ponte.letters`: records that could not be used, and their way back."""

from collections.abc import Iterator, Sequence

from shared.client.answers.jobs import DryRunAnswer, ReplayAnswer
from shared.client.answers.letters import LetterAnswer, LetterItem, LetterPageAnswer, LetterSummary
from shared.client.jobs import wait_for
from shared.client.paging import Rows, walk, written
from shared.client.transport import Transport, operation
from shared.contracts.segments import write_segment


class Letters:
    """Dead letters. `reveal` is the reason to see personal data: it needs the scope admin, and is written down."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @operation("list_letters")
    def page(
        self, rows: Rows | None = None, *, cursor: str | None = None, limit: int | None = None
    ) -> LetterPageAnswer:
        """Return a page, newest first."""
        return self._transport.get(
            LetterPageAnswer, "/v1/dead-letters", written(rows) | {"cursor": cursor, "limit": limit}
        )

    def all(self, rows: Rows | None = None, *, limit: int = 500) -> Iterator[LetterItem]:
        """Yield every letter that `rows` let pass, `limit` to a request."""
        return walk(lambda cursor: self.page(rows, cursor=cursor, limit=limit))

    @operation("count_letters")
    def summary(self, rows: Rows | None = None) -> LetterSummary:
        """Return the counts by error class."""
        return self._transport.get(LetterSummary, "/v1/dead-letters/summary", written(rows))

    @operation("get_letter")
    def get(self, letter_id: str, *, reveal: str | None = None) -> LetterAnswer:
        """Return a letter with its content."""
        asked = {} if reveal is None else {"reveal": True, "reason": reveal}
        return self._transport.get(LetterAnswer, _path(letter_id), asked)

    @operation("get_raw_letter")
    def raw(self, letter_id: str, *, reason: str) -> bytes:
        """Return the record's value, byte for byte."""
        return self._transport.ask("GET", f"{_path(letter_id)}/raw", asked={"reason": reason}).content

    @operation("replay_letters")
    def replay(
        self,
        *,
        letters: Sequence[str] | None = None,
        rows: Rows | None = None,
        id: str | None = None,  # noqa: A002  # the API's name
        key: str | None = None,
    ) -> ReplayAnswer:
        """Send chosen letters, or all that a filter lets pass, back to their topics; return the job."""
        return self._transport.post(
            ReplayAnswer, "/v1/dead-letters/replay", _chosen(letters, rows) | {"id": id}, key=key
        )

    def preview_replay(self, *, letters: Sequence[str] | None = None, rows: Rows | None = None) -> DryRunAnswer:
        """Return what `replay` would do; nothing is changed."""
        return self._transport.post(DryRunAnswer, "/v1/dead-letters/replay", _chosen(letters, rows) | {"dry_run": True})

    @operation("replay_letter")
    def replay_one(self, letter_id: str, *, key: str | None = None) -> ReplayAnswer:
        """Send one letter back to its topic; return the job."""
        return self._transport.post(ReplayAnswer, f"{_path(letter_id)}/replay", key=key)

    @operation("get_replay")
    def get_replay(self, job_id: str) -> ReplayAnswer:
        """Return a replay job."""
        return self._transport.get(ReplayAnswer, f"/v1/dead-letters/replays/{write_segment(job_id)}")

    @operation("cancel_replay")
    def cancel_replay(self, job_id: str, *, reason: str = "") -> ReplayAnswer:
        """Cancel a replay job; letters already sent stay sent."""
        path = f"/v1/dead-letters/replays/{write_segment(job_id)}"
        return self._transport.change(ReplayAnswer, "DELETE", path, None, {}, reason=reason)

    def wait_replay(self, job_id: str, *, within_seconds: float = 600, every_seconds: float = 0.5) -> ReplayAnswer:
        """Return the job when it has ended. Raise StillRunning."""
        return wait_for(lambda: self.get_replay(job_id), within_seconds=within_seconds, every_seconds=every_seconds)


def _path(letter_id: str) -> str:
    return f"/v1/dead-letters/{write_segment(letter_id)}"


def _chosen(letters: Sequence[str] | None, rows: Rows | None) -> dict[str, object]:
    return {"letters": letters and [*letters], "filter": None if rows is None else written(rows)}
