"""One visitor's screen: who looks, in which language and zone; and how a template becomes an answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from services.query.core.permissions import Caller
from services.query.entrypoints.dependencies import Services, caller_of, services_of
from services.query.entrypoints.middleware.paths import path_as_sent
from services.query.entrypoints.pages.address import shown_pairs
from services.query.entrypoints.pages.assets import Assets, read_assets
from services.query.entrypoints.pages.forms import TOLD_ONCE, without_told
from services.query.entrypoints.pages.language import (
    HTML_LANGUAGE,
    Words,
    choose_zone,
    language_of,
    words_of,
)
from services.query.entrypoints.pages.reasons import reason_told
from shared.contracts.catalogue import LANGUAGES
from shared.contracts.names import KINDS
from shared.contracts.segments import write_segment
from shared.contracts.times import parse_instant

TEMPLATES: Final = Path(__file__).parents[2] / "panel" / "templates"
LANGUAGE_COOKIE: Final = "ponte_language"
ZONE_COOKIE: Final = "ponte_zone"
FRAGMENT_HEADER: Final = "x-ponte-fragment"
"""A module of the panel sends it: it wants the changed part of a page, not a redirect or a whole page."""

PAGE_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class SignInNeeded(Exception):  # named after what is true, as everywhere here
    """A stranger asked for a page that shows an account's data."""


@dataclass(frozen=True, slots=True)
class Screen:
    """What every page knows about its visitor."""

    request: Request
    services: Services
    visitor: Caller | None
    t: Words
    zone: ZoneInfo

    @property
    def caller(self) -> Caller:
        """Who looks. Raise SignInNeeded for a stranger."""
        if self.visitor is None:
            raise SignInNeeded
        return self.visitor

    @property
    def wants_fragment(self) -> bool:
        """Say whether a module of the panel asks, for a part of a page."""
        return FRAGMENT_HEADER in self.request.headers

    @property
    def here(self) -> str:
        """The address that the visitor looks at, to come back to."""
        return without_told(f"{path_as_sent(self.request.scope)}?{self.request.url.query}")

    def moment(self, at: datetime) -> str:
        """Return an instant as the visitor writes it."""
        return self.t.instant(at, self.zone)

    def written_moment(self, text: str) -> str:
        """Return an instant that stands as text in a stored filter."""
        return self.moment(parse_instant(text)[0])

    def clock(self, at: datetime) -> str:
        """Return the time of day of an instant whose day is known."""
        return self.t.clock(at, self.zone)

    def day(self, at: datetime) -> str:
        """Return the day of an instant."""
        return self.t.day(at, self.zone)

    def moment_with_zone(self, at: datetime) -> str:
        """Return an instant with the name of its zone."""
        return self.t.instant_with_zone(at, self.zone)

    def render(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """Return a template as an answer with the headers of every page."""
        body = templates().get_template(template).render(screen=self, t=self.t, **values)
        return HTMLResponse(body, status_code=status, headers={**PAGE_HEADERS, "Content-Language": self.t.language})


async def given_screen(request: Request) -> Screen:
    """Return the screen of a request, at once: FastAPI hands what is not async to a thread."""
    return screen_of(request)


def screen_of(request: Request) -> Screen:
    """Return the screen of the visitor who sent `request`."""
    language = language_of(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language"))
    return Screen(
        request=request,
        services=services_of(request),
        visitor=caller_of(request),
        t=words_of(language),
        zone=choose_zone(request.cookies.get(ZONE_COOKIE)),
    )


@cache
def assets() -> Assets:
    """Return the static files, read once."""
    return read_assets()


@cache
def templates() -> Environment:
    """Return the templates: every value is escaped, a name that is missing is an error."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown: Mapping[str, Any] = {
        "asset": lambda name: assets().address(name),
        "kinds": KINDS,
        "languages": LANGUAGES,
        "told_once": TOLD_ONCE,
        "reason_told": reason_told,
        "html_language": HTML_LANGUAGE,
        "words_of": words_of,
        "shown_pairs": shown_pairs,
    }
    environment.globals.update(shown)
    environment.filters["segment"] = write_segment
    return environment
