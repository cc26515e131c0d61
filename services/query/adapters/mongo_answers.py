"""Answers to requests under idempotency keys in MongoDB, each sealed with its key.

    _id             hash of account, route and key; the key itself is nowhere
    account route   whose and where: for people
    state           running, open, done
    operation fingerprint claimed_until expires_at
    answer          {status, headers, body}; the body is encrypted

An answer may hold a secret that is shown once, such as a new API key. Only who has the idempotency key can read it here.
"""

import secrets
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from services.query.core.repeating import Answer, Asked
from services.query.handlers.repeating import Claim
from shared.contracts.names import IDEMPOTENT_REQUESTS
from shared.contracts.times import aware
from shared.mongo.client import Database, Document
from shared.mongo.errors import translated

NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32


class MongoAnswers:
    """The port AnswerStore."""

    def __init__(self, database: Database, *, time_limit_ms: int) -> None:
        self._requests: AsyncCollection[Document] = database[IDEMPOTENT_REQUESTS]
        self._time_limit_ms = time_limit_ms

    async def claim(self, asked: Asked, claim: Claim, *, expires_at: datetime) -> bool:
        """Insert the claim."""
        document = {
            "_id": asked.id,
            "account": asked.account,
            "route": asked.route,
            "state": claim.state,
            "operation": claim.operation,
            "fingerprint": claim.fingerprint,
            "claimed_until": claim.claimed_until,
            "expires_at": expires_at,
        }
        with translated():
            try:
                await self._requests.insert_one(document)
            except DuplicateKeyError:
                return False
        return True

    async def find(self, asked: Asked) -> Claim | None:
        """Return what is known of the key."""
        with translated():
            found = await self._requests.find_one({"_id": {"$eq": asked.id}}, max_time_ms=self._time_limit_ms)
        if found is None:
            return None
        answer = found.get("answer")
        return Claim(
            state=found["state"],
            operation=found["operation"],
            fingerprint=found["fingerprint"],
            claimed_until=aware(found["claimed_until"]),
            answer=None
            if answer is None
            else Answer(answer["status"], answer["headers"], _open(asked, answer["body"])),
        )

    async def take_over(self, asked: Asked, known: Claim, *, until: datetime) -> bool:
        """Move the claim's end, if it still stands where it was seen."""
        seen = {"_id": {"$eq": asked.id}, "state": known.state, "claimed_until": known.claimed_until}
        with translated():
            done = await self._requests.update_one(seen, {"$set": {"state": "running", "claimed_until": until}})
        return done.matched_count == 1

    async def keep(self, asked: Asked, operation: str, answer: Answer) -> None:
        """Store the answer."""
        told = {"status": answer.status, "headers": dict(answer.headers), "body": _seal(asked, answer.body)}
        await self._update(asked, operation, {"state": "done", "answer": told})

    async def give_up(self, asked: Asked, operation: str) -> None:
        """Mark the claim as open."""
        await self._update(asked, operation, {"state": "open"})

    async def forget(self, asked: Asked, operation: str) -> None:
        """Delete the claim."""
        with translated():
            await self._requests.delete_one(_running(asked, operation))

    async def _update(self, asked: Asked, operation: str, fields: dict[str, Any]) -> None:
        with translated():
            await self._requests.update_one(_running(asked, operation), {"$set": fields})


def _running(asked: Asked, operation: str) -> Document:
    return {"_id": {"$eq": asked.id}, "operation": {"$eq": operation}, "state": "running"}


def _seal(asked: Asked, body: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + _cipher(asked).encrypt(nonce, body, asked.id.encode())


def _open(asked: Asked, sealed: bytes) -> bytes:
    return _cipher(asked).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], asked.id.encode())


def _cipher(asked: Asked) -> AESGCM:
    derived = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=asked.id.encode(), info=b"ponte answer")
    return AESGCM(derived.derive(asked.key.encode()))
