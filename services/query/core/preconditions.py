"""What a caller believes to be there: the entity tags of `If-Match`, without which nothing that exists is changed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.contracts.errors import PreconditionMissing, Stale

_TAGS: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"|\*')
ANY: Final = "*"
MASKED: Final = "-masked"
"""Ends the tag of what shows less to those who may see less: the same revision, other bytes (RFC 9110, 8.8.1)."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The tags that a request named; None when it named none."""

    tags: Sequence[str] | None

    def check(self, revision: int) -> None:
        """Raise PreconditionMissing when nothing was named, Stale when something else stands there now."""
        if self.tags is None:
            raise PreconditionMissing(
                f"send If-Match with the ETag that you read, now {tag_of(revision)}: someone else may have changed it"
            )
        given_out = {ANY, tag_of(revision), tag_of(revision, is_masked=True)}
        if given_out.isdisjoint(self.tags):
            raise Stale(f"it was changed since you read it: its ETag is {tag_of(revision)} now; read it again")


def tag_of(revision: int, *, is_masked: bool = False) -> str:
    """Return the entity tag of a revision; `is_masked`: as those see it who may not see personal data."""
    return f'"{revision}{MASKED if is_masked else ""}"'


def read_tags(header: str | None) -> Sequence[str] | None:
    """Return the tags of an `If-Match` or `If-None-Match`; None without the header. A weak tag matches nothing of ours."""
    return None if header is None else _TAGS.findall(header)


def expect_revision(revision: int) -> Expected:
    """Return the expectation of exactly this revision."""
    return Expected((tag_of(revision),))
