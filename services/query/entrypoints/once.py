"""`Idempotency-Key` on POST routes: declare `OnceDep` and put `answered_once` between the route and its function.

    @router.post("/things", …)
    @answered_once
    async def create_thing(…, once: OnceDep) -> Response:

Scopes and the body are checked first, then the key is claimed. A job named `once.job_name()` is one job however often it is asked for.
The body is read as bytes: a route that takes a form, whose body is a stream, needs a fingerprint of its own.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import wraps
from typing import Annotated, Any, Final, ParamSpec

from fastapi import Depends, Header, Request, Response
from pydantic import WithJsonSchema

from services.query.core.repeating import HEADER, MAX_KEY_LENGTH, PATTERN, Answer, Asked, fingerprint_of, read_key
from services.query.entrypoints.dependencies import MaybeCaller, Services, ServicesDep
from services.query.entrypoints.problems import problem, problem_of, status_of
from services.query.handlers.repeating import CLAIMED_FOR, InProgress, answer_once
from services.query.settings import Settings
from shared.contracts.errors import NotPermitted, PonteError

REPLAYED: Final = "Idempotency-Replayed"
KEPT_HEADERS: Final = ("content-type", "location", "etag", "cache-control", "vary")
"""Headers that belong to the answer; the others belong to the moment."""
COME_BACK_AFTER: Final = "1"

P = ParamSpec("P")
Operate = Callable[[], Awaitable[Response]]


def longest_claim(settings: Settings) -> timedelta:
    """Return how long a key is claimed for: a request that is given up for taking too long has to have time to say so."""
    return max(CLAIMED_FOR, 2 * timedelta(seconds=settings.query_request_seconds))


class Once:
    """One request, to be answered once. Without a key, it is answered like any other.

    `operation` is the id of what is done under the key, the same however often it is tried; None without a key.
    """

    def __init__(self, request: Request, services: Services, asked: Asked | None) -> None:
        self._request = request
        self._store = services.answers
        self._asked = asked
        self._now = services.now
        self._claimed_for = longest_claim(services.settings)
        self.operation: str | None = None

    def job_name(self) -> dict[str, str]:
        """Return `{"id": …}` for a job that the operation makes; {} without a key, so that the job names itself."""
        return {} if self.operation is None else {"id": self.operation}

    async def answer(self, operate: Operate) -> Response:
        """Do it and answer, or answer as before."""
        if self._asked is None:
            return await operate()
        try:
            given, was_given = await answer_once(
                self._store,
                self._asked,
                lambda operation: self._operate(operation, operate),
                now=self._now,
                claimed_for=self._claimed_for,
            )
        except InProgress as error:
            return problem(self._request.scope, 409, str(error), headers={"Retry-After": COME_BACK_AFTER})
        response = Response(given.body, given.status, dict(given.headers))
        if was_given:
            response.headers[REPLAYED] = "true"
        return response

    async def _operate(self, operation: str, operate: Operate) -> Answer:
        self.operation = operation
        try:
            response = await operate()
        except PonteError as error:
            if status_of(error) >= 500:  # noqa: PLR2004  # HTTP's own: our failures go on to where they are logged
                raise
            response = problem_of(error, self._request.scope)
        headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        return Answer(response.status_code, headers, bytes(response.body))


async def once_of(
    request: Request,
    services: ServicesDep,
    caller: MaybeCaller,
    _key: Annotated[
        str | None,
        WithJsonSchema({"type": "string", "pattern": PATTERN}),
        Header(
            alias=HEADER,
            description=f"1 to {MAX_KEY_LENGTH} visible characters, such as a UUID: the same request under the same key is done once and "
            "answered again, to the same credential, for 24 hours, with `Idempotency-Replayed: true`; 409 while the first is under way, 422 for another request",
            examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
        ),
    ] = None,
) -> Once:
    """Return the request under its key. Raise InvalidField."""
    key = read_key(request.headers.getlist(HEADER))
    if key is None:
        return Once(request, services, None)
    if caller is None:
        raise NotPermitted("sign in first")
    route = f"{request.method} {getattr(request.scope.get('route'), 'path', request.url.path)}"
    fingerprint = fingerprint_of(request.url.path, request.scope["query_string"], await request.body())
    return Once(request, services, Asked(caller.account, caller.key_id, route, key, fingerprint))


OnceDep = Annotated[Once, Depends(once_of)]


def answered_once(endpoint: Callable[P, Awaitable[Response]]) -> Callable[P, Awaitable[Response]]:
    """Return the endpoint, done once for each key. One of its parameters is an `OnceDep`."""

    @wraps(endpoint)
    async def answer(*args: P.args, **values: P.kwargs) -> Response:
        told: dict[str, Any] = dict(values)
        once = next(value for value in told.values() if isinstance(value, Once))
        return await once.answer(lambda: endpoint(*args, **values))

    return answer
