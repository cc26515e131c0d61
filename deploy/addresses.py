"""Where to ask a service of this machine, by the address that it was told to listen on."""

import ipaddress
import urllib.request
from http.client import HTTPResponse
from typing import Final, cast

LOOPBACK: Final = "127.0.0.1"
LOOPBACK_6: Final = "::1"


def local_url(listens_on: str, port: int) -> str:
    """Return the URL of who listens on that address: one that means every address of the machine is asked on the loopback."""
    host = _reachable(listens_on.strip())
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def open_local(url: str, timeout_seconds: float) -> HTTPResponse:
    """Ask a service of this machine, without what the environment says of proxies: none has a way to it. Raise OSError."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return cast("HTTPResponse", opener.open(url, timeout=timeout_seconds))


def _reachable(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host or LOOPBACK  # a name, or nothing, which is every address as well
    if not address.is_unspecified:
        return host
    return LOOPBACK if address.version == 4 else LOOPBACK_6  # noqa: PLR2004
