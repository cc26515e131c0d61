"""How a route is taken leave of (decision 0011): one mark at the route, of which headers, schema and words follow.

@router.get("/old", **deprecated(since=date(2027, 1, 4), sunset=date(2027, 7, 5), instead="/v1/new"))
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MARK: Final = "x-deprecation"
LEAST_NOTICE: Final = timedelta(days=180)
POLICY: Final = "/openapi.json"
"""Where programs read about it: the policy stands in `info`, the rest at the operation."""

HEADERS: Final = {
    "Deprecation": ("string", "since when the route is deprecated, as `@` and seconds (RFC 9745)"),
    "Sunset": ("string", "when the route goes (RFC 8594)"),
}


@dataclass(frozen=True, slots=True)
class Farewell:
    """Since when a route is deprecated, when it goes, and what to use in its place."""

    since: date
    sunset: date
    instead: str

    def headers(self) -> list[tuple[str, str]]:
        """Return what every answer of the route tells."""
        return [
            ("Deprecation", f"@{int(_midnight(self.since).timestamp())}"),
            ("Sunset", format_datetime(_midnight(self.sunset), usegmt=True)),
            ("Link", f'<{POLICY}>; rel="deprecation"; type="application/json"'),
            ("Link", f'<{self.instead}>; rel="successor-version"'),
        ]


def deprecated(*, since: date, sunset: date, instead: str) -> dict[str, Any]:
    """Return the keywords that mark a route. Raise ValueError where the notice is shorter than was promised."""
    if sunset - since < LEAST_NOTICE:
        msg = f"a route lives at least {LEAST_NOTICE.days} days after it was deprecated: {since} to {sunset} is less"
        raise ValueError(msg)
    return {"deprecated": True, "openapi_extra": {MARK: Farewell(since, sunset, instead)}}


def farewell_of(route: object) -> Farewell | None:
    """Return the mark of a route, None of one that stays."""
    mark: Farewell | None = (getattr(route, "openapi_extra", None) or {}).get(MARK)
    return mark


def tell(operation: dict[str, Any]) -> None:
    """Put the mark of an operation of the schema into words, in front of its description."""
    mark = operation[MARK]
    words = f"Deprecated since {mark['since']}, gone on {mark['sunset']}: use `{mark['instead']}`."
    operation["description"] = "\n\n".join(filter(None, (words, operation.get("description"))))


class Deprecations:
    """Pure ASGI middleware: every answer of a deprecated route says so, its errors too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""

        async def send_told(message: Message) -> None:
            if message["type"] == "http.response.start" and (told := farewell_of(scope.get("route"))) is not None:
                headers = MutableHeaders(scope=message)
                for name, value in told.headers():
                    headers.append(name, value)
            await send(message)

        await self._app(scope, receive, send_told)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
