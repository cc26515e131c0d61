"""`ponte doctor`: what is missing or unreachable, each with what to do about it."""

import sys
import urllib.error
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from deploy.addresses import LOOPBACK, local_url, open_local
from deploy.errors import CommandError
from deploy.instance import Instance, data_folder, find_instance, http_port
from deploy.local.diagnosis import Finding, diagnose
from deploy.local.ports import is_free

OLDEST_PYTHON = (3, 11)
SECONDS = 2.0


def examine() -> list[Finding]:
    """Return what was found, in the order in which things are needed."""
    return [_python(), *diagnose(data_folder(), is_running=_runs_here()), *_here()]


def _runs_here() -> bool:
    try:
        return find_instance(http_port()) is not None
    except CommandError:
        return False  # told by the finding about the port


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    fine = sys.version_info >= OLDEST_PYTHON
    return Finding("Python", fine, version, "" if fine else "install Python 3.11 or newer, then run `make setup`")


def _here() -> Iterator[Finding]:
    try:
        port = http_port()
    except CommandError as error:
        yield Finding("PONTE_HTTP_PORT", ok=False, detail=str(error), remedy="set it to a port, or unset it for 8080")
        return
    instance = find_instance(port)
    if instance is None:
        free = is_free(port)
        yield Finding(
            f"port {port}",
            free,
            "free; no Ponte runs here" if free else "taken by a program that is not Ponte",
            "" if free else "stop that program, or set PONTE_HTTP_PORT to a free port",
        )
        return
    yield from ask_services(instance).values()


def ask_services(instance: Instance) -> dict[str, Finding]:
    """Ask each service whether it is ready, all at once, in `SECONDS` at most; return what was found, by name."""
    urls = {
        name: instance.api["url"]
        if name == "query"
        else local_url(service.get("health_host", LOOPBACK), service["health_port"])
        for name, service in instance.services.items()
        if "health_port" in service
    }
    with ThreadPoolExecutor() as pool:
        return dict(zip(urls, pool.map(lambda name: _ask(name, urls[name], instance), urls), strict=True))


def _ask(name: str, address: str, instance: Instance) -> Finding:
    url, log = f"{address}/health/ready", instance.services[name]["log"]
    try:
        with open_local(url, SECONDS):
            return Finding(f"service {name}", ok=True, detail="ready")
    except urllib.error.HTTPError as error:
        detail = error.read(500).decode(errors="replace")
        return Finding(f"service {name}", ok=False, detail=f"not ready: {detail}", remedy=f"see {log}")
    except OSError as error:
        return Finding(f"service {name}", ok=False, detail=f"does not answer: {error}", remedy=f"see {log}")
