"""What a request tells about the way that it came."""

from typing import Final

from fastapi import Request

HTTPS: Final = "https"


def request_id_of(request: Request) -> str:
    """Return the correlation id that Observe gave the request; "" outside of it."""
    return str(request.scope.get("state", {}).get("request_id", ""))


def address_of(request: Request) -> str:
    """Return scheme and host as the request names them. Whoever asks chooses what they name: nothing for others may rest on it."""
    scheme = HTTPS if came_by_https(request) else request.url.scheme
    return f"{scheme}://{request.base_url.netloc}"


def came_by_https(request: Request) -> bool:
    """Say whether the visitor's browser spoke https: to us, or to a proxy that says so.

    Whoever invents the header only makes their own cookie safer than it can be used, so it is believed of everyone; the server
    itself believes it of proxies on this machine alone, or those of FORWARDED_ALLOW_IPS.
    """
    told = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    return HTTPS in {request.url.scheme, told}
