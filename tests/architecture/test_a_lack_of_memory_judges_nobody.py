"""MemoryError is an Exception, and says nothing of whatever was being looked at when memory ran out: who catches all lets it pass."""

import ast
from collections.abc import Iterator
from pathlib import Path

HOUSE = Path(__file__).parents[2]

BROAD = {"Exception", "BaseException"}

HARMLESS = {
    "services/ingest/adapters/entry_bytes.py": "the encoder is asked again, and meets it itself",
    "services/ingest/adapters/held_bytes.py": "the decoder is asked again, and meets it itself",
    "services/query/entrypoints/middleware/observing.py": "one request is answered 500",
    "services/query/entrypoints/pages/frame.py": "one request is answered 500",
    "services/query/handlers/stream/feed.py": "the feed is followed again from where it was",
    "services/query/handlers/stream/pump.py": "every stream is told to read its list again",
    "shared/runtime/health.py": "the worker is not ready",
    "shared/runtime/worker.py": "whatever it is ends the process",
}
"""Where it is caught with all the others, and why nothing is said of anything."""


def caught(handler: ast.ExceptHandler) -> set[str]:
    """Return the names of what a handler catches."""
    if handler.type is None:
        return {"BaseException"}
    return {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}


def swallowing(tree: ast.AST) -> Iterator[int]:
    """Yield the lines of the handlers that catch all, MemoryError with it, and do not raise it again."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Try):
            continue
        seen: set[str] = set()
        for handler in node.handlers:
            is_raised = isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None
            if caught(handler) & BROAD and not seen & {"MemoryError", *BROAD} and not is_raised:
                yield handler.lineno
            seen |= caught(handler)


def test_who_catches_all_lets_a_lack_of_memory_pass() -> None:
    pages = [path for folder in ("services", "shared") for path in sorted((HOUSE / folder).rglob("*.py"))]
    found = {
        str(path.relative_to(HOUSE)): lines
        for path in pages
        if (lines := list(swallowing(ast.parse(path.read_text(encoding="utf-8")))))
    }

    assert {page: lines for page, lines in found.items() if page not in HARMLESS} == {}
    assert HARMLESS.keys() == found.keys()  # a page that catches nothing any more needs no excuse


def test_who_would_judge_is_found() -> None:
    page = "try:\n    a()\nexcept ValueError:\n    b()\nexcept Exception:\n    c()\n"

    assert list(swallowing(ast.parse(page))) == [5]
    assert list(swallowing(ast.parse(page.replace("ValueError", "MemoryError")))) == []
    assert list(swallowing(ast.parse(page.replace("c()", "raise")))) == []
