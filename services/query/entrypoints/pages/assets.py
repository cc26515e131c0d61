"""The panel's static files: read once, served from memory, addressed with the hash of their content."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response

from services.query.entrypoints.caching import holds
from shared.contracts.errors import NotFound

STATIC: Final = Path(__file__).parents[2] / "panel" / "static"
MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
FOR_EVER: Final = "public, max-age=31536000, immutable"
ASK_AGAIN: Final = "no-cache"
_IMPORTED: Final = re.compile(rb'(from "\./|import "\./|url\("\./)([\w.-]+)"')


@dataclass(frozen=True, slots=True)
class Assets:
    """All static files and the hash over them: one version for all, since modules and styles name one another."""

    files: Mapping[str, bytes]
    version: str

    def address(self, name: str) -> str:
        """Return the address of a file; an unknown name is our mistake and raises KeyError."""
        if name not in self.files:
            raise KeyError(name)
        return f"/static/{name}?v={self.version}"


def read_assets(folder: Path = STATIC) -> Assets:
    """Return the folder's files. What they import from one another is given the version too."""
    raw = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in MEDIA_TYPES}
    digest = hashlib.sha256(b"\0".join(name.encode() + b"\0" + body for name, body in raw.items()))
    version = digest.hexdigest()[:16]
    versioned = rb"\g<1>\g<2>?v=" + version.encode() + b'"'
    return Assets({name: _IMPORTED.sub(versioned, body) for name, body in raw.items()}, version)


def asset_routes(assets: Assets) -> APIRouter:
    """Return the route of the static files."""
    router = APIRouter(include_in_schema=False)

    @router.get("/static/{name}")
    async def get_asset(name: str, request: Request, v: str = "") -> Response:
        """Answer a file; 304 when the browser's copy is the same."""
        body = assets.files.get(name)
        if body is None:
            raise NotFound(f"no static file is called {name!r}")
        headers = {
            "Cache-Control": FOR_EVER if v == assets.version else ASK_AGAIN,
            "ETag": f'W/"{assets.version}"',  # weak: it travels compressed too
            "X-Content-Type-Options": "nosniff",
        }
        if holds(request.headers.getlist("if-none-match"), headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type=MEDIA_TYPES[Path(name).suffix], headers=headers)

    return router
