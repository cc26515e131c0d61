"""Tells the API which marketplace each affiliate stands for, as soon as it answers."""

import asyncio
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import quote, urlsplit

import orjson

from deploy.demo.shop import AFFILIATES
from shared.runtime.logging import get_logger

log = get_logger(__name__)

TIMEOUT_SECONDS = 5.0
PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
NOT_ALLOWED = frozenset({401, 403})
REGISTERED = frozenset({200, 201, 412})
"""412: it was there before us, and whoever changed it since knows better than the demo."""


async def register_marketplaces(api_url: str, api_key: str) -> None:
    """Register every affiliate that nobody registered; return when the API has them all, or says that the key may not."""
    pause = PAUSE_SECONDS
    waiting = list(AFFILIATES)
    while waiting:
        affiliate = waiting[0]
        try:
            status = await asyncio.to_thread(put_marketplace, api_url, api_key, affiliate.id, affiliate.marketplace)
        except (OSError, HTTPException):
            status = 0
        if status in NOT_ALLOWED:
            log.warning(
                "marketplaces.refused", extra={"facts": {"status": status, "needs": "a key with the scope admin"}}
            )
            return
        if status in REGISTERED:
            waiting.pop(0)
            continue
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
    log.info("marketplaces.registered", extra={"facts": {"affiliates": len(AFFILIATES)}})


def put_marketplace(api_url: str, api_key: str, affiliate: str, marketplace: str) -> int:
    """Return the status of `PUT /v1/integrations/{affiliate}`. Blocks; raises OSError or HTTPException without an answer."""
    address = urlsplit(api_url)
    connect = HTTPSConnection if address.scheme == "https" else HTTPConnection
    connection = connect(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(
            "PUT",
            f"{address.path.rstrip('/')}/v1/integrations/{quote(affiliate)}",
            body=orjson.dumps({"marketplace": marketplace}),
            headers={
                "Authorization": f"Bearer {api_key}",
                "Content-Type": "application/json",
                "If-None-Match": "*",
            },
        )
        answered = connection.getresponse()
        answered.read()
        return answered.status
    finally:
        connection.close()
