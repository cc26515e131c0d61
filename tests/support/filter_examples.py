"""Filters of all sorts, as people and programs write them (hypothesis)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from shared.contracts.catalogue import RETRY_ADVICE
from shared.contracts.errors import InvalidFilter
from shared.contracts.events import STATUSES
from shared.contracts.filters import DATE_AXES, MAX_ATTEMPTS, LogFilter
from shared.contracts.names import KINDS
from shared.contracts.text import fold

NAMES = st.text("ABCdef019_.-", min_size=1, max_size=8)
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40).filter(
    lambda text: text == text.strip()
)
YEARS = timedelta(days=365) // timedelta(microseconds=1)
INSTANTS = st.integers(-1_900 * YEARS, 7_900 * YEARS).map(
    lambda micro: (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micro)).isoformat()
)
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.lists(st.sampled_from(KINDS), min_size=1, unique=True),
        "affiliate": st.lists(NAMES, min_size=1, unique=True),
        "status": st.lists(st.sampled_from(STATUSES), min_size=1, unique=True),
        "error_code": st.lists(TEXTS, min_size=1, unique=True),
        "group": st.lists(st.text("0123456789abcdef", min_size=16, max_size=16), min_size=1, unique=True),
        "retry": st.lists(st.sampled_from(RETRY_ADVICE), min_size=1, unique=True),
        "reprocess_id": st.lists(TEXTS, min_size=1, unique=True),
        "q": TEXTS.filter(fold),
        "from": INSTANTS,
        "to": INSTANTS,
        "date_axis": st.sampled_from(DATE_AXES),
        "attempts_min": st.one_of(st.integers(1, MAX_ATTEMPTS), st.integers(1, MAX_ATTEMPTS).map(str)),
        "stale_since": INSTANTS,
    },
)


def parsed(values: dict[str, Any]) -> LogFilter:
    """Return the filter, or leave the example out where its fields contradict one another."""
    try:
        return LogFilter.parse(values)
    except InvalidFilter as error:
        assume(error.field not in ("to", "status", "stale_since"))
        raise
