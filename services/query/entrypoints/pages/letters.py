"""Dead letters: what was refused and why in words, its content masked, and the way back after a fix."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.query.core.jobs import Job
from services.query.core.letters import Content
from services.query.entrypoints.downloads import letter_file
from services.query.entrypoints.pages.address import instants_of, is_untidy, local_input
from services.query.entrypoints.pages.forms import (
    NONE_CHOSEN,
    field,
    fields_of,
    is_none_chosen,
    job_id_of,
    list_behind,
    opened_from,
    way_back,
    with_parameter,
)
from services.query.entrypoints.pages.frame import PageRoute
from services.query.entrypoints.pages.lists import Visitor, first, values_of
from services.query.entrypoints.pages.screen import Screen
from services.query.handlers.commanding import cancel_replay, get_replay, request_replay
from services.query.handlers.dead_letters import count_classes, get_letter, list_letters, open_letter, preview_replay
from shared.contracts.commands import parse_command
from shared.contracts.dead_letters import LETTER_STATES, PARAMETERS, REPLAYABLE, LetterFilter, ReplayCommand
from shared.contracts.errors import InvalidField, NotFound
from shared.contracts.segments import write_segment

PAGE_SIZE: Final = 50
OPEN: Final = "open"
MOST_SHOWN: Final = 64 * 1024
"""Of a content, in letters; the file holds the rest."""
LONGEST_REASON: Final = 500

_UNSEEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Characters that show nothing, or turn the text around."""

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@dataclass(frozen=True, slots=True)
class LetterAddress:
    """The address of the list; every link on the page is this one with something changed."""

    rows: LetterFilter

    def href(self, path: str = "", **more: str) -> str:
        """Return the address, optionally of a sub-page, with further parameters."""
        query = urlencode({**self.rows.to_json(), **{name: value for name, value in more.items() if value}}, doseq=True)
        return f"/dead-letters{path}" + (f"?{query}" if query else "")

    def page(self, cursor: str) -> str:
        """Return the address of the page that `cursor` names."""
        return self.href(cursor=cursor)

    def only(self, error_class: str) -> str:
        """Return the address of the open letters of one error class: what its count counts."""
        return LetterAddress(LetterFilter(error_class=(error_class,), state=(OPEN,))).href()

    @property
    def has_open(self) -> bool:
        """Say whether open letters can be among those listed: only they are sent back."""
        return not self.rows.state or OPEN in self.rows.state

    def pairs(self) -> list[tuple[str, str]]:
        """Return the filter as (name, value) pairs, the state left out: only open letters are sent back."""
        written = replace(self.rows, state=()).to_json().items()
        return [(name, one) for name, value in written for one in ([value] if isinstance(value, str) else value)]


@router.get("/dead-letters")
async def show_letters(request: Request, screen: Visitor) -> Response:
    """Show a page of dead letters. An address that a form wrote is tidied first."""
    query = values_of(request)
    address, cursor = _address(query, screen.zone), first(query, "cursor")
    if is_untidy(query):
        return RedirectResponse(address.href(cursor=cursor, job=first(query, "job")), status_code=303)
    letters, caller = screen.services.letters, screen.caller
    page, classes, job = await asyncio.gather(
        list_letters(letters, caller, address.rows, cursor=cursor or None, limit=PAGE_SIZE),
        count_classes(letters, caller, LetterFilter()),
        _find_job(screen, first(query, "job")),
    )
    return screen.render(
        "letters.html",
        address=address,
        page=page,
        cursor=cursor,
        classes=classes,
        job=job,
        is_none_chosen=is_none_chosen(request),
        states=LETTER_STATES,
        topics=REPLAYABLE,
        from_input=local_input(address.rows.from_at, screen.zone),
        to_input=local_input(address.rows.to_at, screen.zone),
    )


@router.get("/dead-letters/replay")
async def confirm_replay(request: Request, screen: Visitor) -> Response:
    """Show how many letters of the filter would be sent back, before anything is sent."""
    address = _address(values_of(request), screen.zone)
    if not address.has_open:
        return RedirectResponse(address.href(), status_code=303)
    command = _command(screen, {"filter": _filter(address.rows)})
    preview = await preview_replay(screen.services.letters, screen.caller, command)
    return screen.render("letters_confirm.html", address=address, preview=preview, job_id=uuid4().hex)


@router.post("/dead-letters/replay")
async def replay_letters(request: Request, screen: Visitor) -> Response:
    """Send the letters that the form names back, or all of the filter that was confirmed."""
    sent = await fields_of(request)
    if field(sent, "all"):
        rows = LetterFilter.parse({name: sent[name] for name in PARAMETERS if name in sent})
        job = await _request(screen, {**job_id_of(sent), "filter": _filter(rows)})
        return RedirectResponse(f"/dead-letters/replays/{write_segment(job.id)}", status_code=303)
    back = way_back(field(sent, "back"), "/dead-letters")
    if not sent.get("item"):
        return RedirectResponse(with_parameter(back, *NONE_CHOSEN), status_code=303)
    job = await _request(screen, {"letters": sent["item"]})
    return RedirectResponse(with_parameter(back, "job", job.id), status_code=303)


@router.get("/dead-letters/replays/{job_id}")
async def show_replay(job_id: str, screen: Visitor) -> Response:
    """Show one replay; a module asks for its progress alone."""
    job = await get_replay(screen.services.replays, screen.caller, job_id)
    return screen.render("parts/replay.html" if screen.wants_fragment else "letters_replay.html", job=job)


@router.post("/dead-letters/replays/{job_id}/cancel")
async def stop_replay(job_id: str, screen: Visitor) -> Response:
    """Ask for the replay's end and show it."""
    services = screen.services
    await cancel_replay(services.replays, services.audit, screen.caller, job_id, now=services.now)
    return RedirectResponse(f"/dead-letters/replays/{write_segment(job_id)}", status_code=303)


@router.get("/dead-letters/{letter_id}")
async def show_letter(letter_id: str, screen: Visitor) -> Response:
    """Show one letter with its content; a module asks for the content alone."""
    shown = await get_letter(screen.services.letters, screen.caller, letter_id)
    template = "parts/letter_content.html" if screen.wants_fragment else "letter.html"
    content = shown.value.text or ""
    behind = list_behind(screen.request, "/dead-letters")
    return screen.render(
        template,
        letter=shown.letter,
        encoding=shown.value.encoding,
        content=visible(content[:MOST_SHOWN]),
        is_cut=len(content) > MOST_SHOWN,
        headers=visible("\n".join(_header_line(screen, name, header) for name, header in shown.headers)),
        key=as_text(shown.letter.key),
        behind=behind,
        itself=opened_from(f"/dead-letters/{write_segment(letter_id)}", behind),
    )


@router.post("/dead-letters/{letter_id}/raw")
async def download_letter(letter_id: str, request: Request, screen: Visitor) -> Response:
    """Give the letter's value as a file to an admin who says why."""
    reason = field(await fields_of(request), "reason")
    screen.caller.require("admin")
    if not 1 <= len(reason) <= LONGEST_REASON:
        raise InvalidField("reason", screen.t("letters.reason.missing"))
    services = screen.services
    letter = await open_letter(services.letters, services.audit, screen.caller, letter_id, reason, now=services.now())
    return letter_file(letter)


def as_text(raw: bytes | None) -> str:
    """Return bytes as text that shows what is there: what is not UTF-8, and characters that cannot be seen, as escapes."""
    return visible((raw or b"").decode(errors="backslashreplace"))


def visible(text: str) -> str:
    """Return `text` with its unseen characters as escapes."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _header_line(screen: Screen, name: str, content: Content) -> str:
    text = screen.t("letters.header.withheld") if content.encoding == "withheld" else content.text or ""
    return f"{name}: {text}"


def _address(query: Mapping[str, Sequence[str]], zone: ZoneInfo) -> LetterAddress:
    values: dict[str, Any] = {name: list(query[name]) for name in PARAMETERS if query.get(name)}
    values |= instants_of(query, ("from", "to"), zone)
    return LetterAddress(LetterFilter.parse(values))


def _filter(rows: LetterFilter) -> dict[str, Any]:
    return replace(rows, state=()).to_json()


def _command(screen: Screen, choice: dict[str, Any]) -> ReplayCommand:
    caller = screen.caller
    return parse_command(ReplayCommand, {"account": caller.account, "requested_by": caller.name, **choice})


async def _request(screen: Screen, choice: dict[str, Any]) -> Job:
    services = screen.services
    command = _command(screen, choice)
    return await request_replay(
        services.replays, services.commands, services.audit, screen.caller, command, now=services.now
    )


async def _find_job(screen: Screen, job_id: str) -> Job | None:
    try:
        return await get_replay(screen.services.replays, screen.caller, job_id) if job_id else None
    except NotFound:
        return None
