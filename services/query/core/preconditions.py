"""What a caller believes to be there: the entity tags of `If-Match`, without which nothing that exists is changed.

A tag is `"<revision>-<digest>"`. The digest stands over what was shown, and differs for who may see less, and after a release of ours that
shows the same thing otherwise: whoever holds the old answer is sent the new one. A change asks for the revision alone, since nobody
changed the thing meanwhile.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from shared.contracts.errors import PreconditionMissing, Stale

_TAGS: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"|\*')
_OURS: Final = re.compile(r'"(\d{1,18})(?:-[^"]*)?"')
ANY: Final = "*"
DIGEST_BYTES: Final = 6


@dataclass(frozen=True, slots=True)
class Expected:
    """The tags that a request named; None when it named none."""

    tags: Sequence[str] | None

    def names(self, revision: int) -> bool:
        """Say whether a request named this very revision."""
        return revision in map(_revision_of, self.tags or ())

    def check(self, revision: int) -> None:
        """Raise PreconditionMissing when nothing was named, Stale when something else stands there now, or nothing is named that could."""
        if self.tags is None:
            raise PreconditionMissing(
                f"send If-Match with the ETag that you read, now {tag_of(revision)}: someone else may have changed it"
            )
        named = [_revision_of(tag) for tag in self.tags]
        if ANY in self.tags or revision in named:
            return
        if set(named) <= {None}:  # whoever reads it again and sends the same would be told the same for ever
            raise Stale(
                f"`If-Match` names no ETag of ours, which is {tag_of(revision)} now: send what was read, quotes included; "
                "where that is weak (`W/`), the member `etag`"
            )
        raise Stale(f"it was changed since you read it: its ETag is {tag_of(revision)} now; read it again")


def tag_of(revision: int, shown: Mapping[str, Any] | None = None) -> str:
    """Return the entity tag of a revision as it is `shown`, as JSON; without that, what names the revision and no answer."""
    if shown is None:
        return f'"{revision}"'
    return f'"{revision}-{hashlib.blake2b(orjson.dumps(shown), digest_size=DIGEST_BYTES).hexdigest()}"'


def read_tags(header: str | None) -> Sequence[str] | None:
    """Return the tags of an `If-Match` or `If-None-Match`; None without the header. A weak tag matches nothing of ours."""
    return None if header is None else _TAGS.findall(header)


def _revision_of(tag: str) -> int | None:
    """Return the revision that a strong tag of ours names, None for any other."""
    matched = _OURS.fullmatch(tag)
    return None if matched is None else int(matched[1])


def expect_revision(revision: int) -> Expected:
    """Return the expectation of exactly this revision."""
    return Expected((tag_of(revision),))
