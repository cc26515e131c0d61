"""A query service of its own process over a shop of its own, for tests that look at the panel."""

import asyncio
import os
import secrets
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

from playwright.sync_api import Page
from pymongo import MongoClient
from pymongo.database import Database as SyncDatabase

from deploy.local.servers import Servers
from deploy.provision import provision_collections
from shared.contracts.names import COLLECTIONS
from shared.contracts.times import format_instant
from shared.mongo.client import connect
from tests.support.builders import make_event
from tests.support.eventually import eventually
from tests.support.seed import seed_entries, seed_entry

T = TypeVar("T")
Visit = Callable[..., Page]
"""Opens a page as the signed-in visitor: `visit(path, **browser options)`."""

NOW = datetime(2026, 11, 23, 15, 30, 45, tzinfo=UTC)
MARKETPLACES = {"MLC": "Mercado Livre Classic", "MGZ": "Magazine Luiza", "SHP": "Shopee"}
ORDERS = 43
FAILED_ORDER = "2000009051733"
SILENT_ORDER = "2000009051734"
HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(2)>",
    "{{7*7}} ${8*8} <b>bold</b>",
    "javascript:alert(3)//../..?a=b&c=d#e%2F",
    "</template></table><svg onload=alert(4)>",
)
LISTING = "</pre></script><script>alert(5)</script>"


@dataclass(frozen=True)
class PanelSite:
    """The running service and its shop."""

    url: str
    key: str
    account: str
    mongo: SyncDatabase[dict[str, Any]]


@contextmanager
def running_site(servers: Servers) -> Iterator[PanelSite]:
    """Yield a seeded service; its process and its database are gone afterwards."""
    name, account, key = f"test_{uuid4().hex[:12]}", f"loja-{uuid4().hex[:10]}", secrets.token_hex(24)
    provision_collections(servers.mongo.uri, name, COLLECTIONS)
    asyncio.run(_seed(servers.mongo.uri, name, account))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "PONTE_KAFKA_BOOTSTRAP": servers.kafka.bootstrap,
        "PONTE_MONGO_URI": servers.mongo.uri,
        "PONTE_MONGO_DATABASE": name,
        "PONTE_ACCOUNT": account,
        "PONTE_API_KEY": key,
        "PONTE_HTTP_PORT": str(port),
        "PONTE_LOG_LEVEL": "error",
    }
    service = subprocess.Popen([sys.executable, "-m", "services.query"], env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: _answers(service, f"{url}/sign-in"))
        with MongoClient[dict[str, Any]](servers.mongo.uri) as client:
            yield PanelSite(url, key, account, client[name])
            client.drop_database(name)
    finally:
        service.terminate()
        service.wait(20)


def beside_the_browser(work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` comes to, done in another thread: while a browser lives, Playwright's loop runs in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def _answers(service: "subprocess.Popen[bytes]", address: str) -> bool:
    if service.poll() is not None:
        raise RuntimeError(f"the query service ended with {service.returncode}")
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


async def _seed(uri: str, name: str, account: str) -> None:
    async with connect(uri, service="test") as client:
        database = client[name]
        await database["integrations"].insert_many(
            {"_id": f"{account}|{affiliate}", "account": account, "affiliate": affiliate, "marketplace": marketplace}
            for affiliate, marketplace in MARKETPLACES.items()
        )
        await seed_entries(database, [_order(account, at) for at in range(ORDERS - 2)])
        for kind, affiliate in (("product", "MGZ"), ("tracking", "MLC"), ("price", "SHP"), ("stock", "MGZ")):
            await seed_entries(database, [_item(account, kind, affiliate, at) for at in range(6)])
        await seed_entry(database, *(make_event(**told) for told in _failed_order(account)))
        await seed_entry(database, make_event(**_silent_order(account)))
        await seed_entries(database, [_hostile(account, at) for at in range(len(HOSTILE))])


def _order(account: str, at: int) -> dict[str, Any]:
    status = ("success", "error", "success", "warning", "success", "processing")[at % 6]
    causes = (
        [{"code": "NET-THROTTLE", "message": "Please, wait a few minutes"}] if status in {"error", "warning"} else []
    )
    return _told(
        account, NOW - timedelta(hours=1 + at), affiliate=("MLC", "MGZ")[at % 2], code=f"{3000 + at}", status=status,
        causes=causes, aliases={"shipment_id": f"43{at:04}"},
    )  # fmt: skip


def _item(account: str, kind: str, affiliate: str, at: int) -> dict[str, Any]:
    causes = [{"code": "SKU-INACTIVE", "message": "Sku is inactive"}]
    failed = {"status": "error", "causes": causes} if at == 0 else {"status": "success", "causes": []}
    return _told(
        account, NOW - timedelta(hours=at), kind=kind, affiliate=affiliate, code=f"310{at}", aliases={}, **failed
    )


def _failed_order(account: str) -> list[dict[str, Any]]:
    sla = {
        "code": "ORD-SLA",
        "message": "No available sla to deliver this order\nPack(s): 31042",
        "field": "shippingData.selectedSla",
        "evidence": {"request": {"url": "/orders?an=loja"}, "response": {"status": 400, "note": LISTING}},
    }
    stock = {"code": "ORD-STOCK", "message": "Order with SKU out of stock", "field": None, "evidence": None}
    aliases = {"vtex_order_id": f"MLC-{FAILED_ORDER}", "shipment_id": "43117720914"}
    shared = {
        "affiliate": "MLC",
        "code": FAILED_ORDER,
        "aliases": aliases,
        "payload": {"note": LISTING, "items": [1, 2]},
    }
    return [
        _told(account, NOW - timedelta(hours=3), status="success", causes=[], log=_exported(), **shared),
        _told(account, NOW - timedelta(hours=2), status="error", causes=[sla], **shared),
        _told(account, NOW, status="error", causes=[sla, stock], **shared),
    ]


def _exported() -> dict[str, Any]:
    evidence = {"request": {"email": "ana@example.com"}, "response": {"status": 201}}
    return {"message": "Pedido exportado", "evidence": evidence}


def _silent_order(account: str) -> dict[str, Any]:
    causes = [{"code": "AUT-TOKEN", "message": ""}]
    return _told(
        account,
        NOW - timedelta(minutes=1),
        affiliate="SHP",
        code=SILENT_ORDER,
        status="error",
        causes=causes,
        aliases={},
    )


def _hostile(account: str, at: int) -> dict[str, Any]:
    text = HOSTILE[at]
    return _told(
        account, NOW - timedelta(minutes=at), kind="stock", affiliate="X", code=text, status="error", aliases={text: text},
        causes=[{"code": text, "message": text, "field": text, "evidence": {"request": text, "response": [text]}}],
        payload={text: text},
    )  # fmt: skip


def _told(account: str, at: datetime, **changes: Any) -> dict[str, Any]:
    return {"account": account, "processed_at": format_instant(at), "received_at": at, **changes}
