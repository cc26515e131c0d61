"""One request and its answer: the key, the idempotency key, patience where it helps, problems as errors."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar
from uuid import uuid4

import httpx
from pydantic import ValidationError

from shared.client.answers.base import Answer
from shared.client.errors import Unreachable, Unreadable, refusal_of

A = TypeVar("A", bound=Answer)
F = TypeVar("F", bound=Callable[..., Any])
Body = Mapping[str, Any] | bytes
"""JSON, or a file as it is."""

Asked = Mapping[str, Any]
"""Query parameters; None is one that is not given."""

IDEMPOTENCY_KEY: Final = "Idempotency-Key"
IF_MATCH: Final = "If-Match"
COME_BACK: Final = frozenset({429, 502, 503, 504})
"""502 and 504 are a proxy's, whose service is being started again or was too slow."""
IN_PROGRESS: Final = 409
"""With `Retry-After`: the first request under the same idempotency key is still under way."""
FIRST_REFUSAL: Final = 300
"""The API redirects nowhere. What stands before it may; that is not followed, since the key is for the address that was given."""
JSON: Final = "application/json"
"""Of an answer that is meant; a problem has a type of its own, and so has the page of a proxy."""
FILE: Final = "application/octet-stream"
FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 30.0
"""Whoever is told to come back later than this decides themselves."""


def operation(name: str) -> Callable[[F], F]:
    """Mark the method that asks the operation `name` of the schema."""

    def mark(method: F) -> F:
        method.operation = name  # type: ignore[attr-defined]
        return method

    return mark


LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class Transport:
    """Asks the API. Not for several threads at once while one of them closes it."""

    def __init__(self, url: str, key: str, *, timeout_seconds: float, attempts: int) -> None:
        headers = {"Authorization": f"Bearer {key}", "User-Agent": "ponte-client/1"}
        # What the environment says of proxies is for other machines: a proxy has no way to this one, and must not see the key.
        is_elsewhere = httpx.URL(url).host not in LOOPBACK
        self._http = httpx.Client(
            base_url=url.rstrip("/"), headers=headers, timeout=timeout_seconds, trust_env=is_elsewhere
        )
        self._attempts = attempts

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, model: type[A], path: str, asked: Asked | None = None, *, taken: frozenset[int] = frozenset()) -> A:
        """Return what stands at `path`; answers of a status in `taken` are of the model too, unless they are problems. Raise Unreadable, and what `ask` raises."""
        return _read(model, self.ask("GET", path, asked=asked, taken=taken))

    def post(
        self, model: type[A], path: str, body: Mapping[str, Any] | None = None, *, key: str | None = None, **asked: Any
    ) -> A:
        """Do something once: under `key`, or a new one, which makes the request one that may be repeated."""
        headers = {IDEMPOTENCY_KEY: key or uuid4().hex}
        answer = self.ask("POST", path, body=None if body is None else said(body), headers=headers, asked=asked)
        return _read(model, answer)

    def post_file(self, model: type[A], path: str, content: bytes, *, key: str | None = None, **asked: Any) -> A:
        """Send a file once, as `post` does."""
        return _read(
            model, self.ask("POST", path, body=content, headers={IDEMPOTENCY_KEY: key or uuid4().hex}, asked=asked)
        )

    def change(
        self, model: type[A], method: str, path: str, body: Body | None, headers: Mapping[str, str], **asked: Any
    ) -> A:
        """PUT, PATCH or DELETE something."""
        answer = self.ask(method, path, body=body, headers=headers, asked=asked)
        return _read(model, answer)

    def ask(
        self,
        method: str,
        path: str,
        *,
        asked: Asked | None = None,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
        taken: frozenset[int] = frozenset(),
    ) -> httpx.Response:
        """Return the answer, read. Raise Refused or Unreachable, after as many tries as are allowed and sensible."""
        request = self._request(method, path, asked, body, headers)
        tries = self._attempts if may_repeat(request) else 1
        for turn in range(1, tries + 1):
            try:
                answer = self._http.send(request)
            except httpx.TransportError as error:
                if turn == tries:
                    raise Unreachable(f"{request.method} {request.url}: {error or type(error).__name__}") from error
                time.sleep(_pause(turn))
                continue
            if answer.status_code < FIRST_REFUSAL or (answer.status_code in taken and _is_json(answer)):
                return answer
            wait = retry_after_of(answer)
            if turn == tries or not _is_passing(answer, wait) or (wait or 0) > LONGEST_PAUSE_SECONDS:
                raise refusal_of(answer, wait)
            time.sleep(_pause(turn) if wait is None else wait)
        raise AssertionError("at least one try is made")  # pragma: no cover

    @contextmanager
    def streamed(
        self,
        path: str,
        *,
        asked: Asked | None = None,
        headers: Mapping[str, str] | None = None,
        silence_seconds: float | None = None,
    ) -> Iterator[httpx.Response]:
        """Give an answer that is read piece by piece. Raise Refused, or Unreachable where it breaks off."""
        request = self._request("GET", path, asked, None, headers)
        if silence_seconds is not None:
            request.extensions["timeout"]["read"] = silence_seconds
        try:
            answer = self._http.send(request, stream=True)
            try:
                if answer.status_code >= FIRST_REFUSAL:
                    answer.read()
                    raise refusal_of(answer, retry_after_of(answer))
                yield answer
            finally:
                answer.close()
        except httpx.TransportError as error:
            raise Unreachable(f"GET {request.url}: {error or type(error).__name__}") from error

    def _request(
        self,
        method: str,
        path: str,
        asked: Asked | None,
        body: Body | None,
        headers: Mapping[str, str] | None,
    ) -> httpx.Request:
        params = {name: _written(value) for name, value in said(asked or {}).items()}
        if isinstance(body, bytes):
            as_file = {"Content-Type": FILE, **(headers or {})}
            return self._http.build_request(method, path, params=params, content=body, headers=as_file)
        return self._http.build_request(method, path, params=params, json=body, headers=headers)


def said(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was said: a None was not."""
    return {name: value for name, value in values.items() if value is not None}


def may_repeat(request: httpx.Request) -> bool:
    """Say whether doing the request twice comes to the same as once, and answers the same.

    A PUT does not: of what the first one registered, the second would be told that it is there already.
    """
    if request.method == "POST":
        return IDEMPOTENCY_KEY in request.headers
    return request.method == "GET" or (request.method == "DELETE" and IF_MATCH not in request.headers)


def retry_after_of(answer: httpx.Response) -> float | None:
    """Return how many seconds the answer asks to wait, None when it does not say."""
    written = answer.headers.get("Retry-After", "").strip()
    if written.isdecimal():
        return float(written)
    try:
        # The wall clock, read here and not handed in: this runs in other people's programs (shared/runtime/clock.py).
        return max((parsedate_to_datetime(written) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None


def type_of(answer: httpx.Response) -> str:
    """Return the media type that the answer says it is of."""
    told: str = answer.headers.get("Content-Type", "")
    return told.partition(";")[0].strip().lower()


def is_file(answer: httpx.Response) -> bool:
    """Say whether the answer is a file to be kept, as every report is; a proxy's page is one to be shown."""
    told: str = answer.headers.get("Content-Disposition", "")
    return told.partition(";")[0].strip().lower() == "attachment"


def not_ours(answer: httpx.Response) -> Unreadable:
    """Return the error for an answer that this API never gave."""
    return Unreadable(
        f"{answer.request.method} {answer.url}: {answer.status_code}, and not as Ponte answers ({type_of(answer) or 'of no type'}): "
        "give the address of the API itself"
    )


def _read(model: type[A], answer: httpx.Response) -> A:
    try:
        return model.model_validate_json(answer.content)
    except ValidationError as error:
        raise not_ours(answer) from error


def _is_json(answer: httpx.Response) -> bool:
    return type_of(answer) == JSON


def _is_passing(answer: httpx.Response, wait: float | None) -> bool:
    return answer.status_code in COME_BACK or (answer.status_code == IN_PROGRESS and wait is not None)


def _pause(turn: int) -> float:
    longest = min(FIRST_PAUSE_SECONDS * 2**turn, LONGEST_PAUSE_SECONDS)
    return random.uniform(longest / 2, longest)  # noqa: S311  # spreads load, no secret


def _written(value: Any) -> Any:
    """Return a parameter as an address writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return [*value] if isinstance(value, (tuple, list, set, frozenset)) else value
