"""A shop whose every document, in every collection, holds a word that nobody else may read, and that no text of the panel has."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from gridfs import AsyncGridFSBucket

from services.query.adapters.mongo_audit import MongoAudit
from services.query.adapters.mongo_views import MongoViews
from services.query.core.view import View
from services.query.handlers.auditing import AuditLine
from shared.contracts.commands import ExportCommand, ReprocessCommand
from shared.contracts.dead_letters import ReplayCommand
from shared.contracts.imports import ImportCommand, ImportRow, row_document
from shared.contracts.names import (
    COLLECTIONS,
    DEAD_LETTERS,
    EXPORT_FILES,
    EXPORTS,
    IMPORT_FILES,
    IMPORT_ROWS,
    IMPORTS,
    INTEGRATIONS,
    REPLAY_REQUESTS,
    REPROCESS_REQUESTS,
)
from shared.contracts.stored_secrets import digest_of
from shared.contracts.times import to_milliseconds
from shared.mongo.client import Database
from shared.mongo.jobs import Jobs
from shared.runtime.clock import now
from tests.support.builders import make_event
from tests.support.letters import make_letter
from tests.support.seed import seed_entry, seed_key

WORD = "sigilo"
CPF, EMAIL = "529.982.247-25", f"ana.{WORD}@example.com"
TOPIC = "integration.events.order"


@dataclass(frozen=True)
class Shop:
    """An account, a key of it with every scope, and what its things are called, by the parameters that take their names.

    `spare`: the same, but a job that nobody has begun, and an affiliate that is not registered.
    """

    account: str
    key: str
    known: dict[str, Any]
    spare: dict[str, Any]


async def seed_shop(database: Database, account: str) -> Shop:
    """Store something of everything, whole: an entry twice told, jobs, a report, letters, keys, lines of the audit."""
    at, mark = to_milliseconds(now()), uuid4().hex[:8]
    names = {
        "kind": "order",
        "affiliate": f"{WORD}-{mark}",
        "code": f"{WORD}-code-{mark}",
        "job_id": f"{WORD}-job-{mark}",
        "letter_id": f"{TOPIC}:0:{int(mark, 16) % 10**6}:{mark}0000",
        "view_id": f"{mark}{mark}",
    }
    person = {"firstName": "Ana", "email": EMAIL, "cpf": CPF, "note": WORD}
    for minutes in (9, 8):
        told = make_event(
            account=account,
            affiliate=names["affiliate"],
            code=names["code"],
            processed_at=(at - timedelta(minutes=minutes)).isoformat(),
            aliases={"other": f"{WORD}-alias-{mark}"},
            causes=[{"code": f"{WORD.upper()}-1", "message": f"{WORD} {CPF}", "evidence": {"request": person}}],
            payload=person,
        )
        if minutes == 9:
            first = told
    await seed_entry(database, first, told, reprocess={"id": names["job_id"], "state": "sent", "requested_by": WORD})
    spare = {**names, "job_id": f"{names['job_id']}-spare", "affiliate": f"{names['affiliate']}-spare"}
    await _seed_jobs(database, account, names)
    await _seed_jobs(database, account, spare)
    await _finish_export(database, account, names["job_id"])
    await _finish_import(database, account, names)
    letter = make_letter(account=account, value=f'{{"x": "{WORD}", "email": "{EMAIL}"}}'.encode(), error_class=WORD)
    await database[DEAD_LETTERS].insert_one({**letter, "_id": names["letter_id"]})
    await database[INTEGRATIONS].insert_one(
        {
            "_id": f"{account}|{names['affiliate']}",
            "account": account,
            "affiliate": names["affiliate"],
            "marketplace": f"{WORD} {mark}",
        }
    )
    view = View(names["view_id"], f"{WORD} {mark}", "order", f"q={WORD}", "-processed_at", WORD, at, at)
    await MongoViews(database, time_limit_ms=5000).add_view(account, view)
    key = await seed_key(database, account, "read", "export", "reprocess", "admin", name=f"{WORD} {mark}")
    other = await seed_key(database, account, "admin", name=f"{WORD} other")
    await MongoAudit(database, time_limit_ms=5000).record(
        AuditLine(account, at, "entry.revealed", f"{account}|{WORD}", digest_of(key)[:16], WORD, False, WORD)
    )
    more = {"item_id": names["code"], "key_id": digest_of(other)[:16], "reason": "a test"}
    return Shop(account, key, {**names, **more}, {**spare, **more})


async def _seed_jobs(database: Database, account: str, names: dict[str, Any]) -> None:
    job = {"id": names["job_id"], "account": account, "requested_by": WORD}
    item = {"affiliate": names["affiliate"], "code": names["code"]}
    commands = {
        REPROCESS_REQUESTS: ReprocessCommand(**job, kind="order", items=[item], reason=WORD),
        EXPORTS: ExportCommand(**job, kind="order", filter={"q": WORD}),
        IMPORTS: ImportCommand(**job, file_name=f"{WORD}.xlsx"),
        REPLAY_REQUESTS: ReplayCommand(**job, filter={"error_class": [WORD]}),
    }
    for collection, command in commands.items():
        await Jobs(database, collection).insert(command.model_dump(mode="json"), now=now())


async def _finish_export(database: Database, account: str, job_id: str) -> None:
    file = f"{account}-{WORD}"
    bucket = AsyncGridFSBucket(database, EXPORT_FILES)
    await bucket.upload_from_stream_with_id(file, WORD, WORD.encode() * 10, metadata={"account": account})
    done = {
        "state": "done",
        "progress": {"file_id": file, "file_name": f"{WORD}.csv", "sha256": "0" * 64, "content_type": "text/csv"},
    }
    await database[EXPORTS].update_one({"_id": f"{account}|{job_id}"}, {"$set": done})


async def _finish_import(database: Database, account: str, names: dict[str, Any]) -> None:
    file, item = f"{account}-{WORD}-preview", {"affiliate": names["affiliate"], "code": names["code"]}
    row = ImportRow(number=1, sheet=WORD, row=2, kind=names["kind"], **item, state="eligible")
    await database[IMPORT_ROWS].insert_one(row_document(file, account, row))
    told = {"file_id": file, "rows": 1, "rows_done": 1, "counts": {"eligible": 1}, "eligible": {"order": 1}}
    done = {"state": "done", "progress": told}
    await database[IMPORTS].update_one({"_id": f"{account}|{names['job_id']}"}, {"$set": done})


async def everything_of(database: Database, account: str) -> dict[str, list[dict[str, Any]]]:
    """All documents of an account, by collection, and all files; without what a look at them changes."""
    found = {}
    files = [f"{bucket}.files" for bucket in (EXPORT_FILES, IMPORT_FILES)]
    for name in (*(one.name for one in COLLECTIONS), *files):
        mine = {"metadata.account" if name in files else "account": account}
        documents = await database[name].find(mine).sort("_id").to_list()
        found[name] = [{key: value for key, value in one.items() if key != "last_used_at"} for one in documents]
    return found
