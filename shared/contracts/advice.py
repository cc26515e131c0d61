"""What the catalogue advises for an error code, and the other way round: which codes have an advice.

Codes are kept as connectors write them, so one advice covers our codes, VTEX codes, and VTEX codes with a connector's own suffix.
A code that the catalogue lacks is advised as UNMAPPED is.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

from shared.contracts.catalogue import CATALOGUE, RETRY_ADVICE, UNMAPPED, RetryAdvice, find

UNKNOWN: Final[RetryAdvice] = CATALOGUE[UNMAPPED].retry


@dataclass(frozen=True, slots=True)
class Codes:
    """`named` codes, and `suffixed` ones of which each also stands for itself with `-` and 1 to 10 word characters added."""

    named: tuple[str, ...]
    suffixed: tuple[str, ...]


def advice_of(code: object) -> RetryAdvice:
    """Return what to do about a cause of this code; a cause may have none."""
    found = find(code) if isinstance(code, str) else None
    return UNKNOWN if found is None else found.retry


@cache
def known_codes(advice: frozenset[str]) -> Codes:
    """Return all codes that the catalogue knows and for which it says one of `advice`."""
    written = {*CATALOGUE, *(code for row in CATALOGUE.values() for code in row.vtex_codes)}
    named = sorted(code for code in written if find(code) is not None and advice_of(code) in advice)
    return Codes(tuple(named), tuple(code for code in named if _takes_suffix(code)))


def other_advice(advice: frozenset[str]) -> frozenset[str]:
    """Return the advice that is none of `advice`."""
    return frozenset(RETRY_ADVICE) - advice


def _takes_suffix(code: str) -> bool:
    return find(f"{code}-0") is find(code)
