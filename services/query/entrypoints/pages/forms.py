"""What a form of the panel sent: its fields, and where to go back to; addresses of pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

from shared.contracts.errors import InvalidField
from shared.contracts.imports import LONGEST_FILE_NAME

MOST_FIELDS: Final = 1_000

LONGEST_REVISION: Final = 18
"""Digits: MongoDB counts no further."""

BEHIND: Final = "behind"
"""The parameter of a page that names the list it was opened from."""

DONE: Final = "view"
"""The parameter of a list's address that says what became of a form of the menu of views."""

NAMED: Final = "named"
"""The name that was typed there and could not be taken."""

UNDONE: Final = "undone"
"""The parameter of the sign-in page that says that a form was sent, and not taken."""

NONE_CHOSEN: Final = ("done", "none_chosen")
"""What a list is told whose form named no row."""

TOLD_ONCE: Final = (DONE, NAMED, "done", "created")
"""Parameters that say what became of a form. They are told once: no link holds them, and `address.js` takes them from the address."""


async def fields_of(request: Request) -> dict[str, list[str]]:
    """Return the text fields of a posted form, by name; files are not taken."""
    form: FormData = await request.form(max_files=0, max_fields=MOST_FIELDS)
    sent: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            sent.setdefault(name, []).append(value)
    return sent


async def file_of(request: Request, *, most: int) -> tuple[str, bytes]:
    """Return name and bytes of the one file of a posted form, none where none was chosen. Raise HTTPException for a form that is none.

    It stays in memory, of which a request may take `most` bytes and a little more: the disk of this service may be for reading alone.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return "", b""
    parser = MultiPartParser(request.headers, request.stream(), max_files=1, max_fields=MOST_FIELDS)
    parser.spool_max_size = most + 1
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, error.message) from error
    file = next((value for value in form.values() if isinstance(value, UploadFile)), None)
    if file is None:
        return "", b""
    name = "".join(letter for letter in file.filename or "" if letter.isprintable())
    return name[:LONGEST_FILE_NAME], await file.read()


def field(sent: Mapping[str, Sequence[str]], name: str) -> str:
    """Return the first value of a field without the spaces around it, "" when it is absent."""
    return next(iter(sent.get(name, ())), "").strip()


def job_id_of(sent: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the id that a form was made with, as a member of a command: sent twice, it is one job. Empty without one."""
    job_id = field(sent, "id")
    return {"id": job_id} if job_id else {}


def revision_of(sent: Mapping[str, Sequence[str]]) -> int:
    """Return the revision that the page showed which holds the form. Raise InvalidField."""
    text = field(sent, "revision")
    if not (text.isascii() and text.isdecimal() and len(text) <= LONGEST_REVISION):
        raise InvalidField("revision", "is missing: load the page again")
    return int(text)


def way_back(address: str, otherwise: str) -> str:
    """Return `address` if it stays on this site, else `otherwise`: an open redirect would help whoever phishes."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return otherwise
    stays = address.startswith("/") and not address.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return address if stays and address.isprintable() and "\\" not in address else otherwise


@dataclass(frozen=True, slots=True)
class PageAddress:
    """The address of a list without a filter."""

    path: str

    def page(self, cursor: str) -> str:
        """Return the address of the page that `cursor` names, "" for the first one."""
        return with_parameter(self.path, "cursor", cursor) if cursor else self.path


def without_told(address: str) -> str:
    """Return an address of this site without what is told once."""
    bare, _, query = address.partition("?")
    kept = "&".join(part for part in query.split("&") if part and part.partition("=")[0] not in TOLD_ONCE)
    return f"{bare}?{kept}" if kept else bare


def list_behind(request: Request, path: str) -> str:
    """Return the list at `path` that the visitor came from, with its filter and page; the whole list where that is not known.

    The browser tells where a link was followed; the page's own forms and links hand it on (`opened_from`).
    """
    for address in (request.query_params.get(BEHIND, ""), _referred(request)):
        if way_back(address, "").partition("?")[0] == path:
            return without_told(address)
    return path


def page_behind(request: Request) -> str:
    """Return the page that a form or a link stood on, "" where the browser does not tell."""
    return way_back(without_told(_referred(request)), "")


def opened_from(address: str, behind: str, **more: str) -> str:
    """Return the address of a page that remembers the list it was opened from, with further parameters."""
    told = {name: value for name, value in ({BEHIND: behind if "?" in behind else ""} | more).items() if value}
    return address + (f"?{urlencode(told, quote_via=quote, safe='/')}" if told else "")


def is_none_chosen(request: Request) -> bool:
    """Say whether a list is shown again because its form named no row."""
    name, value = NONE_CHOSEN
    return request.query_params.get(name) == value


def with_parameter(address: str, name: str, value: str) -> str:
    """Return an address of this site with one more parameter."""
    bare, _, query = address.partition("?")
    kept = [part for part in query.split("&") if part and not part.startswith(f"{name}=")]
    return f"{bare}?{'&'.join([*kept, f'{name}={value}'])}"


def _referred(request: Request) -> str:
    try:
        told = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return ""
    return f"{told.path}?{told.query}"
