"""The help behind every `?`: what an error means, what to do, whether trying again helps."""

from collections import defaultdict
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from services.query.entrypoints.middleware.paths import Segment
from services.query.entrypoints.pages.frame import OpenPageRoute
from services.query.entrypoints.pages.lists import Visitor
from shared.contracts.catalogue import CATALOGUE, ErrorCode, find
from shared.contracts.names import KINDS

HELP_CENTER: Final = "https://help.vtex.com"
KNOWN_ISSUE: Final = "KI "

router = APIRouter(include_in_schema=False, route_class=OpenPageRoute)


@router.get("/help")
async def show_help(screen: Visitor) -> Response:
    """Show all errors of the catalogue under the tab where they first appear."""
    families: dict[str, list[ErrorCode]] = defaultdict(list)
    for code in CATALOGUE.values():
        families[next(kind for kind in KINDS if kind in code.kinds)].append(code)
    return screen.render("help.html", families={kind: families[kind] for kind in KINDS if families[kind]})


@router.get("/help/{error_code}")
async def show_error(error_code: Segment, screen: Visitor) -> Response:
    """Show one error; a module asks for the article alone. An unknown code gets an article too: it may come from any connector."""
    known = find(error_code)
    return screen.render(
        "parts/article.html" if screen.wants_fragment else "help_error.html",
        error_code=error_code,
        known=known,
        article=article_address(known, screen.t.language) if known else "",
    )


def article_address(known: ErrorCode, language: str) -> str:
    """Return the address of the help center's own article, "" where there is none or only a known issue's number."""
    if not known.article or known.article.startswith(KNOWN_ISSUE):
        return ""
    return f"{HELP_CENTER}/{language}/faq/{known.article}"
