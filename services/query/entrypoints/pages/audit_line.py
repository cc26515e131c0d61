"""A line of the audit as the panel tells it: what was done in words, to what, and where that has a page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from services.query.core.keys import ApiKey
from services.query.core.permissions import Caller, Scope
from services.query.entrypoints.pages.address import entry_path
from services.query.entrypoints.pages.language import Words
from services.query.handlers.auditing import AuditLine
from shared.contracts.events import split_entry_id
from shared.contracts.names import KINDS
from shared.contracts.segments import write_segment

ENTRIES: Final = ("entry", "attempts", "diff")
"""First words of the actions on entries. The id of one is account, kind, affiliate and code, which may hold the separator."""
SIGNING_IN: Final = ("session", "sign_in_code")
"""First words of the actions whose target is who did them: a key, or the subject of a token, which has no page."""

KEYS: Final = ("key", *SIGNING_IN)
NO_KEYS: Final[Mapping[str, ApiKey]] = {}

PAGES: Final[Mapping[str, tuple[Scope, str]]] = {
    "dead_letter": ("read", "/dead-letters/"),
    "export": ("export", "/exports/"),
    "import": ("reprocess", "/imports/"),
    "integration": ("read", "/integrations/"),
    "key": ("admin", "/keys/"),
    "replay": ("reprocess", "/dead-letters/replays/"),
    "reprocess": ("read", "/reprocess/"),
    "session": ("admin", "/keys/"),
    "sign_in_code": ("admin", "/keys/"),
}
"""First word of an action → the scope that the page of its target wants, and where that page is. A view has none."""


@dataclass(frozen=True, slots=True)
class LineView:
    """One line. `action` is in words; one that only an older version knew is told as it called it. `way`: through what it was done.

    `name`: what it is about, for people; `href`: the page of that, "" where there is none, or none for the visitor.
    """

    line: AuditLine
    action: str
    way: str
    name: str
    href: str


def line_of(line: AuditLine, caller: Caller, t: Words, keys: Mapping[str, ApiKey] = NO_KEYS) -> LineView:
    """Return a line as `caller` reads it. `keys`: those that are told by their names, by id."""
    words = f"audit.action.{line.action}"
    what = line.action.partition(".")[0]
    name, href = _entry_of(line, caller, t) if what in ENTRIES else _thing_of(what, line, caller)
    if what in KEYS and (key := keys.get(line.target)) is not None:
        name = f"{key.name} · {key.prefix}…"
    return LineView(
        line=line,
        action=t(words) if t.has(words) else line.action,
        way=t("audit.way.panel" if line.by_session else "audit.way.token" if line.by_token else "audit.way.api"),
        name=name,
        href=href,
    )


def _entry_of(line: AuditLine, caller: Caller, t: Words) -> tuple[str, str]:
    try:
        _, kind, affiliate, code = split_entry_id(line.target)
    except ValueError:
        return line.target, ""
    if kind not in KINDS:
        return line.target, ""
    href = entry_path(kind, affiliate, code) if caller.may("read") else ""
    return f"{t(f'item.{kind}')} {code} · {affiliate}", href


def _thing_of(what: str, line: AuditLine, caller: Caller) -> tuple[str, str]:
    name = line.target.rpartition("|")[2] if what == "integration" else line.target
    if what not in PAGES or (what in SIGNING_IN and line.by_token):
        return name, ""
    scope, path = PAGES[what]
    return name, path + write_segment(name) if caller.may(scope) else ""
