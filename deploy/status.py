"""`ponte status`: where everything of this Ponte is, whether it is well, and a fresh sign-in link."""

from collections.abc import Mapping
from typing import Any, Final

from deploy.api import asking
from deploy.doctor import ask_services
from deploy.errors import CommandError
from deploy.instance import Instance
from deploy.parts import SERVICES
from shared.kafka.address import shown_servers

ANSWER_SECONDS: Final = 5.0
ORIGINS: Final = {"given": "as given", "docker": "in Docker"}
"""What is said of a server that is no process of ours."""


def tell(instance: Instance) -> tuple[str, bool]:
    """Return the text for a person, and whether every service is ready."""
    found = ask_services(instance)
    rows = [
        ("API", instance.api["url"]),
        ("Kafka", f"{shown_servers(str(instance.kafka['bootstrap']))}   {_place(instance.kafka)}"),
        ("MongoDB", _place(instance.mongo)),
    ]
    for name, service in instance.services.items():
        said = f"{found[name].detail.partition(':')[0]:15}   " if name in found else ""
        health = f"health on port {service['health_port']}   " if name in found else ""
        rows.append((name, f"{said}process {service['pid']}   {health}log {service['log']}"))
    ready = {name for name, finding in found.items() if finding.ok}
    if "query" in ready:
        rows.append(("sign in", _link(instance)))
    is_well = ready == set(SERVICES)
    if not is_well:
        rows.append(("", "what is not ready, and why: `ponte doctor`"))
    return "\n".join(f"{name:11}   {said}" for name, said in rows), is_well


def _place(server: Mapping[str, Any]) -> str:
    return ORIGINS.get(server["origin"]) or f"process {server['pid']}"


def _link(instance: Instance) -> str:
    try:
        with asking(instance.api, attempts=1, timeout_seconds=ANSWER_SECONDS) as ponte:
            return ponte.create_sign_in_code().link
    except CommandError as error:
        return f"no link just now: {error}"
