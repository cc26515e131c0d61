"""A page for a person: where few rows fit, the search goes on in larger steps for a moment before it says how far it came."""

import asyncio
from dataclasses import replace
from typing import Final

from services.query.core.permissions import Caller
from services.query.core.sorting import DEFAULT_SORT
from services.query.handlers.leafing import DEFAULT_LIMIT, MAX_LIMIT
from services.query.handlers.reading import LogReader, Page, Total, list_logs
from shared.contracts.filters import LogFilter

WITHIN_SECONDS: Final = 0.4
"""No step is begun after that; each takes about as long as the API's largest page."""

MAX_STEPS: Final = 8


async def search_logs(
    log: LogReader,
    caller: Caller,
    rows: LogFilter,
    *,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
    sort: str = DEFAULT_SORT,
) -> Page:
    """Return a page as `list_logs` does, its search taken on until it is full, at its end, or the moment over."""
    page = await list_logs(log, caller, rows, cursor=cursor, limit=limit, sort=sort)
    clock = asyncio.get_running_loop().time
    until = clock() + WITHIN_SECONDS
    for _ in range(MAX_STEPS):
        wanted = limit - len(page.items)
        if page.continues is None or wanted == 0 or clock() > until:
            break
        step = await list_logs(
            log, caller, rows, cursor=page.continues, limit=wanted, sort=sort, effort=MAX_LIMIT, known=page.total
        )
        page = _joined(page, step, is_first=cursor is None)
    return page


def _joined(page: Page, step: Page, *, is_first: bool) -> Page:
    """Return both as one page. A cursor that leads back leads before the first row that is shown."""
    if page.continues == page.previous_cursor:
        items = [*step.items, *page.items]
        ends = (page.next_cursor if page.items else step.next_cursor, step.previous_cursor)
    else:
        items = [*page.items, *step.items]
        ends = (step.next_cursor, page.previous_cursor if page.items or is_first else step.previous_cursor)
    value = max(page.total.value, len(items))
    total = Total(len(items), "exact") if is_first and step.next_cursor is None else Total(value, page.total.relation)
    return replace(step, items=items, next_cursor=ends[0], previous_cursor=ends[1], total=total)
