"""The API key that `ponte up` makes where none is given: the same from run to run of one data folder, so that scripts keep working."""

import secrets
from pathlib import Path
from typing import Any, Final

from pymongo import MongoClient

from deploy.errors import CommandError
from deploy.private_file import write_private
from shared.contracts.names import API_KEYS
from shared.contracts.stored_secrets import LEAST_KEY_LENGTH, digest_of, is_sendable

KEY_BYTES: Final = 32
_BLANK: Final = "\0 \t\r\n"
"""What a file may hold of a key after a crash of the machine: nothing, or zeros."""


def new_key() -> str:
    """Return a key that nobody has yet."""
    return secrets.token_urlsafe(KEY_BYTES)


def kept_key(folder: Path) -> str:
    """Return the key of the data folder, a new one where it has none. Raise CommandError that names the file at fault."""
    path = folder / "api-key"
    try:
        key = path.read_text(encoding="ascii", errors="replace").strip(_BLANK) if path.exists() else ""
        if not key:
            key = new_key()
            write_private(path, key)
    except OSError as error:
        raise CommandError(
            f"the key in {path} cannot be kept ({error.strerror or error}): choose another data folder, or change its owner"
        ) from error
    if len(key) < LEAST_KEY_LENGTH:
        raise CommandError(
            f"{path} holds {len(key)} characters, and a key has {LEAST_KEY_LENGTH} or more: remove it to get one made"
        )
    if not is_sendable(key):
        raise CommandError(f"{path} holds something that no request can carry as a key: remove it to get one made")
    return key


def account_of(key: str, mongo_uri: str, database: str) -> str | None:
    """Return the account that the key belongs to there, None when it is not stored yet. Raise PyMongoError.

    A key keeps its account for ever: under another one its holder would see nothing of what is published.
    """
    with MongoClient[dict[str, Any]](mongo_uri, appname="ponte.cli", serverSelectionTimeoutMS=5_000) as client:
        found = client[database][API_KEYS].find_one({"hash": {"$eq": digest_of(key)}}, {"account": True})
    return None if found is None else str(found["account"])
