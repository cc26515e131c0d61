"""The sentences are taken from where they are written: whoever changes one there is told here that it is no longer understood."""

import asyncio
import errno
import io
import os
import zipfile
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from services.exporter.adapters.returned_files import pick_rows
from services.exporter.core.report import Report
from services.exporter.core.returned import UnreadableFile
from services.exporter.handlers.exporting import Tools, export_next
from services.exporter.handlers.importing import ImportTools, import_next
from services.exporter.handlers.job_run import MAX_STARTS
from services.ingest.core.decode import read_by_parts
from services.query.entrypoints.pages.address import parse_address, with_zone
from services.query.entrypoints.pages.language import words_of
from services.query.entrypoints.pages.reasons import REASONS, reason_told
from shared.contracts.commands import ExportCommand, ReprocessCommand, parse_command
from shared.contracts.errors import InvalidCommand, InvalidEvent, InvalidField
from shared.contracts.imports import ImportCommand
from tests.support.builders import make_record
from tests.support.export_rows import AT, make_entry
from tests.support.fakes.exporter import (
    MemoryEntryLookup,
    MemoryEntryReader,
    MemoryExportStore,
    MemoryFileStore,
    MemoryImportStore,
    MemoryReturnedFiles,
)

ZONE = ZoneInfo("America/Sao_Paulo")
DATA = {
    "account": "loja",
    "kind": "order",
    "affiliate": "MLC",
    "code": "1",
    "status": "success",
    "processed_at": "2026-11-23T10:11:12Z",
}
NOT_JSON = "unexpected character: line 1 column 2 (char 1)"


def event(**changes: Any) -> bytes:
    """Return an event, a field that is `...` left out."""
    return orjson.dumps({name: value for name, value in {**DATA, **changes}.items() if value is not ...})


def of_event(value: bytes | None, *headers: tuple[str, bytes]) -> str:
    with pytest.raises(InvalidEvent) as found:
        read_by_parts(make_record(value, headers=headers), frozenset({"loja"}))
    return str(found.value)


def of_filter(**query: str) -> str:
    with pytest.raises(InvalidField) as found:
        parse_address("order", {name.rstrip("_"): [value] for name, value in query.items()}, ZONE)
    return found.value.reason


def of_instant(text: str) -> str:
    with pytest.raises(InvalidField) as found:
        with_zone("from", text, ZONE)
    return found.value.reason


def of_command(**said: Any) -> str:
    with pytest.raises(InvalidCommand) as found:
        parse_command(ReprocessCommand, {"account": "loja", "kind": "order", **said})
    return found.value.reason


def of_export(**said: Any) -> str:
    with pytest.raises(InvalidCommand) as found:
        parse_command(ExportCommand, {"account": "loja", **said})
    return found.value.reason


def of_report(broken: Callable[[Report], Any], *, died: int = 0) -> str:
    """Return the error of a job whose file could not be written, or whose worker died."""
    store = MemoryExportStore(lambda: AT)

    async def export() -> str:
        await store.take_in(ExportCommand(id="e1", account="loja"))
        store.jobs["loja|e1"]["progress"]["starts"] = died
        tools = Tools(
            reader=MemoryEntryReader([make_entry()]), store=store, files=MemoryFileStore(), open_workbook=broken,
            clock=lambda: AT, beat_seconds=0.01,
        )  # fmt: skip
        outcome = await export_next(tools)
        assert outcome is not None
        return str(outcome.error)

    return asyncio.run(export())


def of_file(content: bytes) -> str:
    with pytest.raises(UnreadableFile) as found:
        pick_rows(io.BytesIO(content))
    return str(found.value)


def bomb() -> bytes:
    """Return an archive of a few kilobytes whose entry says that it unpacks to more than a workbook may."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as parts, parts.open("xl/workbook.xml", "w") as part:
        for _ in range(129):
            part.write(b" " * 2**20)
    return written.getvalue()


def of_an_import_without_its_file(*, died: int = 0) -> str:
    store = MemoryImportStore(lambda: AT)

    async def read() -> str:
        await store.take_in(ImportCommand(id="i1", account="loja"))
        store.jobs["loja|i1"]["progress"]["starts"] = died
        tools = ImportTools(
            entries=MemoryEntryLookup(), store=store, files=MemoryReturnedFiles(), open_spool=io.BytesIO, pick_rows=pick_rows,
            beat_seconds=0.01,
        )  # fmt: skip
        outcome = await import_next(tools)
        assert outcome is not None
        return str(outcome.error)

    return asyncio.run(read())


def refused(number: int) -> Callable[[Report], Any]:
    def open_workbook(_: Report) -> Any:
        raise OSError(number, os.strerror(number))

    return open_workbook


def defective(_: Report) -> Any:
    raise ZeroDivisionError("division by zero")


ITEM = {"affiliate": "MLC", "code": "1"}
BINARY = (("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"s"))
SAID: list[Callable[[], str]] = [
    lambda: of_event(event(code=...)),
    lambda: of_event(event(affiliate=5)),
    lambda: of_event(event(code="")),
    lambda: of_event(event(affiliate="é")),
    lambda: of_event(event(status="broken")),
    lambda: of_event(event(sequence="1")),
    lambda: of_event(event(sequence=-1)),
    lambda: of_event(event(causes="none")),
    lambda: of_event(event(causes=["none"])),
    lambda: of_event(event(causes=['{"code": "X"}'])),
    lambda: of_event(event(processed_at="yesterday")),
    lambda: of_event(event(processed_at="0001-01-01T00:00:00+03:00")),
    lambda: of_event(event(account="outra")),
    lambda: of_event(event(kind="price")),
    lambda: of_event(event(code=..., affiliate=7)),
    lambda: of_event(None),
    lambda: of_event(b" " * 2_000_000),
    lambda: of_event(b"[]"),
    lambda: of_event(b" "),
    lambda: of_event("\ufeff{}".encode()),
    lambda: of_event(b"\x00\x00\x00\x00\x01{}"),
    lambda: of_event(b'{"a": "\xe9"}'),
    lambda: of_event("{}".encode("utf-16-be")),
    lambda: of_event(b'{"a": NaN}'),
    lambda: of_event(b'{"a": 1e999}'),
    lambda: of_event(b'{"a": '),
    lambda: of_event(b'{"a":' * 2000),
    lambda: of_event(b'{"a":' * 101 + b"1" + b"}" * 101),
    lambda: of_event(b'{"a\\u0000": 1}'),
    lambda: of_event(b'{"a": 123456789012345678901234567890}'),
    lambda: of_event(b'{"specversion": "2.0", "data": {}}'),
    lambda: of_event(b'{"specversion": "1.0", "id": 7, "data": {}}'),
    lambda: of_event(b'{"specversion": "1.0", "id": "7", "source": "s", "type": "none", "data": {}}'),
    lambda: of_event(b'{"specversion": "1.0", "id": "7", "source": "s", "type": "integration.order.processed"}'),
    lambda: of_event(event(), *BINARY, ("ce_type", b"\xff")),
    lambda: of_event(event(), *BINARY, ("ce_type", b"integration.price.processed")),
    lambda: of_filter(affiliate="a b"),
    lambda: of_filter(status="broken"),
    lambda: of_filter(attempts_min="0"),
    lambda: of_filter(q="x" * 301),
    lambda: of_filter(q="a\x01"),
    lambda: of_filter(q="\u0301"),
    lambda: of_filter(retry="fix", status="success"),
    lambda: of_filter(error_code="X", status="processing"),
    lambda: of_filter(group="nonsense"),
    lambda: of_filter(from_="2026-11-23T10:00:00Z", stale_since="2026-11-22T10:00:00Z"),
    lambda: of_filter(from_="2026-11-23T10:00:00Z", to="2026-11-22T10:00:00Z"),
    lambda: of_instant("yesterday"),
    of_command,
    lambda: of_command(items=[]),
    lambda: of_command(items=[ITEM] * 10_001),
    lambda: of_command(items=[ITEM], surprise=1),
    lambda: of_command(items=[ITEM], dry_run="true"),
    lambda: of_command(items=[ITEM], id="a b"),
    lambda: of_command(items=[ITEM], reason="x" * 1001),
    lambda: of_command(filter={"status": ""}),
    lambda: of_command(filter={"color": "red"}),
    lambda: of_export(time_zone="Mars/Base"),
    lambda: of_report(refused(errno.ENOSPC)),
    lambda: of_report(refused(errno.EACCES)),
    lambda: of_report(defective),
    lambda: of_report(defective, died=MAX_STARTS),
    lambda: "nothing could be sent for 0:10:00: the broker is away",
    lambda: of_file(b"a,b,c\n1,2,3\n"),
    lambda: of_file(b"Kind,Affiliate,Code\n" + b"Order,MLC,1\n" * 10_001),
    lambda: of_file(b"Kind,Affiliate,Code,Reprocess\n" + b"Order,MLC,1,\n" * 50_001),
    lambda: of_file(b"Kind,Affiliate,Code\n\x81\x8d"),
    lambda: of_file(b"PK\x03\x04 and no more"),
    lambda: of_file(bomb()),
    of_an_import_without_its_file,
    lambda: of_an_import_without_its_file(died=MAX_STARTS),
]


@pytest.mark.parametrize("say", SAID, ids=map(str, range(len(SAID))))
def test_a_reason_of_a_closed_set_is_told_in_each_language(say: Callable[[], str]) -> None:
    said = say()
    assert reason_told(words_of("en"), said) == said
    assert said not in {reason_told(words_of(language), said) for language in ("pt", "es")}


def test_fields_and_values_stay_and_so_does_what_nobody_knows() -> None:
    pt = words_of("pt")
    assert reason_told(pt, "code: is missing; affiliate: must be a text, this is a number") == (
        "code: falta; affiliate: precisa ser um texto, e é um número"
    )
    assert reason_told(pt, "kind: 'price' does not belong on integration.events.order") == (
        "kind: 'price' não pertence a integration.events.order"
    )
    for unknown in (NOT_JSON, "", "why it is so", f"data: {NOT_JSON}"):
        assert reason_told(pt, unknown) == unknown


def test_every_sentence_has_its_words() -> None:
    assert {key for key in REASONS if not words_of("pt").has(key)} == set()
