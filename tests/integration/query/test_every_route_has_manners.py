"""Each test here asks every operation that the application has: a new route is asked too, without a line being written for it."""

from uuid import uuid4

from fastapi import FastAPI

from shared.mongo.client import Database
from tests.integration.query.conftest import client_of
from tests.support.operations import operations_of, send
from tests.support.shop import everything_of, seed_shop

WITHOUT_VALIDATOR = {"/v1/stream", "/v1/dead-letters/{letter_id}/raw"}
"""A stream has no end, and what is shown unmasked is kept by nobody."""

OF_AN_INSTANT = {"/v1/summary"}
"""It says of when it is, which moves on."""


async def test_every_answer_that_has_not_changed_is_not_sent_again(
    app: FastAPI, database: Database, account: str
) -> None:
    shop = await seed_shop(database, account)
    reads = [one for one in operations_of(app) if not one.is_unsafe]
    assert {one.path for one in reads if "304" not in one.spec["responses"]} == WITHOUT_VALIDATOR
    async with client_of(app, shop.key) as client:
        for operation in reads:
            if operation.path in WITHOUT_VALIDATOR | OF_AN_INSTANT:
                continue
            first = await send(client, operation, shop.known)
            assert first.status_code == 200, (str(operation), first.text)
            held = first.headers["etag"]
            again = await send(client, operation, shop.known, headers={"If-None-Match": held})
            other = await send(client, operation, shop.known, headers={"If-None-Match": '"another"'})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", held), str(operation)
            assert (other.status_code, other.content) == (200, first.content), str(operation)


async def test_every_post_under_a_key_is_done_once_and_answered_again(
    app: FastAPI, database: Database, account: str
) -> None:
    posts = [one for one in operations_of(app) if one.method == "post"]
    assert len(posts) >= 8
    for number, operation in enumerate(posts):
        shop = await seed_shop(database, f"{account}-{number}")
        async with client_of(app, shop.key) as client:
            for known in (shop.known, shop.spare):  # 409: done already, such as a job of that id
                under = {"Idempotency-Key": uuid4().hex}
                first = await send(client, operation, known, headers=under)
                if first.status_code != 409:
                    break
            before = await everything_of(database, shop.account)
            again = await send(client, operation, known, headers=under)
        assert first.status_code in {201, 202}, (str(operation), first.text)
        assert (again.status_code, again.content) == (first.status_code, first.content), str(operation)
        assert again.headers["idempotency-replayed"] == "true", str(operation)
        assert await everything_of(database, shop.account) == before, str(operation)
