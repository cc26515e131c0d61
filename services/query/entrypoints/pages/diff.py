"""What changed on an item since it last worked: a part that its page loads when somebody opens it, and a page without a script."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from services.query.core.diff import Change, ChangeKind, Changes, names_in
from services.query.entrypoints.middleware.paths import Segment
from services.query.entrypoints.pages.address import entry_path
from services.query.entrypoints.pages.forms import list_behind, opened_from
from services.query.entrypoints.pages.frame import PageRoute
from services.query.entrypoints.pages.letters import visible
from services.query.entrypoints.pages.lists import Visitor
from services.query.entrypoints.pages.rows import indented
from services.query.handlers.comparing import compare_with_last_success
from shared.contracts.entries import LogEntry
from shared.contracts.names import Kind

MOST_LETTERS: Final = 400
MOST_LINES: Final = 12
"""Of one value: a page tells hundreds of them."""

PART: Final = "/diff"

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One difference. `where`: names from the outside in, none for the whole content. `before` and `after`: readable, "" for none.

    `is_hidden`: masked, both look the same.
    """

    where: Sequence[str]
    kind: ChangeKind
    before: str
    after: str
    is_hidden: bool
    is_cut: bool


@router.get("/logs/{kind}/{affiliate}/{code}/diff")
async def show_diff(kind: Kind, affiliate: Segment, code: Segment, screen: Visitor) -> Response:
    """Show an entry's content beside that of its last success; a module asks for the comparison alone."""
    found = await compare_with_last_success(screen.services.log, screen.caller, kind, affiliate, code)
    behind = list_behind(screen.request, f"/logs/{kind}")
    path = entry_path(kind, affiliate, code)
    return screen.render(
        "parts/diff.html" if screen.wants_fragment else "diff.html",
        found=found,
        changes=changes_of(found.payload),
        kind=kind,
        item=opened_from(path, behind),
        itself=opened_from(path + PART, behind),
    )


def diff_address(entry: LogEntry, behind: str) -> str:
    """Return the address of the comparison, "" where there is nothing to compare: it works, or never did."""
    if entry.status == "success" or entry.last_success_at is None:
        return ""
    return opened_from(entry_path(entry.kind, entry.affiliate, entry.code, PART), behind)


def changes_of(changes: Changes | None) -> list[ChangeView]:
    """Return the changes of a payload as lines of a page."""
    return [_line(change) for change in changes.items] if changes else []


def _line(change: Change) -> ChangeView:
    before = "" if change.kind == "added" else _written(change.before)
    after = "" if change.kind == "removed" else _written(change.after)
    shown = [_shortened(text) for text in (before, after)]
    return ChangeView(
        where=[visible(name) for name in names_in(change.path)],
        kind=change.kind,
        before=shown[0],
        after=shown[1],
        is_hidden=change.kind == "changed" and before == after,
        is_cut=shown != [before, after],
    )


def _written(value: Any) -> str:
    """Return a value as JSON: it tells a number from a text of digits, and an empty text from none."""
    return visible(indented(value))


def _shortened(text: str) -> str:
    kept = "\n".join(text.splitlines()[:MOST_LINES])[:MOST_LETTERS]
    return text if kept == text else f"{kept}…"
