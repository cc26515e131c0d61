"""Whether a browser's request comes from our own pages: the defence against forged requests (CSRF)."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "QUERY", "TRACE"})
OWN_SITES: Final = frozenset({"same-origin", "none"})
"""`none`: typed or bookmarked by the person. `same-site` is another host, which may belong to someone else."""


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Say whether the request comes from our own pages. `headers` have lower-case names. Silence means no."""
    if (site := headers.get("sec-fetch-site")) is not None:
        return site in OWN_SITES
    origin = headers.get("origin") or headers.get("referer")
    return origin is not None and _is_host(urlsplit(origin).netloc, headers.get("host", ""))


def _is_host(netloc: str, host: str) -> bool:
    return netloc != "" and netloc.lower() == host.lower()
