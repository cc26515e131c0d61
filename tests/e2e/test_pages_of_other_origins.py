"""A front end of someone else's, in a real browser: it may call the API with a key, and never with the panel's cookie."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from deploy.local.servers import Servers
from tests.support.browsers import Chromium
from tests.support.query_process import KEY, QueryProcess

FETCH = """async ([url, options]) => {
    try {
        const answer = await fetch(url, options);
        return {status: answer.status, body: await answer.text(), headers: Object.fromEntries(answer.headers)};
    } catch (error) { return {status: 0, body: String(error), headers: {}}; }
}"""


class Page(BaseHTTPRequestHandler):
    """An empty page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>A front end</title>")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """The address of someone else's page; another port is another origin, and the same site, to which cookies are sent."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def query(servers: Servers, database_name: str, account: str, tmp_path: Path, elsewhere: str) -> Iterator[QueryProcess]:
    addresses = servers.kafka.bootstrap, servers.mongo.uri
    process = QueryProcess(*addresses, database_name, account, tmp_path, PONTE_QUERY_CORS_ORIGINS=elsewhere)
    with process.running() as running:
        yield running


@pytest.fixture
def visitor(browser: Chromium, query: QueryProcess) -> Iterator[BrowserContext]:
    """A browser that is signed in to the panel."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{query.url}/sign-in")
    page.fill("input[name=key]", KEY)
    page.press("input[name=key]", "Enter")
    page.wait_for_url(f"{query.url}/**")
    assert any(cookie["name"] == "ponte_session" for cookie in context.cookies())
    yield context
    browser.close(context)


def ask(context: BrowserContext, origin: str, url: str, **options: Any) -> dict[str, Any]:
    page = context.new_page()
    page.goto(origin)
    answer: dict[str, Any] = page.evaluate(FETCH, [url, options])
    page.close()
    return answer


def test_a_named_page_reads_and_writes_with_a_key_and_sees_the_headers(
    visitor: BrowserContext, query: QueryProcess, elsewhere: str
) -> None:
    key = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    read = ask(visitor, elsewhere, f"{query.url}/v1/logs/order", headers=key)
    body = '{"marketplace": "Mercado Livre"}'
    put = ask(visitor, elsewhere, f"{query.url}/v1/integrations/MLC", headers=key, method="PUT", body=body)
    refused = ask(visitor, elsewhere, f"{query.url}/v1/logs/nothing", headers=key)

    assert (read["status"], put["status"], refused["status"]) == (200, 201, 422)
    assert {"etag", "ratelimit", "x-request-id"} <= set(read["headers"])
    assert {"etag", "location"} <= set(put["headers"])
    assert "correlation_id" in refused["body"]


@pytest.mark.parametrize("credentials", ["include", "same-origin"])
@pytest.mark.parametrize("path", ["/v1/logs/order", "/", "/sign-in"])
def test_the_panels_cookie_is_of_no_use_to_it(
    visitor: BrowserContext, query: QueryProcess, elsewhere: str, path: str, credentials: str
) -> None:
    own = ask(visitor, query.url, f"{query.url}/v1/logs/order")
    answer = ask(visitor, elsewhere, f"{query.url}{path}", credentials=credentials)

    assert own["status"] == 200
    assert answer["status"] in {0, 401}
    assert "items" not in answer["body"]


def test_a_page_that_is_not_named_reads_nothing(visitor: BrowserContext, query: QueryProcess, elsewhere: str) -> None:
    unnamed = elsewhere.replace("127.0.0.1", "localhost")

    answer = ask(visitor, unnamed, f"{query.url}/v1/logs/order", headers={"Authorization": f"Bearer {KEY}"})

    assert answer["status"] == 0
