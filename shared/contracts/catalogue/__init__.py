"""The error catalogue of Ponte: every failure we know by name, in three languages, with what to do about it.

One file a family holds the rows; `classify` finds the code of a message that came without one.
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Final

from shared.contracts.catalogue import (
    access,
    content,
    listings,
    mapping,
    order_data,
    order_items,
    price_stock,
    skus,
    tracking,
)
from shared.contracts.catalogue.matching import MAX_LENGTH, Matcher, by_vtex_code
from shared.contracts.catalogue.model import LANGUAGES, RETRY_ADVICE, ErrorCode, RetryAdvice
from shared.contracts.commands import Language

__all__ = [
    "CATALOGUE",
    "LANGUAGES",
    "RETRY_ADVICE",
    "UNMAPPED",
    "ErrorCode",
    "Language",
    "RetryAdvice",
    "classify",
    "find",
]

UNMAPPED: Final = "UNMAPPED"
"""The code of a message that nobody has named yet."""

CATALOGUE: Final[Mapping[str, ErrorCode]] = MappingProxyType(
    {
        row.code: row
        for family in (order_items, order_data, tracking, skus, content, mapping, listings, price_stock, access)
        for row in family.ROWS
    }
)

_MEANT: Final = {"EOI002": "ORD-SLA", "EOI009": "ORD-STATUS", "CTLG-010": "CAT-EAN", "AUTH-002": "AUT-DENIED"}
"""VTEX codes that several rows list, and the row whose guidance covers all of them."""

_SUFFIXED: Final = re.compile(r"((?:AUTH|CTLG|INVNT|PRICE|NTMAP)-\d{3})-\w{1,10}")
"""Connectors add a number of their own to an Offer Management code: CTLG-005-001."""

_CACHED_MESSAGES: Final = 1024
"""At the longest message looked at, the cache stays under 20 MB."""


def find(code: str) -> ErrorCode | None:
    """Return the row of a code of ours, or of a VTEX code (EOI…, CTLG-…) where that names one row; None else."""
    if (row := CATALOGUE.get(code)) is not None:
        return row
    suffixed = _SUFFIXED.fullmatch(code)
    ours = _vtex_codes().get(suffixed[1] if suffixed else code)
    return None if ours is None else CATALOGUE[ours]


def classify(message: str, *, kind: str) -> str:
    """Return the code that a cause's message tells of, codes of `kind` first; "UNMAPPED" when it tells of none."""
    return _classified(message[:MAX_LENGTH], kind)


@lru_cache(_CACHED_MESSAGES)
def _classified(message: str, kind: str) -> str:
    return _matcher().find(message, kind) or UNMAPPED


@cache
def _matcher() -> Matcher:
    return Matcher(CATALOGUE.values())


@cache
def _vtex_codes() -> dict[str, str]:
    return by_vtex_code(CATALOGUE.values(), _MEANT)
