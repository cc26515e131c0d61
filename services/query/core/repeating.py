"""A request that may be sent again: what makes two requests the same, and which answers are given again."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.contracts.errors import InvalidField

HEADER: Final = "Idempotency-Key"
MAX_KEY_LENGTH: Final = 255
PATTERN: Final = r"^[\x21-\x7e]{1,255}$"
_KEY: Final = re.compile(PATTERN[1:-1])
FIRST_FAILURE_OF_OURS: Final = 500
ONLY_ASKED: Final = 200
"""Of a POST: a dry run. It did nothing, and what it told is true of the moment alone."""
MENDED_BY_THE_CALLER: Final = frozenset({400, 401, 403, 413, 415, 422, 429})
"""Nothing was done and the request itself must change: the key is free for the one that follows."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request under a key, by the credential `key_id`. `route` is the method and the path's pattern; `fingerprint` tells its path, query and
    body from others.

    Another credential of the account never gets the answer: it may hold what that one may not have, such as the secret of a new key.
    """

    account: str
    key_id: str
    route: str
    key: str
    fingerprint: str

    @property
    def id(self) -> str:
        """Hash of account, credential, route and key: the key itself is never stored."""
        return _digest(self.account, self.key_id, self.route, self.key)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it was given."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def read_key(values: Sequence[str]) -> str | None:
    """Return the key of the header's values, None without the header; quoted or bare. Raise InvalidField."""
    if not values:
        return None
    key = values[0].strip()
    if len(key) > 1 and key[0] == key[-1] == '"':  # the draft writes it as a quoted string, most clients do not
        key = key[1:-1]
    if len(values) > 1 or not _KEY.fullmatch(key):
        raise InvalidField(
            HEADER, f"must be one value of 1 to {MAX_KEY_LENGTH} visible ASCII characters, such as a UUID"
        )
    return key


def fingerprint_of(path: str, query: bytes, body: bytes) -> str:
    """Return what tells a request from another one of its route, byte by byte."""
    return _digest(path, query.decode("latin-1"), hashlib.sha256(body).hexdigest())


def is_given_again(status: int) -> bool:
    """Say whether an answer of this status stands for good: the thing was done, or refused for what is there."""
    return status < FIRST_FAILURE_OF_OURS and status not in {ONLY_ASKED, *MENDED_BY_THE_CALLER}


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode(errors="surrogatepass")).hexdigest()
