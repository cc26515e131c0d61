"""The panel: the same handlers as the API, answered as pages. It works without a script and is quicker with one."""

from fastapi import APIRouter

from services.query.entrypoints.dependencies import Services
from services.query.entrypoints.pages import (
    audit,
    diff,
    entries,
    exports,
    groups,
    help,  # noqa: A004  # a path is a name
    imports,
    integrations,
    keys,
    letters,
    lists,
    reprocess,
    revealing,
    stories,
    views,
    visiting,
)
from services.query.entrypoints.pages.assets import asset_routes
from services.query.entrypoints.pages.screen import assets


def router(_services: Services) -> APIRouter:
    """Return all pages. Fixed paths stand before those with parameters."""
    pages = APIRouter(include_in_schema=False)
    fixed = (
        visiting.router,
        reprocess.router,
        exports.router,
        imports.router,
        letters.router,
        integrations.router,
        keys.router,
        audit.router,
        views.router,
        stories.router,
        help.router,
        lists.router,
        groups.router,
    )
    for part in (asset_routes(assets()), *fixed):
        pages.include_router(part)
    for part in (entries.router, diff.router, revealing.router):
        pages.include_router(part)
    return pages
