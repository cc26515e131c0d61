"""The two readings of a filter, as a query and of a document in hand, never differ."""

from collections.abc import Iterator
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import MongoClient
from pymongo.collection import Collection

from deploy.local.servers import Servers
from shared.contracts.errors import InvalidFilter
from shared.contracts.events import STATUSES
from shared.contracts.filters import LogFilter
from shared.contracts.matching import lets_pass
from shared.contracts.names import KINDS
from shared.mongo.client import Document
from shared.mongo.queries import query_of
from tests.support.builders import make_event
from tests.support.seed import entry_document

CODES = ["ORD-SLA", "NET-THROTTLE", "MKT-CLOSED", "EOI002", "CTLG-005", "CTLG-005-001", "CTLG-006-é", "CTLG-006-", "UNMAPPED", "x", ""]  # fmt: skip
MESSAGES = [
    "Não há estoque",
    "ESTOQUE baixo no depósito 7, plano A/B",
    "sla",
    "",
    "a & b + c \"d\" 'e' 100%",
    "straße ﬁm",
]
IDS = ["PED-1", "ped-10", "Ação+1", "1&2", 'say "x"', "100%", "a.b", "a*b", "ß", "ﬁ", "%", "日本"]
INSTANTS = ["2026-11-23T10:00:00Z", "2026-11-23T10:00:00.001Z", "2026-11-23T10:00:01Z", "2026-11-24T00:00:00Z"]
JOBS = ["job-1", "job-2"]


def make_entries() -> Iterator[Document]:
    for n, (code, status) in enumerate(product([None, *CODES], ["error", "warning", "success", "processing"])):
        message = MESSAGES[n % len(MESSAGES)]
        causes = [] if n % 5 == 4 else [{"code": code, "message": message}]
        if n % 7 == 3:
            causes.append({"code": CODES[n % len(CODES)], "message": "sla"})
        event = make_event(
            account="vizinha" if n % 11 == 10 else "loja",
            kind=KINDS[n % 2],
            affiliate=("MLC", "AMZ", "mlc")[n % 3],
            code=f"{IDS[n % len(IDS)]}{n}",
            status=status,
            causes=causes,
            processed_at=INSTANTS[n % 4],
            aliases={"a.b": IDS[n * 5 % len(IDS)]},
        )
        changes: dict[str, Any] = {"reprocess": {"id": JOBS[n % 2], "state": "sent"}} if n % 4 == 0 else {}
        document = entry_document([event], attempts=n % 6 + 1, **changes)
        document["state"]["causes"] = causes  # as older versions stored them, too: without a code
        yield document


ENTRIES = list(make_entries())
GROUPS = sorted({group for entry in ENTRIES for group in entry["state"].get("groups", ())})[:20]


@pytest.fixture(scope="module")
def entries(servers: Servers) -> Iterator[Collection[Document]]:
    with MongoClient[Document](servers.mongo.uri) as client:
        name = f"test_{uuid4().hex[:12]}"
        client[name]["entries"].insert_many(ENTRIES)
        yield client[name]["entries"]
        client.drop_database(name)


def some_of(*values: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)


searches = st.one_of(
    st.sampled_from([*IDS, *MESSAGES, "estoque não", "7", "dep", "p", "deposito ESTOQUE", "a/b", "A/B estoque"]),
    st.text(st.sampled_from('aApPéÉ1 .*&+"%-ßﬁ'), min_size=1, max_size=3),
)
filters = st.fixed_dictionaries(
    {},
    optional={
        "kind": some_of(*KINDS[:3]),
        "affiliate": some_of("MLC", "AMZ", "mlc", "B2W"),
        "status": some_of(*STATUSES),
        "error_code": some_of(*filter(None, CODES), "absent"),
        "group": some_of(*GROUPS, "0123456789abcdef"),
        "retry": some_of("auto", "fix", "never"),
        "reprocess_id": some_of(*JOBS, "absent"),
        "q": searches,
        "from": st.sampled_from(INSTANTS),
        "to": st.sampled_from(INSTANTS),
        "date_axis": st.sampled_from(["processed_at", "received_at"]),
        "attempts_min": st.integers(1, 7),
        "stale_since": st.sampled_from(INSTANTS),
    },
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=filters)
def test_a_query_and_a_look_agree(entries: Collection[Document], values: dict[str, Any]) -> None:
    try:
        rows = LogFilter.parse(values)
    except InvalidFilter:
        return
    found = {document["_id"] for document in entries.find(query_of("loja", rows), {"_id": 1})}
    assert found == {document["_id"] for document in ENTRIES if lets_pass(rows, "loja", document)}


@pytest.mark.parametrize("retry", [["auto"], ["fix"], ["never"], ["auto", "never"], ["fix", "never"]])
def test_advice_is_the_same_for_every_way_to_write_a_code(entries: Collection[Document], retry: list[str]) -> None:
    rows = LogFilter.parse({"retry": retry})
    found = {document["_id"] for document in entries.find(query_of("loja", rows), {"_id": 1})}
    assert found == {document["_id"] for document in ENTRIES if lets_pass(rows, "loja", document)}
    assert found
