"""What a form of the panel sent: its fields, and where to go back to; addresses of pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import FormData

from shared.contracts.errors import InvalidField

MOST_FIELDS: Final = 1_000


async def fields_of(request: Request) -> dict[str, list[str]]:
    """Return the text fields of a posted form, by name; files are not taken."""
    form: FormData = await request.form(max_files=0, max_fields=MOST_FIELDS)
    sent: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            sent.setdefault(name, []).append(value)
    return sent


def field(sent: Mapping[str, Sequence[str]], name: str) -> str:
    """Return the first value of a field without the spaces around it, "" when it is absent."""
    return next(iter(sent.get(name, ())), "").strip()


def revision_of(sent: Mapping[str, Sequence[str]]) -> int:
    """Return the revision that the page showed which holds the form. Raise InvalidField."""
    text = field(sent, "revision")
    if not (text.isascii() and text.isdecimal()):
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


def with_parameter(address: str, name: str, value: str) -> str:
    """Return an address of this site with one more parameter."""
    bare, _, query = address.partition("?")
    kept = [part for part in query.split("&") if part and not part.startswith(f"{name}=")]
    return f"{bare}?{'&'.join([*kept, f'{name}={value}'])}"
