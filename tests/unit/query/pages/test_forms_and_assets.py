import re
from pathlib import Path

import pytest
from fastapi import Request

from services.query.entrypoints.pages.assets import STATIC, read_assets
from services.query.entrypoints.pages.forms import list_behind, opened_from, way_back, with_parameter, without_told
from services.query.entrypoints.pages.help import article_address
from services.query.entrypoints.pages.screen import TEMPLATES
from shared.contracts.catalogue import CATALOGUE


@pytest.mark.parametrize("address", ["/", "/logs/order?status=error&q=a%2Fb", "/logs/order/MLC/a%2Fb"])
def test_a_way_back_on_this_site_is_taken(address: str) -> None:
    assert way_back(address, "/else") == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/a\\b",
        "/\n/evil",
        "javascript:alert(1)",
        "///evil",
        "http:/x",
        "//[",
    ],
)
def test_a_way_back_that_leads_elsewhere_is_not_taken(address: str) -> None:
    assert way_back(address, "/else") == "/else"


def test_a_parameter_is_added_once() -> None:
    assert with_parameter("/logs/order", "job", "a") == "/logs/order?job=a"
    assert with_parameter("/logs/order?job=a&status=error", "job", "b") == "/logs/order?status=error&job=b"


def test_what_is_told_once_is_no_part_of_an_address_that_leads_back() -> None:
    assert without_told("/logs/order?view=saved&status=error&named=a%26b&done=x") == "/logs/order?status=error"
    assert without_told("/logs/order?view=saved") == without_told("/logs/order?") == "/logs/order"


def request_for(query: str, referer: str) -> Request:
    headers = [(b"referer", referer.encode())] if referer else []
    return Request({"type": "http", "path": "/logs/order/MLC/1", "query_string": query.encode(), "headers": headers})


@pytest.mark.parametrize(
    ("query", "referer", "behind"),
    [
        ("", "", "/logs/order"),
        ("", "https://ponte.test/logs/order?status=error&view=saved", "/logs/order?status=error"),
        ("behind=/logs/order%3Fq%3Da%2526b", "https://ponte.test/logs/order/MLC/1", "/logs/order?q=a%26b"),
        ("", "https://ponte.test/logs/price?status=error", "/logs/order"),
        ("behind=//evil.example/logs/order", "https://[", "/logs/order"),
        ("behind=https://evil.example", "https://ponte.test/logs/order", "/logs/order"),
    ],
)
def test_the_list_behind_a_page_is_the_one_it_was_opened_from(query: str, referer: str, behind: str) -> None:
    assert list_behind(request_for(query, referer), "/logs/order") == behind


def test_a_page_hands_its_list_on() -> None:
    own = opened_from("/logs/order/MLC/1", "/logs/order?q=a%26b&status=error", cursor="x=")
    assert own == "/logs/order/MLC/1?behind=/logs/order%3Fq%3Da%2526b%26status%3Derror&cursor=x%3D"
    assert list_behind(request_for(own.partition("?")[2], ""), "/logs/order") == "/logs/order?q=a%26b&status=error"
    assert opened_from("/logs/order/MLC/1", "/logs/order") == "/logs/order/MLC/1"


def test_modules_and_styles_name_one_another_with_the_version(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\nimport "./c.js";\n')
    (tmp_path / "b.js").write_text("export const b = 1;")
    (tmp_path / "a.css").write_text('x { mask: url("./m.svg") }')
    (tmp_path / "notes.txt").write_text("not served")
    assets = read_assets(tmp_path)
    assert set(assets.files) == {"a.js", "b.js", "a.css"}
    assert assets.files["a.js"].count(f"?v={assets.version}".encode()) == 2
    assert f'"./m.svg?v={assets.version}"'.encode() in assets.files["a.css"]


def test_the_version_changes_with_any_file(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("1")
    before = read_assets(tmp_path).version
    (tmp_path / "a.js").write_text("2")
    assert read_assets(tmp_path).version != before


def test_no_module_makes_markup_of_text_and_no_template_switches_escaping_off() -> None:
    scripts = "\n".join(path.read_text() for path in STATIC.glob("*.js"))
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|\beval\b", scripts
    )
    templates = "\n".join(path.read_text() for path in TEMPLATES.rglob("*.html"))
    assert not re.search(r"\|\s*safe\b|autoescape|<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", templates)


def test_an_article_has_an_address_and_a_known_issue_has_none() -> None:
    assert article_address(CATALOGUE["ORD-SLA"], "pt").endswith("/pt/faq/sla-errors-in-marketplace-integration-orders")
    assert article_address(CATALOGUE["TRK-DATE"], "pt") == ""
