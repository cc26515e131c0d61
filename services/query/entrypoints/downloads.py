"""A file as an answer: whole or one range, named safely (RFC 6266), recognisable by its hash."""

import re
from typing import Final
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from services.query.entrypoints.caching import OURS, holds
from services.query.entrypoints.problems import problem
from services.query.handlers.files import ExportFile
from shared.contracts.dead_letters import Letter

REPORT_TYPES: Final = (
    "application/octet-stream",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/x-ndjson",
    "text/csv",
)
"""Not compressed on the way: a download keeps its length and its ranges."""

FILE_HEADERS: Final = {
    "ETag": {"description": "the file's SHA-256", "schema": {"type": "string"}},
    "Content-Disposition": {"description": "its name", "schema": {"type": "string"}},
    "Accept-Ranges": {"description": "`bytes`", "schema": {"type": "string"}},
}

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


def download(file: ExportFile, request: Request) -> Response:
    """Return the answer to a request for `file`."""
    headers = request.headers
    size, tag = file.content.size, f'"{file.sha256}"'
    told = {"Accept-Ranges": "bytes", "Content-Disposition": attachment(file.name)}
    if file.sha256:
        told |= {"ETag": tag, **OURS}
        if holds(headers.getlist("if-none-match"), tag):
            return Response(status_code=304, headers=told)
    wanted = headers.get("range") if headers.get("if-range") in {None, tag} else None
    start, end = (0, size) if wanted is None else byte_range(wanted, size)
    if start >= end and size > 0:
        beyond = (
            f"the file has {size} bytes: ask for a range that begins before its end, or for all of it without `Range`"
        )
        return problem(request.scope, 416, beyond, headers={"Content-Range": f"bytes */{size}"})
    told["Content-Length"] = str(end - start)
    partial = (start, end) != (0, size)
    if partial:
        told["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return StreamingResponse(
        file.content.read(start, end), status_code=206 if partial else 200, headers=told, media_type=file.content_type
    )


def letter_file(letter: Letter) -> Response:
    """Return the value of a dead letter, byte for byte, as a file that no browser shows."""
    name = attachment(f"{letter.id.replace(':', '-')}.bin")
    return Response(letter.value or b"", headers={"Content-Disposition": name}, media_type="application/octet-stream")


def byte_range(text: str, size: int) -> tuple[int, int]:
    """Return (start, end), end exclusive, of a Range header; the whole file for one that we do not serve; (0, 0): none of it."""
    matched = _RANGE.fullmatch(text.strip())
    if matched is None or matched[0] == "bytes=-":
        return 0, size
    first, last = matched.groups()
    if not first:
        return (max(size - int(last), 0), size) if int(last) else (0, 0)
    if int(first) >= size:
        return 0, 0
    if last and int(last) < int(first):
        return 0, size
    return int(first), min(int(last) + 1, size) if last else size


def attachment(name: str) -> str:
    """Return a Content-Disposition that no name can break out of."""
    safe = re.sub(r"[^A-Za-z0-9._ -]", "_", name) or "export"
    return f"attachment; filename=\"{safe}\"; filename*=UTF-8''{quote(name, safe='')}"
